import type { NodeId } from "../wire/brand.ts";
import type { TargetFlight } from "./flight.ts";
import { ALL_ANSWER_MAX, DELEGATES } from "./tuning.ts";

/** What the choice depends on. */
type Candidate = {
  readonly node: NodeId;
  readonly flight: TargetFlight;
  /** Share of the packets that it has lost lately. */
  readonly loss: number;
};

/** Another one must have lost so much more to take a delegate's place: each change costs a round trip. */
const CHANGE_LOSS_MIN = 0.002;

/**
 * The targets whose answers to polls pace the flow (PROTOCOL §7.4): few enough to answer all the time, and those whom it must suit, as in RFC 5740
 * §5.5.2, with the smallest buffer and the most loss. Few targets all answer.
 */
export class Delegates<T extends Candidate> {
  /** Those who pace the flow now, and those who will when they have answered. */
  #pacing: readonly T[] = [];
  #named: readonly T[] = [];
  #flights: readonly TargetFlight[] = [];
  readonly #allAnswer: boolean;

  /** `targets`: how many the push has. */
  constructor(targets: number) {
    this.#allAnswer = targets <= ALL_ANSWER_MAX;
  }

  /** What those who pace the flow have seen of it. */
  get flights(): readonly TargetFlight[] {
    return this.#flights;
  }

  /** Whom to ask, ascending; none: everybody. */
  ids(): readonly NodeId[] {
    if (this.#allAnswer) return [];
    const asked = new Set([...this.#pacing, ...this.#named].map(({ node }) => node));
    return [...asked].sort((a, b) => (a < b ? -1 : 1));
  }

  /** A STATUS of `target` has been taken in. */
  onStatus(target: T): void {
    if (!this.#named.includes(target)) return;
    this.#named = this.#named.filter((one) => one !== target);
    this.#pace([...this.#pacing, target]);
  }

  /** Looks for those who are worse off than the present ones. */
  choose(live: readonly T[]): void {
    if (this.#allAnswer) return this.#pace(live);
    const present = this.#pacing.filter((target) => live.includes(target));
    const worst = worstOf(live, present);
    this.#named = worst.filter((target) => !present.includes(target));
    // Until a new one has answered, what is known of it is old and would stop the flow; but somebody has to pace it.
    const kept = this.#named.length === 0 ? worst : present;
    this.#pace(kept.length === 0 ? worst : kept);
  }

  #pace(targets: readonly T[]): void {
    this.#pacing = targets;
    this.#flights = targets.map(({ flight }) => flight);
  }
}

/** The one with the smallest buffer, and those with the most loss. */
function worstOf<T extends Candidate>(live: readonly T[], present: readonly T[]): readonly T[] {
  const smallest = least(live, present, ({ flight }) => flight.receiveBuffer);
  const chosen = smallest === undefined ? [] : [smallest];
  while (chosen.length < DELEGATES) {
    const rest = live.filter((target) => !chosen.includes(target));
    const next = least(
      rest,
      present,
      (target) => -target.loss - (present.includes(target) ? CHANGE_LOSS_MIN : 0),
    );
    if (next === undefined) break;
    chosen.push(next);
  }
  return chosen;
}

/** The candidate with the least value; among equals one of `present`, or else the first. */
function least<T>(candidates: readonly T[], present: readonly T[], of: (one: T) => number): T | undefined {
  let best: T | undefined;
  let value = Number.POSITIVE_INFINITY;
  for (const one of candidates) {
    const mine = of(one);
    const wins =
      mine < value ||
      (mine === value && best !== undefined && !present.includes(best) && present.includes(one));
    if (!wins) continue;
    best = one;
    value = mine;
  }
  return best;
}
