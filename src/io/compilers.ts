import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import type { Micros } from "../wire/brand.ts";
import { allocate, shim } from "./ffi.ts";

/**
 * The threads that compile JavaScript, which the daemon's other threads start as they need them. The first pushes of a daemon have a second and more of
 * their work; with the niceness of all others they would take the processors from the push, and from whatever else the host is for.
 */

/** How JavaScriptCore names them. */
const NAME = "JITWorker";
/** A tenth of a processor that somebody else wants, and all of one that is idle. */
const NICENESS = 10;
/** They come and go: idle ones end after ten seconds. */
const LOOK_US = 50_000;
const KNOWN_MAX = 256;

/**
 * A descriptor of the list of this process's threads, for `Compilers`, which keeps it; undefined where there is no /proc, or only that of another process
 * table, where the numbers mean others. To be called when the process has given up all that it will: a directory outside a chroot that is held open would
 * be a way out of it, so compilers are left as they are there.
 */
export function openTasks(): number | undefined {
  try {
    if (readlinkSync("/proc/self") !== String(process.pid)) return undefined;
    return openSync("/proc/self/task", constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
}

/** Lets the compilers run after all other threads. One thread of the process has it. */
export class Compilers {
  #tasks: number | undefined;
  readonly #name = allocate(NAME.length + 1);
  readonly #known = allocate(4 * KNOWN_MAX);
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** `tasks` is what `openTasks` gave. */
  constructor(tasks: number | undefined) {
    this.#tasks = tasks;
    new Uint8Array(this.#name.buffer).set(new TextEncoder().encode(NAME));
  }

  /** Looks for new ones, at most every 50 ms; so it may be called as often as there is work. */
  look(now: Micros): void {
    if (this.#tasks === undefined || now - this.#lookedAt < LOOK_US) return;
    this.#lookedAt = now;
    const { address } = this.#name;
    if (shim.mk_nice_threads(this.#tasks, address, NICENESS, this.#known.address, KNOWN_MAX) >= 0) return;
    // Not allowed here, or the list cannot be read: it will be so the next time.
    closeSync(this.#tasks);
    this.#tasks = undefined;
  }
}
