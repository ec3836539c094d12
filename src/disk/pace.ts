/** Blocks over which a pace forgets. */
const MEMORY_BLOCKS = 16;
/** One block counts as so many times the mean at most: a stall is no pace. */
const STALL = 16;

/** A block that has reached everybody. Time is in microseconds. */
export type Delivered = {
  readonly bytes: number;
  /** Since the block before it, and for how much of that this thread worked. */
  readonly tookUs: number;
  readonly busyUs: number;
  /** Whether blocks were waiting for the wire then. */
  readonly waiting: boolean;
};

/** How long blocks take, by their bytes, of late, and what they wait for. */
export class Pace {
  #bytes = 0;
  #us = 0;
  #busyUs = 0;
  #waiting = 0;
  #weight = 0;
  /** Blocks that it was taken of. */
  blocks = 0;

  add(block: Delivered): void {
    const tookUs =
      this.blocks < MEMORY_BLOCKS ? block.tookUs : Math.min(block.tookUs, STALL * this.usPerBlock);
    const kept = 1 - 1 / MEMORY_BLOCKS;
    this.#bytes = this.#bytes * kept + block.bytes;
    this.#us = this.#us * kept + tookUs;
    this.#busyUs = this.#busyUs * kept + Math.min(tookUs, block.busyUs);
    this.#waiting = this.#waiting * kept + Number(block.waiting);
    this.#weight = this.#weight * kept + 1;
    this.blocks++;
  }

  /** Greater than 0. */
  get usPerByte(): number {
    return Math.max(1, this.#us) / Math.max(1, this.#bytes);
  }

  /** Greater than 0. */
  get usPerBlock(): number {
    return Math.max(1, this.#us) / Math.max(1, this.#weight);
  }

  /** For which part of the time this thread worked, 0 to 1. */
  get busyShare(): number {
    return this.#busyUs / Math.max(1, this.#us);
  }

  /** Whether the wire is what holds the push up, more often than not. */
  get wireBound(): boolean {
    return this.#waiting > this.#weight / 2;
  }
}
