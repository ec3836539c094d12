import { describe, expect, test } from "bun:test";
import { ContentMap } from "../../src/engine/content-map.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { BlockKind } from "../../src/wire/constants.ts";

const CAPACITY = 1_000;

/** A map that has taken in these blocks, from number 0 on: kind, and the content bytes that the source knows of. */
function mapOf(...blocks: readonly (readonly [BlockKind, number])[]): ContentMap {
  const map = new ContentMap(CAPACITY);
  blocks.forEach(([blockKind, contentBytes], block) => {
    map.onBlock({
      kind: "block",
      key: { owner: 1n as NodeId, push: 1 as PushId },
      slot: 0 as Slot,
      block: block as BlockIndex,
      blockKind,
      bytes: 100,
      lastOfKind: blockKind === BlockKind.plan,
      final: false,
      entries: 0,
      contentBytes,
    });
  });
  return map;
}

const { manifest, plan, content, verdict, amendment } = BlockKind;

describe("where the content lies (PROTOCOL §5.5, §5.6)", () => {
  test("nowhere before the plan, nor without content", () => {
    for (const map of [mapOf([manifest, 0]), mapOf([manifest, 0], [plan, 0])])
      expect([map.end, map.bytes, map.below(0), map.below(9)]).toEqual([0, 0, 0, 0]);
  });

  test("after the plan, known before it is read", () => {
    const map = mapOf([manifest, 0], [plan, 2_500]);
    expect([map.end, map.bytes]).toEqual([5, 2_500]);
    expect([0, 2, 3, 4, 5, 6].map((next) => map.below(next))).toEqual([0, 0, 1_000, 2_000, 2_500, 2_500]);
  });

  test("and after each round of amendments, in another run", () => {
    const map = mapOf(
      [manifest, 0],
      [plan, 1_500],
      [content, 1_500],
      [content, 1_500],
      [verdict, 1_500],
      [amendment, 1_500],
      [content, 2_700],
      [content, 2_700],
      [verdict, 2_700],
    );
    expect([map.end, map.bytes]).toEqual([8, 2_700]);
    expect([3, 4, 6, 7, 8, 9].map((next) => map.below(next))).toEqual([
      1_000, 1_500, 1_500, 2_500, 2_700, 2_700,
    ]);
  });
});
