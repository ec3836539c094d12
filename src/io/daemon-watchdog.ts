import type { ThreadName } from "./threads.ts";

export type WatchdogParts = {
  /** Asks a thread for a sign of life; false if it has not been started. */
  ask(thread: ThreadName, answer: () => void): boolean;
  /** Everybody lives: tell who wants to know. */
  alive(): void;
  /** Milliseconds of a clock that goes forward. */
  now(): number;
  /** Time for the engine to answer, which waits for nobody. */
  readonly enginePatienceMs: number;
};

/**
 * A disk thread may be in one system call for as long as the disk takes to write what it has: that is no reason to end it, and a service manager
 * that did so would only make it start again.
 */
export const DISK_PATIENCE_MS = 10 * 60_000;

/** Vouches for this process only as long as every thread of it answers. */
export class Watchdog {
  readonly #parts: WatchdogParts;
  /** When the question was put that has not been answered yet. */
  readonly #asked = new Map<ThreadName, number>();

  constructor(parts: WatchdogParts) {
    this.#parts = parts;
  }

  /** To be called again and again, a few times within what the service manager allows. Says whether all was well. */
  look(): boolean {
    const { alive, now, enginePatienceMs } = this.#parts;
    const patience = { engine: enginePatienceMs, source: DISK_PATIENCE_MS, stage: DISK_PATIENCE_MS };
    const time = now();
    const well = [...this.#asked].every(([thread, asked]) => time - asked <= patience[thread]);
    if (well) alive();
    for (const thread of ["engine", "source", "stage"] as const) this.#ask(thread);
    return well;
  }

  #ask(thread: ThreadName): void {
    if (this.#asked.has(thread)) return;
    this.#asked.set(thread, this.#parts.now());
    if (!this.#parts.ask(thread, () => this.#asked.delete(thread))) this.#asked.delete(thread);
  }
}
