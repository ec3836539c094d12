import { shim } from "./ffi.ts";

/** Memory that is not in use. Each thread has a heap of JavaScript of its own. */

/** Frees what is not used any more and keeps what has been compiled; a few milliseconds. */
export function freeMemory(): void {
  Bun.gc(false);
}

/** After so much that is passed on and forgotten memory is freed. */
const PASSED_BYTES = 4 << 20;

/**
 * Frees memory each time that so much has been passed on: names of files are many small strings, each copied from form to form, and the
 * collector, which counts the arena as the thread's own, would let hundreds of megabytes of them gather first.
 */
export class PassedOn {
  #bytes = 0;

  /** So many bytes of names have been worked off. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < PASSED_BYTES) return;
    this.#bytes = 0;
    freeMemory();
  }
}

/**
 * As `freeMemory`, and the rest that starting a thread has left: the text of modules, and code that runs once. What was compiled goes as well, so
 * this is for a thread that has done nothing yet.
 */
export function settleMemory(): void {
  Bun.gc(true);
  Bun.shrink();
}

/**
 * Lets go of what the start has used of the program's code, for the whole process: more than half of what is resident then. It is read from the file,
 * and nothing can be lost; what is used again is mapped again, sixteen pages at a time.
 */
export function releaseProgram(): void {
  // Where the kernel refuses, the memory merely stays.
  shim.mk_release_program();
}
