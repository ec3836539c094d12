/**
 * A set of namespaces (network, host name, mounts, processes) and the process that holds them. They have no name in the file system:
 * they end with their first process, which the kernel kills when the lab's own process ends, in whatever way. Nothing is left to clean.
 */
import { childrenOf, must, type Result, type RunOptions, run, until } from "./run.ts";

/** Folder inside each namespace that is a file system in memory of its own. */
export const PRIVATE = "/srv";

/** The namespaces of one host, or of the switch. */
export class Namespace {
  readonly #holder: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** First process of the namespaces, as seen from outside. */
  readonly pid: number;

  private constructor(holder: Bun.Subprocess<"ignore", "pipe", "pipe">, pid: number) {
    this.#holder = holder;
    this.pid = pid;
  }

  /**
   * Makes the namespaces, with a host name, an empty `PRIVATE`, and in it `www`, which is the folder `www` from outside. Rejects where the rights
   * are missing.
   */
  static async create(name: string, www: string): Promise<Namespace> {
    const script = [
      `hostname "$1"`,
      `mount -t tmpfs -o mode=755 lab ${PRIVATE}`,
      `mkdir ${PRIVATE}/bin ${PRIVATE}/www`,
      `mount --bind "$2" ${PRIVATE}/www`,
      `echo ready`,
      // The shell waits, so that it collects processes whose parents have gone.
      `while :; do sleep 1000 & wait; done`,
    ].join(" && ");
    const unshare =
      "unshare --net --uts --ipc --mount --propagation private --pid --fork --kill-child --mount-proc";
    const holder = Bun.spawn(
      ["setpriv", "--pdeathsig", "KILL", ...unshare.split(" "), "sh", "-c", script, "sh", name, www],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const reader = holder.stdout.getReader();
    const first = await reader.read();
    if (first.value === undefined) {
      throw new Error(`namespaces cannot be made here (root is needed): ${await holder.stderr.text()}`);
    }
    reader.releaseLock();
    const pid = await until("the namespace's first process", () => childrenOf(holder.pid)[0]);
    return new Namespace(holder, pid);
  }

  /** The command that runs `argv` inside, as a child of its own. */
  command(argv: readonly string[]): string[] {
    return [...`nsenter --target ${this.pid} --net --uts --ipc --mount --pid --`.split(" "), ...argv];
  }

  /** The command that runs `argv` with this network only: files and processes are those outside. */
  networkCommand(argv: readonly string[]): string[] {
    return [...`nsenter --target ${this.pid} --net --`.split(" "), ...argv];
  }

  /** Where a path inside is found from outside. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`;
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Result> {
    return run(this.command(argv), options);
  }

  must(argv: readonly string[], options?: RunOptions): Promise<string> {
    return must(this.command(argv), options);
  }

  /** Ends everything inside. */
  async destroy(): Promise<void> {
    this.#holder.kill("SIGKILL");
    await this.#holder.exited;
    await until("the namespace's end", () => (childrenOf(this.pid).length === 0 ? true : undefined));
  }
}
