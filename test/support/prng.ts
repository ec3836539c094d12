/**
 * A seeded generator of 32-bit integers (Chris Doty-Humphrey's sfc32), for tests that must replay bit by bit. Integer arithmetic only:
 * nothing here depends on how a machine rounds.
 */
export class Prng {
  readonly #seed: number;
  readonly #stream: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#seed = seed >>> 0;
    this.#stream = stream >>> 0;
    this.#a = this.#seed;
    this.#b = this.#stream;
    this.#c = 0x9e37_79b9;
    for (let round = 0; round < 12; round++) this.u32();
  }

  /** 32 random bits, as an unsigned integer. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** An integer in 0..bound-1; bound 1..2^32. The bias of the remainder is below 2^-10 for the bounds that tests use. */
  below(bound: number): number {
    return bound <= 1 ? 0 : this.u32() % bound;
  }

  /** An integer in low..high, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in `ppm` of a million calls. */
  chance(ppm: number): boolean {
    return ppm > 0 && this.below(1_000_000) < ppm;
  }

  /** One of the values; there must be at least one. */
  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("pick from nothing");
    return value;
  }

  /** A generator of its own for one concern, by name: neither moves the other, whoever draws first. */
  fork(concern: string): Prng {
    let hash = 0x811c_9dc5;
    for (let i = 0; i < concern.length; i++) hash = Math.imul(hash ^ concern.charCodeAt(i), 0x0100_0193);
    return new Prng(
      hash ^ this.#seed,
      Math.imul(hash ^ this.#stream, 0x85eb_ca6b) ^ Math.imul(this.#seed, 0xc2b2_ae35),
    );
  }
}
