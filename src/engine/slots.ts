import { assert, type Slot } from "../wire/brand.ts";
import { PUSH_SLOTS_MAX, PUSH_SLOTS_MIN } from "./tuning.ts";

/**
 * The free slots of the arena. A push takes its share when it opens and gives it back when it is closed, so that one push
 * cannot starve another in the middle. The share halves what is left: the first pushes get much, later ones still something.
 */
export class SlotPool {
  readonly #free: Slot[];
  readonly #taken = new Set<Slot>();

  constructor(slots: readonly Slot[]) {
    this.#free = [...slots];
  }

  /** Whether `take` would find enough. */
  get available(): boolean {
    return Math.floor(this.#free.length / 2) >= PUSH_SLOTS_MIN;
  }

  /** Slots for one push, or undefined when too few are left. */
  take(): Slot[] | undefined {
    const share = Math.min(PUSH_SLOTS_MAX, Math.floor(this.#free.length / 2));
    if (!this.available) return undefined;
    const slots = this.#free.splice(this.#free.length - share, share);
    for (const slot of slots) this.#taken.add(slot);
    return slots;
  }

  give(slots: readonly Slot[]): void {
    for (const slot of slots) {
      assert(this.#taken.delete(slot), "slot freed twice");
      this.#free.push(slot);
    }
  }
}
