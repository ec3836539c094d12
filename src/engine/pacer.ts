import type { Micros } from "../wire/brand.ts";

/** Packets of one burst of a paced node: about what one GSO send takes. */
const BURST = 44;

/** Keeps a node's DATA below its rate limit, over all its pushes: after a burst, nothing until the burst's time is over. */
export class Pacer {
  readonly #bytesPerSecond: number | undefined;
  #at = 0;

  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  get limited(): boolean {
    return this.#bytesPerSecond !== undefined;
  }

  /** Most packets to send at once. */
  get burst(): number {
    return this.limited ? BURST : Number.POSITIVE_INFINITY;
  }

  /** When the next burst may go out. */
  get at(): Micros {
    return this.#at as Micros;
  }

  onSent(bytes: number, now: Micros): void {
    if (this.#bytesPerSecond === undefined) return;
    this.#at = Math.max(this.#at, now) + (bytes * 1e6) / this.#bytesPerSecond;
  }
}
