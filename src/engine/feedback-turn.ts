import type { Micros } from "../wire/brand.ts";
import { randomBelow } from "./core.ts";
import type { Random } from "./ports.ts";
import { TURN_PERIOD_US_MAX, TURN_TARGETS_MIN, TURN_US } from "./tuning.ts";

/**
 * When a receiver may tell its owner something: in a large push one packet in each of its turns, which begin at a random time and are as long as all
 * targets need one after the other (PROTOCOL §7.6). In a small push, always.
 */
export class FeedbackTurn {
  /** Microseconds from one turn to the next; 0: there are none to wait for. */
  readonly periodUs: number;
  readonly #phase: number;
  /** The first turn that has not been used. */
  #free: number;

  /** `place`: which one of those `named` in the OFFER this receiver is: what is left to chance is only where in its share of the time its turns begin. */
  constructor(options: {
    readonly targets: number;
    readonly place: number;
    readonly named: number;
    readonly random: Random;
    readonly now: Micros;
  }) {
    const { targets, place, named, random, now } = options;
    this.periodUs = targets < TURN_TARGETS_MIN ? 0 : Math.min(TURN_PERIOD_US_MAX, targets * TURN_US);
    const share = this.periodUs / named;
    this.#phase =
      now + (this.periodUs === 0 ? 0 : Math.floor(place * share) + randomBelow(random, Math.ceil(share)));
    this.#free = this.#phase;
  }

  /** The first turn at or after `at` that has not been used. */
  next(at: Micros): Micros {
    if (this.periodUs === 0) return at;
    if (at === Number.POSITIVE_INFINITY) return at;
    const turns = Math.ceil((Math.max(at, this.#free) - this.#phase) / this.periodUs);
    return (this.#phase + turns * this.periodUs) as Micros;
  }

  /** Uses the turn that has begun at `now`, or before. */
  take(now: Micros): void {
    if (this.periodUs === 0) return;
    this.#free = this.#phase + (Math.floor((now - this.#phase) / this.periodUs) + 1) * this.periodUs;
  }
}
