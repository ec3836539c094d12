import { expect, test } from "bun:test";
import fc from "fast-check";
import { LeastTree } from "../../src/engine/least-tree.ts";

test("the least is that of all numbers, however they have changed", () => {
  const change = fc.record({
    at: fc.nat(40),
    value: fc.oneof(fc.nat(9), fc.constant(Number.POSITIVE_INFINITY)),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 41 }), fc.array(change), (count, changes) => {
      const tree = new LeastTree(count);
      const plain = Array.from({ length: count }, () => Number.POSITIVE_INFINITY);
      for (const { at, value } of changes) {
        tree.set(at % count, value);
        plain[at % count] = value;
        expect(tree.least).toBe(Math.min(...plain));
      }
    }),
  );
});

test("nothing has no least", () => {
  expect(new LeastTree(0).least).toBe(Number.POSITIVE_INFINITY);
  expect(new LeastTree(3).least).toBe(Number.POSITIVE_INFINITY);
});
