/** Memory in bytes that one push may keep, and all pushes together. */
export type Limits = { readonly push: number; readonly all: number };

/** Enough for three million new files a push, or fifteen million equal ones. */
export const USUAL_LIMITS: Limits = { push: 256 * 2 ** 20, all: 512 * 2 ** 20 };

/** What all pushes of a receiver keep. */
export type Pool = { kept: number };

/** Counts what a push keeps in memory, so that no sender can fill it. An estimate: what grows with the number of entries. */
export class Budget {
  readonly #pool: Pool;
  readonly #limits: Limits;
  #kept = 0;

  constructor(pool: Pool, limits: Limits) {
    this.#pool = pool;
    this.#limits = limits;
  }

  /** Counts `bytes` more; false if that is more than the push may keep. */
  take(bytes: number): boolean {
    this.#kept += bytes;
    this.#pool.kept += bytes;
    return this.#kept <= this.#limits.push && this.#pool.kept <= this.#limits.all;
  }

  /** Counts `bytes` less. */
  give(bytes: number): void {
    this.#kept -= bytes;
    this.#pool.kept -= bytes;
  }

  /** The push keeps nothing any more. */
  release(): void {
    this.#pool.kept -= this.#kept;
    this.#kept = 0;
  }
}
