import type { Micros } from "../wire/brand.ts";
import { REMEMBER_MAX, REMEMBER_US } from "./tuning.ts";

/** Remembers things about pushes that have ended, for a while, and not too many. */
export class Remembered<T> {
  readonly #items = new Map<string, { readonly value: T; readonly until: Micros }>();

  set(key: string, value: T, now: Micros): void {
    this.#items.delete(key);
    this.#items.set(key, { value, until: (now + REMEMBER_US) as Micros });
    // Oldest first, since a Map keeps the order of insertion.
    for (const [old, item] of this.#items) {
      if (item.until > now && this.#items.size <= REMEMBER_MAX) break;
      this.#items.delete(old);
    }
  }

  get(key: string, now: Micros): T | undefined {
    const item = this.#items.get(key);
    return item !== undefined && now < item.until ? item.value : undefined;
  }
}
