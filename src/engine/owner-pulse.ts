import type { Micros } from "../wire/brand.ts";
import { FORLORN_SYNCS, OWNER_PATIENCE_US, SYNC_INTERVAL_US } from "./tuning.ts";

/** When a receiver heard its push's owner last, and what its silence means. */
export class OwnerPulse {
  #heardAt: Micros;
  /** When somebody asked whether it still lives, since it was heard last. */
  #doubtedAt: Micros | undefined;

  constructor(now: Micros) {
    this.#heardAt = now;
  }

  /** Any packet of the owner: it lives. */
  heard(now: Micros): void {
    this.#heardAt = now;
    this.#doubtedAt = undefined;
  }

  /** When it counts as dead, if it stays silent. */
  get diesAt(): Micros {
    return (this.#heardAt + OWNER_PATIENCE_US) as Micros;
  }

  /** It is known to be dead. */
  died(now: Micros): void {
    this.#heardAt = (now - OWNER_PATIENCE_US) as Micros;
  }

  /** Whether it, which repeats SYNC as long as the push lasts, has not been heard for several of them. */
  forlorn(now: Micros): boolean {
    return now - this.#heardAt >= FORLORN_SYNCS * SYNC_INTERVAL_US;
  }

  /** Whether it is so still, a while after it was asked first: what had come while this host was held up has been taken in since. */
  abandoned(now: Micros): boolean {
    if (this.forlorn(now)) this.#doubtedAt ??= now;
    return now - (this.#doubtedAt ?? now) >= SYNC_INTERVAL_US;
  }
}
