import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Congestion, LossEstimate, type Round } from "../../src/engine/congestion.ts";
import {
  BACKLOG,
  DELAY_GROWTH,
  QUEUE_US,
  START_QUEUE_US,
  WINDOW_FIRST,
  WINDOW_MIN,
  WINDOW_STEP,
} from "../../src/engine/tuning.ts";
import { us } from "./support.ts";

const BASE_US = 200;

type Seen = { queueUs?: number; lateUs?: number; lost?: number; limited?: boolean; cap?: number };

/** Targets whose rounds can be made up. */
function newGroup(targets = 1) {
  const congestion = new Congestion();
  const chances = Array.from({ length: targets }, () => new LossEstimate());
  let now = 0;
  const round = ({ queueUs = 0, lateUs = 0, lost = 0, limited = true, cap = 100_000 }: Seen = {}) => {
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
      now: us(now),
      elapsedUs: BASE_US + queueUs + lateUs,
    };
    now += made.elapsedUs;
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
    round({ queueUs: START_QUEUE_US });
    const before = round({ queueUs: QUEUE_US });
    const after = round({ queueUs: QUEUE_US });
    expect(after).toBeLessThan(before);
    expect(after).toBeGreaterThanOrEqual(before / 2);
    expect(round({ queueUs: QUEUE_US })).toBe(after);
    expect(round({ queueUs: QUEUE_US / 2 })).toBeGreaterThan(after);
  });

  test("a queue that no cut shortens belongs to others: the push takes its part, and only losses count", () => {
    const { congestion, round } = newGroup();
    for (let times = 0; times < 4; times++) round();
    const before = round({ queueUs: QUEUE_US - 1 });
    for (let times = 0; times < 5; times++) round({ queueUs: 3 * QUEUE_US });
    expect(congestion.mode).toBe("delay");
    expect(congestion.window).toBeLessThan(before / 3);
    round({ queueUs: 3 * QUEUE_US });
    expect(congestion.mode).toBe("loss");
    for (let times = 0; times < 12; times++) round({ queueUs: 3 * QUEUE_US });
    expect(congestion.window).toBeGreaterThan(before);
    const full = congestion.window;
    expect(round({ queueUs: 3 * QUEUE_US, lost: 0.05 })).toBeWithin(
      Math.floor(full * 0.7) - 1,
      Math.floor(full * 0.7) + 2,
    );
    expect(round({ queueUs: 3 * QUEUE_US, lost: 0.05 })).toBeWithin(
      Math.floor(full * 0.7) - 1,
      Math.floor(full * 0.7) + 2,
    );
    round({ queueUs: QUEUE_US / 2 - 1 });
    expect(congestion.mode).toBe("delay");
  });

  test("among others it grows no faster than alone, also when what was lost turns out to be chance", () => {
    const { congestion, round } = newGroup();
    for (let times = 0; times < 4; times++) round();
    while (congestion.mode !== "loss") round({ queueUs: 3 * QUEUE_US });
    while (congestion.window > WINDOW_MIN) round({ queueUs: 3 * QUEUE_US, lost: 0.2 });
    for (let times = 0; times < 2; times++) round({ queueUs: 3 * QUEUE_US, lost: 0.2 });
    expect([congestion.mode, congestion.window]).toEqual(["loss", WINDOW_MIN]);
    for (let times = 0; times < 5; times++) {
      const before = congestion.window;
      const after = round({ queueUs: 3 * QUEUE_US });
      expect(after - before).toBeLessThanOrEqual(Math.ceil(WINDOW_STEP + before * DELAY_GROWTH));
    }
  });

  test("a queue that becomes shorter as the window does is the push's own, however long it is", () => {
    const { congestion, round } = newGroup();
    for (let times = 0; times < 5; times++) round();
    const each = (16 * QUEUE_US) / congestion.window;
    for (let times = 0; times < 20; times++) round({ queueUs: each * congestion.window });
    expect(congestion.mode).toBe("delay");
    expect(each * congestion.window).toBeLessThanOrEqual(1.2 * QUEUE_US);
  });

  test("takes no more of others' queue than its growth bears out", () => {
    const { congestion, round } = newGroup();
    for (let times = 0; times < 4; times++) round();
    const from = congestion.window;
    // The cuts seem to bring nothing; then all of the queue follows the window.
    while (congestion.mode !== "loss") round({ queueUs: 3 * QUEUE_US });
    const each = (3 * QUEUE_US) / congestion.window;
    for (let times = 0; times < 20; times++) round({ queueUs: each * congestion.window });
    expect(congestion.window).toBeLessThan(from);
  });

  test("always keeps some bursts in the queue, so long as others fill it only a little", () => {
    const { congestion, round } = newGroup();
    round();
    round({ queueUs: START_QUEUE_US });
    const others = BACKLOG;
    for (let times = 0; times < 200; times++) {
      round({ queueUs: 100 * (congestion.window + others) });
      if (times > 20) expect(congestion.window).toBeWithin(BACKLOG / 3, 2 * BACKLOG);
    }
  });

  test.each([
    ["differs from round to round", { queueUs: 1 }],
    ["is shorter than answers are late", { queueUs: QUEUE_US - 1, lateUs: 3 * QUEUE_US }],
  ])("wants a longer queue where it %s, and a shorter one in time", (_, late) => {
    const { round } = newGroup();
    for (let times = 0; times < 4; times++) round();
    for (let times = 0; times < 12; times++) {
      round({ queueUs: QUEUE_US - 1 });
      round(late);
    }
    const before = round({ queueUs: QUEUE_US - 1 });
    expect(round({ queueUs: 1.5 * QUEUE_US })).toBeGreaterThanOrEqual(before);
    for (let times = 0; times < 100; times++) round({ queueUs: QUEUE_US - 1, limited: false });
    const calm = round({ queueUs: QUEUE_US - 1, limited: false });
    expect(round({ queueUs: 1.5 * QUEUE_US })).toBeLessThan(calm);
  });

  test.each([
    ["alone, becomes longer", 0, "toBeGreaterThan"],
    ["beside a stream that always has as much in it, does not", 60, "toBeLessThanOrEqual"],
  ] as const)("a queue that differs from round to round, %s", (_, others, compares) => {
    const { congestion, round } = newGroup();
    const longest = (rounds: number) => {
      let queueUs = 0;
      for (let times = 0; times < rounds; times++) {
        // One answer in two is late.
        const late = times % 2 === 0 ? 600 : 0;
        const seen = 40 * (congestion.window + others);
        queueUs = Math.max(queueUs, seen);
        round({ queueUs: seen + late });
      }
      return queueUs;
    };
    longest(20);
    const before = longest(20);
    longest(400);
    expect(longest(100))[compares](1.3 * before);
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
      congestion.onRound({
        targets: [view(old)],
        limited: true,
        cap: 2_000,
        now: us(times * BASE_US),
        elapsedUs: BASE_US,
      });
    expect(congestion.window).toBe(2_000);
    congestion.onRound({
      targets: [view(old), view(new LossEstimate())],
      limited: true,
      cap: 2_000,
      now: us(1_000_000),
      elapsedUs: BASE_US,
    });
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

describe("chance loss", () => {
  const packets = 1_024;

  test("is the least of four measurements", () => {
    const chance = new LossEstimate();
    for (const lost of [20, 30, 10, 40]) chance.learn(packets, lost, { atFloor: false, raises: true });
    expect(chance.share).toBeCloseTo(10 / packets);
    chance.learn(packets, 50, { atFloor: false, raises: true });
    chance.learn(packets, 60, { atFloor: false, raises: true });
    chance.learn(packets, 70, { atFloor: false, raises: true });
    expect(chance.share).toBeCloseTo(40 / packets);
  });

  test("does not grow with what a queue loses that overflows a little, however often", () => {
    const chance = new LossEstimate();
    chance.learn(packets, 10, { atFloor: false, raises: true });
    for (let times = 0; times < 100; times++) chance.learn(packets, 15, { atFloor: false, raises: false });
    expect(chance.share).toBeCloseTo(10 / packets);
    for (let times = 0; times < 4; times++) chance.learn(packets, 15, { atFloor: false, raises: true });
    expect(chance.share).toBeCloseTo(15 / packets);
  });

  test("shrinks at any window, when it is clearly less", () => {
    const chance = new LossEstimate();
    chance.learn(packets, 100, { atFloor: false, raises: true });
    chance.learn(packets, 90, { atFloor: false, raises: false });
    expect(chance.share).toBeCloseTo(100 / packets);
    chance.learn(packets, 10, { atFloor: false, raises: false });
    expect(chance.share).toBeCloseTo(10 / packets);
  });
});
