import { describe, expect, test } from "bun:test";
import { countFor, SlotPool } from "../../src/engine/slots.ts";
import { PUSH_SLOTS_MAX, PUSH_SLOTS_MIN, USUAL_BLOCK_BYTES } from "../../src/engine/tuning.ts";
import type { Slot } from "../../src/wire/brand.ts";

const JUMBO = 2 * USUAL_BLOCK_BYTES;

function pool(slots: number): SlotPool {
  return new SlotPool(Array.from({ length: slots }, (_, slot) => slot as Slot));
}

describe("a push of large blocks", () => {
  test("has as many bytes of them as one of usual blocks", () => {
    expect(pool(896).take({ targets: 4, blockBytes: USUAL_BLOCK_BYTES })).toHaveLength(PUSH_SLOTS_MAX);
    expect(pool(896).take({ targets: 4, blockBytes: JUMBO })).toHaveLength(PUSH_SLOTS_MAX / 2);
    const many = (blockBytes: number) => pool(896).take({ targets: 100, blockBytes })?.length;
    expect(many(JUMBO)).toBe(Math.floor((many(USUAL_BLOCK_BYTES) ?? 0) / 2));
  });

  test("has the least that a push needs, however large they are", () => {
    expect(pool(896).take({ targets: 1, blockBytes: 1000 * USUAL_BLOCK_BYTES })).toHaveLength(PUSH_SLOTS_MIN);
  });

  test("leaves others half of what is left", () => {
    const one = pool(8);
    expect(one.take({ targets: 1, blockBytes: JUMBO })).toHaveLength(4);
    expect(one.take({ targets: 1, blockBytes: USUAL_BLOCK_BYTES })).toHaveLength(2);
    expect(one.take({ targets: 1, blockBytes: JUMBO })).toBeUndefined();
  });
});

test("of smaller blocks there are no more, of larger ones fewer, and always one", () => {
  const counts = [1, USUAL_BLOCK_BYTES, USUAL_BLOCK_BYTES + 1, JUMBO, 9 * USUAL_BLOCK_BYTES];
  expect(counts.map((bytes) => countFor(bytes, 8))).toEqual([8, 8, 7, 4, 1]);
});
