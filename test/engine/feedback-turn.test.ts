import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FeedbackTurn } from "../../src/engine/feedback-turn.ts";
import { TURN_PERIOD_US_MAX, TURN_TARGETS_MIN, TURN_US } from "../../src/engine/tuning.ts";
import { us } from "./support.ts";

const START = us(1_000_000);

function newTurn(targets: number, random = 0, place = 0, named = 1): FeedbackTurn {
  return new FeedbackTurn({ targets, place, named, random: () => random, now: START });
}

describe("turns", () => {
  test("a push to few needs none; one more, and each waits for its own", () => {
    const few = newTurn(TURN_TARGETS_MIN - 1);
    few.take(START);
    expect(few.next(START)).toBe(START);
    const many = newTurn(TURN_TARGETS_MIN);
    many.take(START);
    expect(many.next(START)).toBe(us(START + TURN_TARGETS_MIN * TURN_US));
  });

  test("begin anywhere in one period, by chance", () => {
    expect(newTurn(1_000, 0).next(START)).toBe(START);
    expect(newTurn(1_000, 0x8000_0000).next(START)).toBe(us(START + 32_000));
    expect(newTurn(1_000, 0xffff_ffff).next(START)).toBe(us(START + 63_999));
  });

  test("are spread evenly over those whom an OFFER names", () => {
    expect(newTurn(1_000, 0, 3, 100).next(START)).toBe(us(START + 1_920));
    expect(newTurn(1_000, 0xffff_ffff, 3, 100).next(START)).toBe(us(START + 2_559));
    expect(newTurn(1_000, 0xffff_ffff, 99, 100).next(START)).toBe(us(START + 63_999));
  });

  test("one that was not used is over when the next begins, and the next keeps its time", () => {
    const turn = newTurn(1_000);
    expect(turn.next(us(START + 1))).toBe(us(START + 64_000));
    expect(turn.next(us(START + 64_000))).toBe(us(START + 64_000));
    expect(turn.next(us(START + 64_001))).toBe(us(START + 128_000));
  });

  test("one that is used late does not move the next", () => {
    const turn = newTurn(1_000);
    turn.take(us(START + 40_000));
    expect(turn.next(us(START + 40_000))).toBe(us(START + 64_000));
  });

  test("are never so rare that a target would be taken for dead", () => {
    expect(newTurn(0xffff_ffff).periodUs).toBe(TURN_PERIOD_US_MAX);
  });

  test("a thousand that all have much to tell at once send one packet each in a period", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(0xffff_ffff), { minLength: 20, maxLength: 60 }),
        fc.nat(300_000),
        (draws, at) => {
          const turns = draws.map((random) => newTurn(draws.length, random));
          for (const turn of turns) {
            const first = turn.next(us(START + at));
            expect(first).toBeGreaterThanOrEqual(START + at);
            expect(first).toBeLessThan(START + at + turn.periodUs);
            turn.take(first);
            expect(turn.next(first)).toBe(us(first + turn.periodUs));
          }
        },
      ),
    );
  });
});
