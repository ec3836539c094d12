/** A running makuosan in a host of the lab. */

import type { Host } from "./lab.ts";
import { childrenOf, killTree, must, until } from "./run.ts";

/** Connects to the console and waits for its prompt, or its question for a password; tries again until there is one, but does not outlive a test that has given up. */
const AWAIT_PROMPT = `
until { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null; do [ "$SECONDS" -lt 25 ] && sleep 0.02 || exit 1; done
IFS= read -r -t 10 -N 2 prompt <&3 && { [ "$prompt" = "> " ] || [ "$prompt" = pa ]; }`;

/** A daemon that answers, or has answered: its process, its signals and its words. */
export class Daemon {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #chunks: string[] = [];
  readonly #drained: Promise<unknown>;
  /** Process id as seen from outside. */
  readonly pid: number;

  private constructor(process: Bun.Subprocess<"ignore", "pipe", "pipe">, pid: number) {
    this.#process = process;
    this.pid = pid;
    this.#drained = Promise.all([process.stdout, process.stderr].map((stream) => this.#collect(stream)));
  }

  /** Starts `argv` in the host; resolves when its console on `port` answers, rejects with its words if it ends before. */
  static async start(host: Host, argv: readonly string[], port: number): Promise<Daemon> {
    const process = Bun.spawn(host.namespace.command(argv), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: host.environment(),
    });
    const pid = await until(
      `a process of ${argv.join(" ")}`,
      () => childrenOf(process.pid)[0] ?? process.exitCode ?? undefined,
    );
    const daemon = new Daemon(process, pid);
    const prompt = must(host.namespace.networkCommand(["bash", "-c", AWAIT_PROMPT, "bash", String(port)]), {
      timeoutMs: 20_000,
    }).then(() => "ready" as const);
    prompt.catch(() => undefined);
    if ((await Promise.race([prompt, process.exited])) !== "ready") {
      throw new Error(`${host.name}: the daemon ended at once\n${await daemon.log()}`);
    }
    return daemon;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Sends a signal and, unless it is one to stop or go on, waits for the end. Returns the exit status (null after a signal's death). */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.running) return this.#process.exitCode;
    killTree(this.pid, signal);
    // nsenter stops itself when its child has stopped, and would not see the child's end then.
    if (signal === "SIGCONT") this.#process.kill(signal);
    if (signal === "SIGSTOP" || signal === "SIGCONT") return null;
    return await this.ended();
  }

  /** Sends SIGKILL without waiting: for a moment that matters. */
  killNow(): void {
    process.kill(this.pid, "SIGKILL");
  }

  /** Waits for the end, at most 20 s. */
  async ended(): Promise<number | null> {
    await until("the daemon's end", () => (this.running ? undefined : true), { timeoutMs: 20_000 });
    return this.#process.exitCode;
  }

  /** Everything it has printed so far, to either stream. */
  async log(): Promise<string> {
    if (!this.running) await this.#drained;
    return this.#chunks.join("");
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#chunks.push(decoder.decode(chunk, { stream: true }));
  }
}
