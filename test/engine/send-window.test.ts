import { describe, expect, test } from "bun:test";
import type { Address } from "../../src/engine/ports.ts";
import { SendWindow } from "../../src/engine/send-window.ts";
import type { BlockIndex, PushId, Slot } from "../../src/wire/brand.ts";
import { DataFlag, NAK_BITMAP_BYTES } from "../../src/wire/constants.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";

const block = (index: number) => index as BlockIndex;

function opened(slots: number, sizes: readonly number[], addresses: readonly Address[] = []): SendWindow {
  const window = new SendWindow(7 as PushId, {
    slots: Array.from({ length: slots }, (_, i) => i as Slot),
    symbolSize: 100,
    addresses,
  });
  for (const [index, bytes] of sizes.entries()) {
    const slot = window.takeSlot();
    if (slot === undefined) throw new Error("no slot");
    window.add(slot, { index: block(index), bytes, flags: 2 });
  }
  return window;
}

function row(window: SendWindow, options: { budget?: number; limit?: number; now?: number } = {}) {
  const words = new Uint32Array(TX_ROW_WORDS);
  const { budget = 1000, limit = 1000, now = 0 } = options;
  const packets = window.fillRow(words, 0, {
    budget,
    direct: budget,
    limit: block(limit),
    sequence: 65_535,
    now,
  });
  if (packets === 0) return undefined;
  const [index, first, flags] = [words[TxRow.block], words[TxRow.first], words[TxRow.flags] ?? 0];
  return { index, first, packets, repair: (flags & DataFlag.repair) !== 0, words };
}

function missing(...symbols: number[]): Uint8Array {
  const bits = new Uint8Array(NAK_BITMAP_BYTES);
  for (const symbol of symbols) bits[symbol >> 3] = (bits[symbol >> 3] ?? 0) | (1 << (symbol & 7));
  return bits;
}

describe("the owner's window", () => {
  test("sends blocks in order, cut by budget, and stops at the limit", () => {
    const window = opened(4, [250, 100]);
    expect(row(window, { budget: 2 })).toMatchObject({ index: 0, first: 0, packets: 2, repair: false });
    expect(row(window)).toMatchObject({ index: 0, first: 2, packets: 1 });
    expect(window.hasWork(block(1))).toBe(false);
    expect(row(window, { limit: 1 })).toBeUndefined();
    expect(row(window, { limit: 2 })).toMatchObject({ index: 1, first: 0, packets: 1 });
    expect(window.drained).toBe(true);
  });

  test("a row says all that the packet handler must know", () => {
    const words = row(opened(4, [250]))?.words;
    expect([...(words ?? [])].slice(0, 10)).toEqual([3, 0, 0, 3, 3, 50, 2, 7, 100, 65_535]);
  });

  test("repeats go first, each run in one row, and only what was sent before", () => {
    const window = opened(4, [1000, 1000]);
    row(window);
    row(window, { budget: 3 });
    expect(window.request(block(0), missing(1, 2, 9), { from: undefined, now: 10, lingerUs: 5 })).toBe(3);
    expect(window.request(block(1), missing(2, 3), { from: undefined, now: 10, lingerUs: 5 })).toBe(1);
    expect(window.request(block(2), missing(0), { from: undefined, now: 10, lingerUs: 5 })).toBe(0);
    expect(row(window)).toMatchObject({ index: 0, first: 1, packets: 2, repair: true });
    expect(row(window)).toMatchObject({ index: 0, first: 9, packets: 1, repair: true });
    expect(row(window)).toMatchObject({ index: 1, first: 2, packets: 1, repair: true });
    expect(row(window)).toMatchObject({ index: 1, first: 3, packets: 7, repair: false });
  });

  test("a repeat answers further requests while it lingers, not one microsecond longer", () => {
    const window = opened(4, [1000]);
    row(window);
    window.request(block(0), missing(4), { from: undefined, now: 100, lingerUs: 50 });
    row(window, { now: 100 });
    expect(window.request(block(0), missing(4), { from: undefined, now: 149, lingerUs: 50 })).toBe(0);
    expect(window.request(block(0), missing(4), { from: undefined, now: 150, lingerUs: 50 })).toBe(1);
  });

  test("bits beyond the block mean nothing", () => {
    const window = opened(4, [300]);
    row(window);
    expect(window.request(block(0), missing(2, 3, 200), { from: undefined, now: 0, lingerUs: 0 })).toBe(1);
  });

  test("slots come back when every target is done, even beyond what exists", () => {
    const window = opened(2, [100, 100]);
    expect(window.takeSlot()).toBeUndefined();
    window.release(block(1));
    expect(window.takeSlot()).toBe(1 as Slot);
    window.release(block(900));
    expect(window.low).toBe(block(2));
    expect(window.edgeBlock).toBe(block(2));
  });
});
