/** Commands on a host, measured there: see programs/launcher.c. */
import { readFileSync } from "node:fs";
import type { Host } from "../lab/lab.ts";
import { environment } from "../lab/run.ts";
import { program } from "./programs.ts";

const LOG = "/srv/launcher.log";
const TIMEOUT_MS = 300_000;

/** The program on one host, waiting for commands. */
export class Launcher {
  readonly #host: Host;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #output: AsyncIterator<Uint8Array>;
  #text = "";

  private constructor(host: Host, path: string) {
    this.#host = host;
    this.#process = Bun.spawn([path, String(host.namespace.pid), LOG], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { ...environment(), ...host.environment() },
    });
    this.#output = this.#process.stdout[Symbol.asyncIterator]();
  }

  static async start(host: Host): Promise<Launcher> {
    return new Launcher(host, await program("launcher"));
  }

  /** Seconds from the start of these commands, all at once, to the end of the last. Rejects if one fails, with what they printed. */
  async measure(commands: readonly (readonly string[])[]): Promise<number> {
    const words = commands.map((argv) => `${argv.map((word) => `${word}\x1f`).join("")}\x1e`);
    this.#process.stdin.write(`${words.join("")}\n`);
    this.#process.stdin.flush();
    const [seconds, ...statuses] = (await this.#line()).split(" ").map(Number);
    if (seconds === undefined || statuses.some((status) => status !== 0)) {
      throw new Error(`${commands.map((argv) => argv.join(" ")).join(" & ")}: ${statuses}\n${this.output()}`);
    }
    return seconds;
  }

  /** What the last commands printed, to either stream. */
  output(): string {
    return readFileSync(this.#host.path(LOG), "utf8");
  }

  async #line(): Promise<string> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), TIMEOUT_MS);
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#output.next();
      if (done)
        throw new Error(`a command on ${this.#host.name} has no end, or cannot start\n${this.output()}`);
      this.#text += new TextDecoder().decode(value);
    }
    clearTimeout(timer);
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }
}
