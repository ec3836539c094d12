import type { Micros } from "../wire/brand.ts";
import { NAK_ENTRY_BYTES, NAK_FIXED_BYTES } from "../wire/codec.ts";
import type { PushKey } from "../wire/disk-port.ts";
import type { Offer } from "../wire/messages.ts";
import type { Core } from "./core.ts";
import type { FeedbackTurn } from "./feedback-turn.ts";
import { type DueGap, type Gap, GapDetector } from "./gap-detector.ts";
import type { Address } from "./ports.ts";
import type { RxWindow } from "./rx-window.ts";
import {
  NAK_SPACING_ROUND_TRIPS,
  NAK_SPACING_US_IN_TURNS,
  NAK_SPACING_US_MAX,
  NAK_SPACING_US_MIN,
  NAK_SPACING_US_PER_TARGET,
  ROUND_TRIP_US_FIRST,
  VAIN_MAX,
} from "./tuning.ts";

/** Most blocks that one NAK can name (PROTOCOL §7.1). */
const NAK_BLOCKS_MAX = 255;

/** A receiver's requests for what is missing in its window: when they are due, and what they say (PROTOCOL §7.1, §7.2). */
export class NakReporter {
  readonly #core: Core;
  readonly #key: PushKey;
  readonly #window: RxWindow;
  readonly #gaps: GapDetector;
  readonly #blocksMax: number;
  readonly #turn: FeedbackTurn;
  readonly #spacingUsMin: number;
  #mismatched = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** The slowest round trip of the group, as the owner tells it. */
  roundTripUs = ROUND_TRIP_US_FIRST;

  constructor(
    core: Core,
    key: PushKey,
    options: {
      readonly window: RxWindow;
      readonly context: number;
      readonly offer: Offer;
      readonly turn: FeedbackTurn;
    },
  ) {
    const { window, context, offer, turn } = options;
    this.#core = core;
    this.#key = key;
    this.#window = window;
    const room = Math.floor((offer.symbolSize - NAK_FIXED_BYTES) / NAK_ENTRY_BYTES);
    this.#blocksMax = Math.min(NAK_BLOCKS_MAX, room);
    this.#turn = turn;
    this.#spacingUsMin = Math.max(NAK_SPACING_US_MIN, offer.targets * NAK_SPACING_US_PER_TARGET);
    const { random, memory } = core;
    // Turns spread the requests of all targets already.
    const targets = turn.periodUs > 0 ? 1 : offer.targets;
    this.#gaps = new GapDetector({ table: memory.rx, context, random, targets });
  }

  /** The window may have gaps that it had not. */
  scan(now: Micros): void {
    this.#gaps.scan(this.#window.flow(), now);
    if (this.#gaps.suppressed > 0) this.#core.counters.add("naks suppressed", this.#gaps.suppressed);
    this.#gaps.suppressed = 0;
  }

  /** Another receiver's NAK for this push. */
  onHeard(gaps: readonly Gap[], now: Micros): void {
    // Among few, the repeat may go to that receiver alone.
    if (this.#turn.periodUs === 0) return;
    const { from, limit } = this.#window.flow();
    for (const gap of gaps) {
      if (gap.block >= from && gap.block < limit)
        this.#gaps.onHeard(gap, { now, roundTripUs: this.roundTripUs });
    }
  }

  /** `address`: the owner's. */
  onTimeout(address: Address, now: Micros): void {
    if (now < this.deadline()) return;
    const time = { now, roundTripUs: this.roundTripUs };
    const blocks = this.#gaps.due(this.#window.flow(), time, this.#blocksMax);
    const { owner, push } = this.#key;
    if (blocks.length > 0) {
      // Many hear each other, and keep quiet about what another has asked for.
      const to = this.#turn.periodUs > 0 ? undefined : address;
      this.#core.out.send(push, { type: "nak", owner, blocks }, to);
      this.#turn.take(now);
      this.#sentAt = now;
    }
    this.#restart(blocks);
  }

  deadline(): Micros {
    return this.#turn.next(Math.max(this.#gaps.deadline(), this.#sentAt + this.#spacingUs) as Micros);
  }

  get #spacingUs(): number {
    if (this.#turn.periodUs > 0) return NAK_SPACING_US_IN_TURNS;
    return Math.min(
      NAK_SPACING_US_MAX,
      Math.max(this.#spacingUsMin, NAK_SPACING_ROUND_TRIPS * this.roundTripUs),
    );
  }

  /** A packet that lies about its block makes all true ones contradict it: such a block starts anew. */
  #restart(gaps: readonly DueGap[]): void {
    const { mismatched } = this.#window;
    for (const { block, vain } of gaps) {
      if (vain < VAIN_MAX || mismatched === this.#mismatched) continue;
      this.#window.again(block);
      this.#core.counters.add("blocks restarted");
      this.#mismatched = mismatched;
    }
  }
}
