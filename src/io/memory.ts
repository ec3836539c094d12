/** Memory of JavaScript that is not in use. Each thread has a heap of its own. */

/** Frees what is not used any more and keeps what has been compiled; a few milliseconds. */
export function freeMemory(): void {
  Bun.gc(false);
}

/**
 * As `freeMemory`, and the rest that starting a thread has left: the text of modules, and code that runs once. What was compiled goes as well, so
 * this is for a thread that has done nothing yet.
 */
export function settleMemory(): void {
  Bun.gc(true);
  Bun.shrink();
}
