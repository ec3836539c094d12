/** Programs that wait at the receivers for one transfer, and end with it. */
import type { Host } from "../../lab/lab.ts";

const END_MS = 20_000;

/** One process on each receiver. */
export class Receivers {
  #processes: Bun.Subprocess<"ignore", "pipe", "pipe">[] = [];

  /** Starts a command on each host; resolves when each has printed something, which it does when it can receive. */
  async start(hosts: readonly Host[], argv: (host: Host) => readonly string[]): Promise<void> {
    this.kill();
    this.#processes = hosts.map((host) =>
      Bun.spawn(host.namespace.command(argv(host)), { stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
    );
    await Promise.all(this.#processes.map(saysSomething));
  }

  /** Waits for the end of all; rejects if one fails or has no end. */
  async ended(): Promise<void> {
    const timer = setTimeout(() => this.kill(), END_MS);
    const statuses = await Promise.all(this.#processes.map((process) => process.exited));
    clearTimeout(timer);
    this.#processes = [];
    if (statuses.some((status) => status !== 0)) throw new Error(`receivers ended with ${statuses}`);
  }

  kill(): void {
    for (const process of this.#processes) process.kill("SIGKILL");
    this.#processes = [];
  }
}

/** Resolves with the first output to either stream, and goes on reading so that the program never waits for a reader. */
function saysSomething(process: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<void> {
  return new Promise((resolve, reject) => {
    const drain = async (stream: ReadableStream<Uint8Array>) => {
      for await (const _ of stream) resolve();
    };
    Promise.all([drain(process.stdout), drain(process.stderr)]).then(() =>
      reject(new Error("a receiver ended")),
    );
  });
}
