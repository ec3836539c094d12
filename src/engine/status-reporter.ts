import type { Micros, NodeId } from "../wire/brand.ts";
import type { PushKey } from "../wire/disk-port.ts";
import type { Offer, ReceiverPhase } from "../wire/messages.ts";
import type { Core } from "./core.ts";
import type { FeedbackTurn } from "./feedback-turn.ts";
import type { Address } from "./ports.ts";
import type { RxWindow } from "./rx-window.ts";
import {
  DELEGATE_SPACING_US,
  POLL_SPACING_US,
  STATUS_INTERVAL_US_MIN,
  STATUS_KEEPALIVE_US,
} from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;

/** Says when a receiver's STATUS is due, and sends it: seldom enough that all receivers together do not flood the owner (PROTOCOL §7.3). */
export class StatusReporter {
  readonly #core: Core;
  readonly #key: PushKey;
  readonly #intervalUs: number;
  readonly #targets: number;
  readonly #turn: FeedbackTurn;
  /** When it is to be told, in the next turn; and when an answer to a poll is due, which waits for none. */
  #due: Micros = NEVER;
  #answerDue: Micros = NEVER;
  /** Who answers polls at once (PROTOCOL §7.4); none: everybody. */
  #delegates: readonly NodeId[] = [];
  #sentAt: Micros;
  /** The block up to which the last STATUS told. */
  #told = 0;

  constructor(
    core: Core,
    key: PushKey,
    options: { readonly offer: Offer; readonly turn: FeedbackTurn; readonly now: Micros },
  ) {
    const { offer, turn, now } = options;
    this.#core = core;
    this.#key = key;
    this.#intervalUs = Math.min(
      STATUS_KEEPALIVE_US,
      Math.max(STATUS_INTERVAL_US_MIN, offer.statusIntervalUs),
    );
    this.#targets = offer.targets;
    this.#turn = turn;
    this.#sentAt = now;
  }

  get deadline(): Micros {
    return Math.min(this.#answerDue, this.#turn.next(this.#wanted)) as Micros;
  }

  /** Whether NAKs may have used a turn that this was wanted for. */
  isOverdue(now: Micros): boolean {
    return this.#turn.periodUs > 0 && now - this.#wanted >= this.#turn.periodUs;
  }

  /** Who answers polls from now on; none: everybody. */
  setDelegates(ids: readonly NodeId[]): void {
    this.#delegates = ids;
  }

  /** The owner asks after a pause: what holds it up may be any STATUS that was lost. */
  missed(now: Micros): void {
    if (this.answers) this.polled(now);
    else this.now(now);
  }

  /** There is news that can wait. */
  soon(): void {
    this.#due = Math.min(this.#due, this.#sentAt + this.#intervalUs) as Micros;
  }

  /** The owner asks: answered at once by those whom it asks, unless they all together would flood it. */
  polled(now: Micros): void {
    if (!this.answers) return;
    const all = this.#delegates.length === 0;
    if (all && this.#turn.periodUs > 0) return this.now(now);
    const spacing = all ? this.#targets * POLL_SPACING_US : this.#delegates.length * DELEGATE_SPACING_US;
    const earliest = this.#sentAt + Math.min(STATUS_KEEPALIVE_US, spacing);
    this.#answerDue = Math.min(this.#answerDue, Math.max(now, earliest)) as Micros;
  }

  /** There is news that the owner waits for. */
  now(now: Micros): void {
    this.#due = Math.min(this.#due, now) as Micros;
  }

  /** Blocks are done with. The owner may be waiting for room: half a window of news cannot wait. */
  onUsed(window: RxWindow, now: Micros): void {
    if (window.next - this.#told >= window.slots.length / 2) this.now(now);
    else this.soon();
  }

  send(
    window: RxWindow,
    to: { readonly state: ReceiverPhase; readonly address: Address; readonly now: Micros },
  ): void {
    const { next, limit, sequence, received } = window;
    const { owner, push } = this.#key;
    this.#core.out.send(
      push,
      { type: "status", owner, next, limit, sequence, state: to.state, received },
      to.address,
    );
    if (to.now < this.#answerDue) this.#turn.take(to.now);
    this.#sentAt = to.now;
    this.#due = NEVER;
    this.#answerDue = NEVER;
    this.#told = next;
  }

  /** Whether this receiver is one of those who answer polls. */
  get answers(): boolean {
    return this.#delegates.length === 0 || this.#delegates.includes(this.#core.config.node);
  }

  get #wanted(): Micros {
    return Math.min(this.#due, this.#sentAt + STATUS_KEEPALIVE_US) as Micros;
  }
}
