import type { Micros } from "../wire/brand.ts";

/** Batches that come this soon after one another belong to one flow: threads of a busy host are late by some milliseconds. */
const FLOW_GAP_US = 5_000;
/** So many in a row: it is worth while, and no short push waits for anything. */
const FLOW_BATCHES = 16;
/** From one look to the next in a flow. At 10 Gbit/s, 1.5 MB come meanwhile, of the several megabytes that the socket holds. */
const LOOK_US = 1_200;

/**
 * Interrupt moderation, as network cards have it (ethtool's rx-usecs): while a flow of DATA comes in, the thread looks for it at intervals, and is not
 * woken for each burst. Waking a thread costs the sender's processor on a virtual network and the receiver's everywhere, more than the packets of one
 * burst do.
 */
export class Moderation {
  #lookedAt = Number.NEGATIVE_INFINITY;
  #batches = 0;

  /** DATA of pushes that are being received has been taken in. */
  onData(now: Micros): void {
    this.#batches = now - this.#lookedAt < FLOW_GAP_US ? this.#batches + 1 : 0;
    this.#lookedAt = now;
  }

  /** Microseconds for which packets may lie; 0 outside of a flow. */
  pauseUs(now: Micros): number {
    if (this.#batches < FLOW_BATCHES) return 0;
    return Math.max(0, this.#lookedAt + LOOK_US - now);
  }
}
