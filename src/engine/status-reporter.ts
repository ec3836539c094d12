import type { Micros } from "../wire/brand.ts";
import type { PushKey } from "../wire/disk-port.ts";
import type { Offer, ReceiverPhase } from "../wire/messages.ts";
import type { Core } from "./core.ts";
import type { Address } from "./ports.ts";
import type { RxWindow } from "./rx-window.ts";
import { POLL_SPACING_US, STATUS_INTERVAL_US_MIN, STATUS_KEEPALIVE_US } from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;

/** Says when a receiver's STATUS is due, and sends it: seldom enough that all receivers together do not flood the owner (PROTOCOL §7.3). */
export class StatusReporter {
  readonly #core: Core;
  readonly #key: PushKey;
  readonly #intervalUs: number;
  readonly #pollSpacingUs: number;
  #due: Micros = NEVER;
  #sentAt: Micros;
  /** The block up to which the last STATUS told. */
  #told = 0;

  constructor(core: Core, key: PushKey, options: { readonly offer: Offer; readonly now: Micros }) {
    const { offer, now } = options;
    this.#core = core;
    this.#key = key;
    this.#intervalUs = Math.min(
      STATUS_KEEPALIVE_US,
      Math.max(STATUS_INTERVAL_US_MIN, offer.statusIntervalUs),
    );
    this.#pollSpacingUs = Math.min(STATUS_KEEPALIVE_US, offer.targets * POLL_SPACING_US);
    this.#sentAt = now;
  }

  get deadline(): Micros {
    return Math.min(this.#due, this.#sentAt + STATUS_KEEPALIVE_US) as Micros;
  }

  /** There is news that can wait. */
  soon(): void {
    this.#due = Math.min(this.#due, this.#sentAt + this.#intervalUs) as Micros;
  }

  /** The owner asks: answered at once, unless all targets together would flood it. */
  polled(now: Micros): void {
    this.#due = Math.min(this.#due, Math.max(now, this.#sentAt + this.#pollSpacingUs)) as Micros;
  }

  /** There is news that the owner waits for. */
  now(now: Micros): void {
    this.#due = now;
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
    this.#sentAt = to.now;
    this.#due = NEVER;
    this.#told = next;
  }
}
