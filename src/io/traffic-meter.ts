const windowUs = 1_000_000;

/** Bytes a second over the last whole second in which there was traffic, from a counter that only grows. */
export class TrafficMeter {
  readonly #read: () => number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #bytesAtStart = 0;
  #rate = 0;

  constructor(read: () => number) {
    this.#read = read;
  }

  /** Called now and then while there is traffic; cheap within a second. */
  look(now: number): void {
    const elapsed = now - this.#windowStart;
    if (elapsed < windowUs) return;
    const bytes = this.#read();
    // After a pause there is no second to speak of: it only begins.
    this.#rate = elapsed < 2 * windowUs ? ((bytes - this.#bytesAtStart) * 1_000_000) / elapsed : 0;
    this.#windowStart = now;
    this.#bytesAtStart = bytes;
  }

  /** Bytes a second; 0 when the last second is too long ago. */
  rate(now: number): number {
    this.look(now);
    return this.#rate;
  }
}
