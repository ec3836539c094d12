import { describe, expect, test } from "bun:test";
import { type FlowView, GapDetector } from "../../src/engine/gap-detector.ts";
import { NAK_BACKOFF_US, NAK_HOLD_US_MIN } from "../../src/engine/tuning.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { NAK_BITMAP_BYTES } from "../../src/wire/constants.ts";
import { entryAt, openContext, RX_TABLE_WORDS, RxEntry, resetEntry } from "../../src/wire/rx-table.ts";
import { us } from "./support.ts";

const first = 0 as BlockIndex;
const roundTripUs = 100;

function setUp(symbols: number, present: readonly number[]) {
  const table = new Uint32Array(RX_TABLE_WORDS);
  openContext(table, 0, { owner: 9n as NodeId, push: 1 as PushId, symbolSize: 100, blockSymbols: 64 });
  resetEntry(table, 0, first, 0 as Slot);
  const at = entryAt(0, first);
  if (present.length > 0) table[at + RxEntry.symbols] = symbols;
  const arrive = (symbol: number) => {
    table[at + RxEntry.have] = (table[at + RxEntry.have] ?? 0) + 1;
    table[at + RxEntry.bitmap + (symbol >> 5)] =
      (table[at + RxEntry.bitmap + (symbol >> 5)] ?? 0) | (1 << (symbol & 31));
  };
  for (const symbol of present) arrive(symbol);
  return { arrive, gaps: new GapDetector({ table, context: 0, random: () => 0, targets: 4 }) };
}

const flow = (edgeBlock: number, edgeSymbol: number): FlowView => ({
  from: first,
  limit: 4 as BlockIndex,
  edgeBlock,
  edgeSymbol,
});
const bits = (missing: Uint8Array | undefined) => {
  return Array.from({ length: NAK_BITMAP_BYTES * 8 }, (_, i) => i).filter(
    (i) => ((missing?.[i >> 3] ?? 0) & (1 << (i & 7))) !== 0,
  );
};

describe("gaps (PROTOCOL §7.2)", () => {
  test("a gap is asked for after the back-off, not one microsecond sooner", () => {
    const { gaps } = setUp(8, [0, 1, 4]);
    gaps.scan(flow(0, 5), us(1000));
    expect(gaps.due(flow(0, 5), { now: us(1000 + NAK_BACKOFF_US - 1), roundTripUs }, 8)).toEqual([]);
    const due = gaps.due(flow(0, 5), { now: us(1000 + NAK_BACKOFF_US), roundTripUs }, 8);
    expect(due.map((gap) => bits(gap.missing))).toEqual([[2, 3]]);
  });

  test("nothing is asked for when all below the edge is here, or has come in time", () => {
    const { gaps, arrive } = setUp(8, [0, 1]);
    gaps.scan(flow(0, 2), us(0));
    expect(gaps.deadline()).toBe(us(Number.POSITIVE_INFINITY));
    gaps.scan(flow(0, 3), us(0));
    expect(gaps.deadline()).toBe(us(NAK_BACKOFF_US));
    arrive(2);
    expect(gaps.due(flow(0, 3), { now: us(NAK_BACKOFF_US), roundTripUs }, 8)).toEqual([]);
  });

  test("what another has asked for is left to it, until the repeat should be here", () => {
    const { gaps } = setUp(8, [0, 1, 4]);
    gaps.scan(flow(0, 5), us(0));
    const missing = new Uint8Array(NAK_BITMAP_BYTES);
    missing[0] = 0b1100;
    gaps.onHeard({ block: first, missing }, { now: us(100), roundTripUs });
    expect(gaps.due(flow(0, 5), { now: us(NAK_BACKOFF_US), roundTripUs }, 8)).toEqual([]);
    expect(gaps.due(flow(0, 5), { now: us(100 + NAK_HOLD_US_MIN - 1), roundTripUs }, 8)).toEqual([]);
    expect(gaps.due(flow(0, 5), { now: us(100 + NAK_HOLD_US_MIN), roundTripUs }, 8)).toHaveLength(1);
  });

  test("only what another has not asked for is asked for", () => {
    const { gaps } = setUp(8, [0, 4]);
    gaps.scan(flow(0, 5), us(0));
    const missing = new Uint8Array(NAK_BITMAP_BYTES);
    missing[0] = 0b0110;
    gaps.onHeard({ block: first, missing }, { now: us(100), roundTripUs });
    const due = gaps.due(flow(0, 5), { now: us(NAK_BACKOFF_US), roundTripUs }, 8);
    expect(due.map((gap) => bits(gap.missing))).toEqual([[3]]);
  });

  test("a request holds, longer each time it was in vain", () => {
    const { gaps } = setUp(8, [1]);
    gaps.scan(flow(0, 2), us(0));
    let now = NAK_BACKOFF_US;
    const waits: number[] = [];
    for (let tries = 0; tries < 4; tries++) {
      expect(gaps.due(flow(0, 2), { now: us(now), roundTripUs }, 8)).toHaveLength(1);
      waits.push(gaps.deadline() - now);
      expect(gaps.due(flow(0, 2), { now: us(gaps.deadline() - 1), roundTripUs }, 8)).toEqual([]);
      now = gaps.deadline();
    }
    expect(waits[0]).toBe(NAK_HOLD_US_MIN);
    for (let tries = 1; tries < 4; tries++) expect(waits[tries]).toBeGreaterThan(waits[tries - 1] ?? 0);
  });

  test("a request that has brought a part was not in vain: the next one holds no longer", () => {
    const { gaps, arrive } = setUp(8, [1]);
    gaps.scan(flow(0, 8), us(0));
    let now = NAK_BACKOFF_US;
    for (const symbol of [0, 2, 3, 4, 5]) {
      expect(gaps.due(flow(0, 8), { now: us(now), roundTripUs }, 8)).toHaveLength(1);
      expect(gaps.deadline() - now).toBe(NAK_HOLD_US_MIN);
      now = gaps.deadline();
      arrive(symbol);
    }
  });

  test("a block of which nothing has come is asked for whole", () => {
    const { gaps } = setUp(8, []);
    gaps.scan(flow(1, 0), us(0));
    const due = gaps.due(flow(1, 0), { now: us(NAK_BACKOFF_US), roundTripUs }, 8);
    expect(bits(due[0]?.missing)).toHaveLength(NAK_BITMAP_BYTES * 8);
  });
});
