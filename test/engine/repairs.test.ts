import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Repair, Repairs } from "../../src/engine/repairs.ts";
import { REPAIR_GATHER_US, VAIN_REPAIRS_MIN } from "../../src/engine/tuning.ts";
import type { BlockIndex } from "../../src/wire/brand.ts";
import { NAK_BITMAP_BYTES, SYMBOLS_MAX } from "../../src/wire/constants.ts";

const LINGER_US = 5_000;
const block = (index: number) => index as BlockIndex;

function missing(symbols: readonly number[]): Uint8Array {
  const bits = new Uint8Array(NAK_BITMAP_BYTES);
  for (const symbol of symbols) bits[symbol >> 3] = (bits[symbol >> 3] ?? 0) | (1 << (symbol & 7));
  return bits;
}

/** A target (or one that gets nothing of its own) misses symbols of a block. */
function ask(repairs: Repairs, from: number | undefined, now: number, symbols: number[], at = 0): number {
  const request = { missing: missing(symbols), sent: SYMBOLS_MAX, from, now, lingerUs: LINGER_US };
  return repairs.request(block(at), request);
}

/** All that goes out at `now`, as "place: block/symbol", in order. */
function sent(repairs: Repairs, now: number): string[] {
  const names: string[] = [];
  const next = (): Repair | undefined => repairs.takeDirect(3, now) ?? repairs.takeGroup(3, now);
  for (let run = next(); run !== undefined; run = next()) {
    expect(run.count).toBeGreaterThan(0);
    expect(run.count).toBeLessThanOrEqual(3);
    for (let symbol = run.first; symbol < run.first + run.count; symbol++)
      names.push(`${run.to ?? "all"}: ${run.block}/${symbol}`);
  }
  return names;
}

