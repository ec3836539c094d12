import { describe, expect, test } from "bun:test";
import { MUTANTS } from "./mutants.ts";
import { huntMutant } from "./mutate.ts";

/** Within so many seeds each fault must be found. */
const SEEDS = 300;

describe("the simulator finds deliberate faults in the engine", () => {
  test("there are ten at least, no two alike", () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(10);
  });

  for (const mutant of MUTANTS) {
    test(mutant.name, () => {
      const { seed } = huntMutant(mutant, SEEDS);
      if (seed === undefined) throw new Error(`not found within ${SEEDS} seeds`);
      expect(seed).toBeLessThanOrEqual(SEEDS);
    }, 120_000);
  }
});
