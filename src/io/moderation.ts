import type { Micros } from "../wire/brand.ts";

/** Batches that come this soon after they are looked for belong to one flow: threads of a busy host are late by some milliseconds. */
const FLOW_GAP_US = 5_000;
/** So many in a row: it is worth while, and no short push waits for anything. */
const FLOW_BATCHES = 16;
/** From one look to the next in a flow. At 10 Gbit/s, 1.5 MB come meanwhile, of the several megabytes that the socket holds. */
const LOOK_US = 1_200;
/** Where nobody waits for what is found: until so many packets have come, but no longer than this, so that what is missed is asked for in time. */
const LOOK_PACKETS = 128;
const LOOK_US_MAX = 8_000;
/** What a look finds says so much of how fast packets come, unless they come faster than was thought. */
const RATE_GAIN = 1 / 4;

/**
 * Interrupt moderation, as network cards have it (ethtool's rx-usecs): while a flow of DATA comes in, the thread looks for it at intervals, and is not
 * woken for each burst. Waking a thread costs the sender's processor on a virtual network and the receiver's everywhere, more than the packets of one
 * burst do.
 */
export class Moderation {
  #lookedAt = Number.NEGATIVE_INFINITY;
  #batches = 0;
  /** From the last look to the next. */
  #lookUs = LOOK_US;
  /** Packets that have come since then. */
  #packets = 0;
  #since = 0;
  /** Packets in a microsecond; 0: not known. */
  #rate = 0;

  /** DATA of pushes that are being received has been taken in: so many packets. */
  onData(now: Micros, packets: number): void {
    const flows = now - this.#lookedAt < FLOW_GAP_US + this.#lookUs - LOOK_US;
    this.#lookedAt = now;
    this.#batches = flows ? this.#batches + 1 : 0;
    this.#packets += packets;
    const elapsedUs = now - this.#since;
    if (flows && elapsedUs < LOOK_US) return;
    const rate = this.#packets / elapsedUs;
    this.#rate = flows ? Math.max(rate, this.#rate + (rate - this.#rate) * RATE_GAIN) : 0;
    this.#since = now;
    this.#packets = 0;
  }

  /** Microseconds for which packets may lie; 0 outside of a flow. `awaited`: whether somebody waits for what is found. */
  pauseUs(now: Micros, awaited: boolean): number {
    if (this.#batches < FLOW_BATCHES) return 0;
    const enoughUs = awaited || this.#rate === 0 ? 0 : LOOK_PACKETS / this.#rate;
    this.#lookUs = Math.min(LOOK_US_MAX, Math.max(LOOK_US, enoughUs));
    return Math.max(0, this.#lookedAt + this.#lookUs - now);
  }
}
