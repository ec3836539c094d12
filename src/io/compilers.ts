import { readdirSync, readFileSync, readlinkSync, statfsSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import type { Micros } from "../wire/brand.ts";

/** How JavaScriptCore names the threads that compile JavaScript. */
const NAME = "JITWorker";
/** A tenth of a processor that somebody else wants, and all of one that is idle. */
const NICENESS = 10;
/** They come and go: idle ones end after ten seconds. */
const LOOK_US = 50_000;
/** A thread names itself after it has begun. */
const LOOKS = 2;
/** A proc file system, as statfs(2) tells. */
const PROC_SUPER_MAGIC = 0x9fa0;
/** As Bun tells it: that thread has ended. */
const NO_SUCH_THREAD = -3;

/**
 * Lets the threads that compile JavaScript, which the daemon's other threads start as they need them, run after all others. The first pushes of a daemon
 * have a second and more of their work; with the niceness of all others they would take the processors from the push, and from whatever else the host is
 * for. Where the process may not do that, or cannot see its own threads, as in a chroot, they are left as they are.
 */
export class Compilers {
  readonly #tasks: string;
  readonly #lower: (thread: number, niceness: number) => void;
  readonly #niceness: number;
  #works: boolean;
  /** How often each thread has been looked at, by its number. */
  #looks: ReadonlyMap<string, number> = new Map();
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** To be made when the process has given up all that it will. `proc`: where the kernel tells of processes; `lower`: setpriority(2), which throws. */
  constructor({ proc = "/proc", lower = setPriority } = {}) {
    this.#tasks = `${proc}/self/task`;
    this.#lower = lower;
    // Where the whole process has more, it has been given that.
    this.#niceness = Math.max(NICENESS, getPriority());
    this.#works = tellsOfThisProcess(proc);
  }

  /** Looks for new ones, at most every 50 ms; so it may be called as often as there is work. */
  look(now: Micros): void {
    if (!this.#works || now - this.#lookedAt < LOOK_US) return;
    this.#lookedAt = now;
    try {
      const looks = new Map<string, number>();
      for (const thread of readdirSync(this.#tasks)) looks.set(thread, this.#lookAt(thread));
      this.#looks = looks;
    } catch {
      // It will be so the next time.
      this.#works = false;
    }
  }

  /** Returns how often the thread has been looked at now. Throws if it cannot be lowered. */
  #lookAt(thread: string): number {
    const looks = this.#looks.get(thread) ?? 0;
    if (looks === LOOKS) return LOOKS;
    if (!nameOf(`${this.#tasks}/${thread}/comm`).startsWith(NAME)) return looks + 1;
    try {
      this.#lower(Number(thread), this.#niceness);
    } catch (error) {
      if ((error as { errno?: unknown }).errno !== NO_SUCH_THREAD) throw error;
    }
    return LOOKS;
  }
}

/** Whether it is there, and not that of another process table, where numbers mean others; in a chroot it may be a tree that only looks like it. */
function tellsOfThisProcess(proc: string): boolean {
  try {
    return statfsSync(proc).type === PROC_SUPER_MAGIC && readlinkSync(`${proc}/self`) === String(process.pid);
  } catch {
    return false;
  }
}

/** Empty if the thread has ended meanwhile. */
function nameOf(comm: string): string {
  try {
    return readFileSync(comm, "latin1");
  } catch {
    return "";
  }
}
