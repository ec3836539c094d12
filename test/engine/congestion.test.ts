import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Congestion, LossEstimate, type Round } from "../../src/engine/congestion.ts";
import { FUTILE_CUTS, QUEUE_US, START_QUEUE_US, WINDOW_FIRST, WINDOW_MIN } from "../../src/engine/tuning.ts";

const BASE_US = 200;

type Seen = { queueUs?: number; lost?: number; limited?: boolean; cap?: number };

/** Targets whose rounds can be made up. */
function newGroup(targets = 1) {
  const congestion = new Congestion();
  const chances = Array.from({ length: targets }, () => new LossEstimate());
  const round = ({ queueUs = 0, lost = 0, limited = true, cap = 100_000 }: Seen = {}) => {
    const expected = congestion.window;
    const made: Round = {
      targets: chances.map((chance) => ({
        expected,
        received: expected - Math.round(expected * lost),
        roundTripUs: BASE_US + queueUs,
        baseUs: BASE_US,
        chance,
      })),
      limited,
      cap,
    };
    congestion.onRound(made);
    return congestion.window;
  };
  return { congestion, round, chance: () => Math.max(...chances.map(({ share }) => share)) };
}

describe("the window's control", () => {
  test("doubles each round until the round trip rises, not one microsecond sooner", () => {
    const { congestion, round } = newGroup();
    expect(round()).toBe(2 * WINDOW_FIRST);
    expect(round({ queueUs: START_QUEUE_US - 1 })).toBe(4 * WINDOW_FIRST);
    round({ queueUs: START_QUEUE_US });
    expect(congestion.mode).toBe("delay");
    expect(congestion.window).toBeLessThan(5 * WINDOW_FIRST);
  });

  test("does not grow while something else is the limit", () => {
    const { round } = newGroup();
    expect(round({ limited: false })).toBe(WINDOW_FIRST);
  });

  test("shortens a queue that is too long, and waits for what that brings before it does so again", () => {
    const { round } = newGroup();
    for (let times = 0; times < 4; times++) round();
    const before = round({ queueUs: QUEUE_US - 1 });
    const after = round({ queueUs: QUEUE_US });
    expect(after).toBeLessThan(before);
    expect(after).toBeGreaterThanOrEqual(before / 2);
    expect(round({ queueUs: QUEUE_US })).toBe(after);
    expect(round({ queueUs: QUEUE_US / 2 })).toBeGreaterThan(after);
  });

  test("a queue that no cut shortens belongs to others: the cuts are undone, and only losses count", () => {
    const { congestion, round } = newGroup();
    for (let times = 0; times < 4; times++) round();
    const before = round({ queueUs: QUEUE_US - 1 });
    for (let times = 0; times < 2 * FUTILE_CUTS; times++) round({ queueUs: 3 * QUEUE_US });
    expect(congestion.mode).toBe("delay");
    round({ queueUs: 3 * QUEUE_US });
    expect(congestion.mode).toBe("loss");
    expect(congestion.window).toBe(before);
    expect(round({ queueUs: 3 * QUEUE_US })).toBeGreaterThan(before);
    const full = congestion.window;
    expect(round({ queueUs: 3 * QUEUE_US, lost: 0.05 })).toBe(Math.floor(full * 0.7));
    expect(round({ queueUs: 3 * QUEUE_US, lost: 0.05 })).toBe(Math.floor(full * 0.7));
    round({ queueUs: QUEUE_US / 2 - 1 });
    expect(congestion.mode).toBe("delay");
  });

  test("a queue that the cuts do shorten, however slowly, is the push's own", () => {
    const { congestion, round } = newGroup();
    for (let times = 0; times < 5; times++) round();
    for (let queueUs = 8 * QUEUE_US; queueUs >= QUEUE_US; queueUs *= 0.85) {
      round({ queueUs });
      round({ queueUs });
    }
    expect(congestion.mode).toBe("delay");
  });

  test.each([0.01, 0.05, 0.2])("constant loss of %p is learnt, and the window recovers", (lost) => {
    const { round, chance } = newGroup(8);
    let window = 0;
    for (let times = 0; times < 120; times++) window = round({ lost, cap: 5_000 });
    expect(window).toBe(5_000);
    expect(chance()).toBeGreaterThan(lost / 2);
    expect(chance()).toBeLessThan(lost * 1.5);
  });

  test("chance that one target is known to have excuses another that is new", () => {
    const congestion = new Congestion();
    const view = (chance: LossEstimate) => {
      const expected = congestion.window;
      return {
        expected,
        received: Math.round(expected * 0.9),
        roundTripUs: BASE_US,
        baseUs: BASE_US,
        chance,
      };
    };
    const old = new LossEstimate();
    for (let times = 0; times < 80; times++)
      congestion.onRound({ targets: [view(old)], limited: true, cap: 2_000 });
    expect(congestion.window).toBe(2_000);
    congestion.onRound({ targets: [view(old), view(new LossEstimate())], limited: true, cap: 2_000 });
    expect(congestion.window).toBe(2_000);
  });

  test("loss is congestion, and nothing is learnt from it, until the window is the smallest; what is lost then is chance", () => {
    const { congestion, round, chance } = newGroup();
    const seen = { lost: 0.1, queueUs: 3 * QUEUE_US };
    for (let times = 0; times < 20 && congestion.window > WINDOW_MIN; times++) {
      round(seen);
      expect(chance()).toBe(0);
    }
    expect(congestion.window).toBe(WINDOW_MIN);
    for (let times = 0; times < 20; times++) round({ lost: 0.1 });
    expect(chance()).toBeCloseTo(0.1, 1);
    expect(congestion.window).toBeGreaterThan(2 * WINDOW_MIN);
  });

  test("whatever happens, the window is between its floor and what the buffers hold", () => {
    const seen = fc.record({
      queueUs: fc.integer({ min: 0, max: 1_000_000 }),
      lost: fc.double({ min: 0, max: 1, noNaN: true }),
      limited: fc.boolean(),
      cap: fc.integer({ min: WINDOW_MIN, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(seen, { maxLength: 200 }), (rounds) => {
        const { round, chance } = newGroup(2);
        for (const one of rounds) {
          const window = round(one);
          expect(window).toBeGreaterThanOrEqual(WINDOW_MIN);
          expect(window).toBeLessThanOrEqual(one.cap);
          expect(chance()).toBeWithin(0, 1.000001);
        }
      }),
    );
  });
});
