/** A folder in memory that ends with this process. */
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where memory is mounted as a file system; elsewhere the system's folder for temporary files serves. */
const MEMORY = "/dev/shm";

/**
 * Removes the folder as soon as its input ends: when it is told so, or when the process that holds the other end is gone, however it ended.
 * Until the daemons below are gone, too, there may be something new to remove.
 */
const JANITOR = `trap '' INT TERM HUP; read -r _; until rm -rf -- "$1" 2>/dev/null; do sleep 0.1; done`;

/** The folder and the process that removes it. */
export class SharedFolder {
  readonly path: string;
  readonly #janitor: Bun.Subprocess<"pipe", "ignore", "ignore">;

  constructor(name: string) {
    this.path = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), `${name}-`));
    // In a session of its own, so that a terminal's interrupt does not reach it.
    this.#janitor = Bun.spawn(["setsid", "sh", "-c", JANITOR, "sh", this.path], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "ignore",
    });
  }

  async destroy(): Promise<void> {
    this.#janitor.stdin.end();
    await this.#janitor.exited;
  }
}