describe("what an owner repeats (PROTOCOL §7.7)", () => {
  test("what one target misses goes to it alone when the others have had the time to ask, and not one microsecond sooner", () => {
    const repairs = new Repairs(3);
    expect(ask(repairs, 1, 100, [4, 5, 9])).toBe(3);
    expect(repairs.pending).toBe(true);
    expect(repairs.directDue).toBe(100 + REPAIR_GATHER_US);
    expect(sent(repairs, 99 + REPAIR_GATHER_US)).toEqual([]);
    expect(sent(repairs, 100 + REPAIR_GATHER_US)).toEqual(["1: 0/4", "1: 0/5", "1: 0/9"]);
    expect(repairs.pending).toBe(false);
    expect(repairs.directDue).toBe(Number.POSITIVE_INFINITY);
  });

  test("a single target waits for nobody", () => {
    const repairs = new Repairs(1);
    ask(repairs, 0, 100, [4]);
    expect(sent(repairs, 100)).toEqual(["0: 0/4"]);
  });

  test("what two miss goes to all, at once; what only one of them misses, to that one", () => {
    const repairs = new Repairs(3);
    expect(ask(repairs, 1, 0, [4, 9])).toBe(2);
    expect(ask(repairs, 1, 1, [4, 9])).toBe(0);
    expect(ask(repairs, 2, 2, [4, 7])).toBe(1);
    expect(sent(repairs, 3)).toEqual(["all: 0/4"]);
    expect(sent(repairs, 2 + REPAIR_GATHER_US)).toEqual(["1: 0/9", "2: 0/7"]);
  });

  test("what is for one target goes out together, blocks that have nothing more for it left out", () => {
    const repairs = new Repairs(2);
    ask(repairs, 0, 0, [1], 0);
    ask(repairs, 1, 0, [2], 0);
    ask(repairs, 0, 0, [3], 1);
    ask(repairs, 1, 0, [3], 1);
    ask(repairs, 0, 0, [5, 7], 2);
    expect(sent(repairs, REPAIR_GATHER_US)).toEqual(["0: 0/1", "0: 2/5", "0: 2/7", "1: 0/2", "all: 1/3"]);
  });

  test("what was repeated to one and is missed still, by whomever, goes to all", () => {
    for (const [first, second] of [
      [0, 0],
      [0, 1],
    ] as const) {
      const repairs = new Repairs(2);
      ask(repairs, first, 0, [4]);
      expect(sent(repairs, REPAIR_GATHER_US)).toEqual([`${first}: 0/4`]);
      const later = REPAIR_GATHER_US + LINGER_US;
      expect(ask(repairs, second, later, [4])).toBe(1);
      expect(sent(repairs, later)).toEqual(["all: 0/4"]);
      // After that, it is again a matter of whoever misses it.
      ask(repairs, first, later + LINGER_US, [4]);
      expect(sent(repairs, later + LINGER_US + REPAIR_GATHER_US)).toEqual([`${first}: 0/4`]);
    }
  });

  test("a repeat under way answers further requests of those whom it reaches, until it has lingered", () => {
    const repairs = new Repairs(2);
    ask(repairs, 0, 0, [4]);
    sent(repairs, REPAIR_GATHER_US);
    expect(ask(repairs, 0, REPAIR_GATHER_US + LINGER_US - 1, [4])).toBe(0);
    expect(ask(repairs, 1, REPAIR_GATHER_US + 1, [4])).toBe(1);
    expect(sent(repairs, 10_000)).toEqual(["all: 0/4"]);
    expect(ask(repairs, 0, 10_000 + LINGER_US - 1, [4])).toBe(0);
    expect(ask(repairs, 1, 10_000 + LINGER_US - 1, [4])).toBe(0);
    expect(ask(repairs, 1, 10_000 + LINGER_US, [4])).toBe(1);
  });

  test("one repeat's linger is not prolonged by another's", () => {
    const repairs = new Repairs(1);
    ask(repairs, 0, 0, [4]);
    sent(repairs, 0);
    ask(repairs, 0, LINGER_US - 1, [5]);
    sent(repairs, LINGER_US - 1);
    expect(ask(repairs, 0, LINGER_US, [4, 5])).toBe(1);
  });

  test("targets that get nothing of their own, and those beyond the places, are answered to all", () => {
    const repairs = new Repairs(2);
    ask(repairs, undefined, 0, [1]);
    ask(repairs, 2, 0, [2]);
    expect(sent(repairs, 0)).toEqual(["all: 0/1", "all: 0/2"]);
  });

  test("a target whose repeats are mostly for nothing gets no more of its own; the others do", () => {
    const repairs = new Repairs(2);
    let now = 0;
    /** Repeats a symbol to target 0; `vain`: it asks for it again. */
    const round = (vain: boolean): readonly string[] => {
      now += 1_000_000;
      ask(repairs, 0, now, [7]);
      const names = sent(repairs, now + REPAIR_GATHER_US);
      now += LINGER_US + REPAIR_GATHER_US;
      if (vain) ask(repairs, 0, now, [7]);
      sent(repairs, now);
      repairs.forget(block(0));
      return names;
    };
    // Twice as many arrive as do not: it stays as it is.
    for (let count = 0; count < 2 * VAIN_REPAIRS_MIN; count++) {
      expect(round(true)).toEqual(["0: 0/7"]);
      expect([...round(false), ...round(false)]).toEqual(["0: 0/7", "0: 0/7"]);
    }
    for (let count = 0; count < 2 * VAIN_REPAIRS_MIN - 1; count++) round(true);
    expect(round(true)).toEqual(["0: 0/7"]);
    expect(round(true)).toEqual(["all: 0/7"]);
    ask(repairs, 1, now, [3]);
    expect(sent(repairs, now + REPAIR_GATHER_US)).toEqual(["1: 0/3"]);
  });

  test("forgotten blocks are repeated no more, and their memory begins anew", () => {
    const repairs = new Repairs(2);
    ask(repairs, 0, 0, [1, 2], 5);
    ask(repairs, 1, 0, [2, 3], 5);
    repairs.forget(block(5));
    expect(repairs.pending).toBe(false);
    expect(sent(repairs, 1e6)).toEqual([]);
    expect(ask(repairs, 1, 1e6, [1], 6)).toBe(1);
    expect(sent(repairs, 2e6)).toEqual(["1: 6/1"]);
  });

  test("whatever is asked for by whomever and whenever, it comes within two requests to whoever hears the group only", () => {
    const step = fc.record({
      from: fc.nat(3),
      symbol: fc.nat(3),
      afterUs: fc.constantFrom(0, 1, REPAIR_GATHER_US, LINGER_US, 20_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), (steps, deaf) => {
        const repairs = new Repairs(4);
        let now = 0;
        for (const { from, symbol, afterUs } of steps) {
          ask(repairs, from, now, [symbol]);
          now += afterUs;
          sent(repairs, now);
        }
        let heard: string[] = [];
        for (let requests = 0; requests < 2; requests++) {
          now += LINGER_US + REPAIR_GATHER_US;
          ask(repairs, deaf, now, [0, 1, 2, 3]);
          now += REPAIR_GATHER_US;
          heard = [...heard, ...sent(repairs, now)];
        }
        for (const symbol of [0, 1, 2, 3]) expect(heard).toContain(`all: 0/${symbol}`);
        expect(repairs.pending).toBe(false);
      }),
    );
  });
});
