import type { Micros } from "../wire/brand.ts";
import { WINDOW_DECREASE } from "./tuning.ts";

/** RFC 9438 §5.1: packets a second to the third. */
const SCALE = 0.4;
/** RFC 9438 §4.3: growth in each round trip that gives a stream with this decrease the window of a Reno stream with 1 and 0.5. */
const RENO_STEP = (3 * (1 - WINDOW_DECREASE)) / (1 + WINDOW_DECREASE);

/** How a stream with CUBIC grows after a loss (RFC 9438 §4): all windows in packets. */
export class Cubic {
  /** The window that growth slows down at; Infinity: nothing has been lost, or it is forgotten. */
  #plateau = Number.POSITIVE_INFINITY;
  /** The window of the last loss. */
  #lossAt = Number.POSITIVE_INFINITY;
  #epochAt = 0;
  #epochWindow = 0;
  #reno = 0;

  /** The window at which packets were lost last; Infinity: nothing has been lost, or it is forgotten. */
  get lossAt(): number {
    return this.#lossAt;
  }

  /** Packets were lost, and the window `before` has become `after`. */
  onLoss(before: number, after: number, now: Micros): void {
    // Fast convergence (§4.7): one that has less than the last time leaves room for a newcomer.
    const less = this.#plateau !== Number.POSITIVE_INFINITY && before < this.#plateau;
    const plateau = less ? (before * (1 + WINDOW_DECREASE)) / 2 : before;
    this.begin(after, now);
    this.#plateau = Math.max(after, plateau);
    this.#lossAt = before;
  }

  /** Growth starts at `window`, without a loss before. */
  begin(window: number, now: Micros): void {
    this.#plateau = window;
    this.#epochAt = now;
    this.#epochWindow = window;
    this.#reno = window;
  }

  /** What was lost was no congestion: growth needs no care. */
  forget(): void {
    this.#plateau = Number.POSITIVE_INFINITY;
  }

  /** Packets that the window may grow by in this round. */
  growth(window: number, seen: { readonly roundTripUs: number; readonly now: Micros }): number {
    if (this.#plateau === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    const k = Math.cbrt((this.#plateau - this.#epochWindow) / SCALE);
    const elapsed = (seen.now - this.#epochAt + seen.roundTripUs) / 1e6;
    const cubic = Math.min(1.5 * window, this.#plateau + SCALE * (elapsed - k) ** 3);
    this.#reno += this.#reno < this.#plateau ? RENO_STEP : 1;
    return Math.max(0, this.#reno - window, cubic - window);
  }
}
