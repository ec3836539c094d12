import { assert, type Slot } from "../wire/brand.ts";
import {
  LARGE_PUSH_SLOTS_MAX,
  PUSH_SLOTS_MAX,
  PUSH_SLOTS_MIN,
  TARGET_SLOTS,
  TURN_TARGETS_MIN,
  USUAL_BLOCK_BYTES,
} from "./tuning.ts";

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

  /** Slots for one push of such blocks to so many targets, or undefined when too few are left. */
  take({ targets, blockBytes }: { targets: number; blockBytes: number }): Slot[] | undefined {
    const most = Math.max(PUSH_SLOTS_MIN, countFor(blockBytes, slotsFor(targets)));
    const share = Math.min(most, Math.floor(this.#free.length / 2));
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

/** How many blocks of so many bytes go for `count` usual ones: of larger ones fewer, so that the memory, and the caches, hold them as well; at least 1. */
export function countFor(blockBytes: number, count: number): number {
  return Math.max(1, Math.min(count, Math.floor((count * USUAL_BLOCK_BYTES) / blockBytes)));
}

/** The most usual slots that a push to so many targets makes use of: what is sent while each has its turn once must be held. */
function slotsFor(targets: number): number {
  if (targets < TURN_TARGETS_MIN) return PUSH_SLOTS_MAX;
  return Math.min(LARGE_PUSH_SLOTS_MAX, PUSH_SLOTS_MAX + Math.ceil(targets * TARGET_SLOTS));
}
