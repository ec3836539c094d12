import { expect, test } from "bun:test";
import { simulate } from "./simulation.ts";

/** `make sim` runs 2,000; these are the first of them. */
const SEEDS = 400;
/** Later ones that have found faults. */
const REMEMBERED = [494, 1_459, 1_808];

test(`the invariants hold over ${SEEDS} seeds; replay a failure with bun test/sim/run.ts --seed N --trace`, () => {
  const kinds = new Set<string>();
  const seeds = [...Array.from({ length: SEEDS }, (_, index) => index + 1), ...REMEMBERED];
  for (const seed of seeds) {
    for (const kind of Object.keys(runSeed(seed).outcomes)) kinds.add(kind);
  }
  // Seeds in which nothing goes wrong prove little: every way for a push to end must occur.
  expect([...kinds].sort()).toEqual(["complete", "failed", "lost", "owner died", "refused", "rejected"]);
}, 300_000);

test("the same seed gives the same trace, another seed another", () => {
  const hashes = new Set<string>();
  for (const seed of [7, 63, 1_244]) {
    const lines: string[] = [];
    const first = simulate(seed);
    const again = simulate(seed, (line) => lines.push(line));
    expect(again).toEqual(first);
    expect(lines.length).toBeGreaterThan(first.events);
    hashes.add(first.hash);
  }
  expect(hashes.size).toBe(3);
});

function runSeed(seed: number): ReturnType<typeof simulate> {
  try {
    return simulate(seed);
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}
