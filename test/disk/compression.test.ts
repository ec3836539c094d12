import { describe, expect, test } from "bun:test";
import { CompressionPolicy, isShrunk } from "../../src/disk/compression.ts";
import { Pace } from "../../src/disk/pace.ts";

/** The rule, on a model of a push: a thread that makes blocks, a wire with so many slots before it, and receivers. Time is in microseconds. */

const RAW = 320_000;
const SLOTS = 32;

type World = {
  /** Bytes that the wire takes in a microsecond. */
  wire: number;
  /** What receivers take for a block, in any form, and what compressing one and reading one takes here, at level 1. */
  receiveUs: number;
  compressUs: number;
  makeUs: number;
  /** What is left of a block. */
  shrinksTo: number;
};

/** 200 Mbit/s and source text. */
const SLOW: World = { wire: 25, receiveUs: 500, compressUs: 800, makeUs: 100, shrinksTo: 0.22 };

/** A push under the rule; `change` is told the number of each block and may change the world. */
function run(
  start: World,
  options: { blocks?: number; levelMax?: number; change?: (n: number, world: World) => void },
) {
  const { blocks = 900, levelMax = 3, change = () => {} } = options;
  const world = { ...start };
  const policy = new CompressionPolicy(levelMax);
  /** When the wire, and the receivers, are done with each block. */
  const sent: number[] = [];
  const used: number[] = [];
  const levels: number[] = [];
  const free = Array.from({ length: SLOTS }, (_, slot) => slot);
  const inSlot: { slot: number; until: number }[] = [];
  let compressed = 0;
  let now = 0;
  let busyUs = 0;
  for (let n = 0; n < blocks; n++) {
    change(n, world);
    const released = inSlot.length < SLOTS ? now : (inSlot[0]?.until ?? now);
    // A block that has been read this moment does not wait for the wire.
    const older = sent[released > now ? n - 1 : n - 2] ?? 0;
    now = Math.max(now, released);
    // As the engine does it: the slot that was freed last is used first.
    while (inSlot.length > 0 && (inSlot[0]?.until ?? 0) <= now) free.push(inSlot.shift()?.slot ?? 0);
    const slot = free.pop() ?? 0;
    const level = policy.level({ slot, atUs: now, busyUs, waiting: older > now });
    levels.push(level);
    const packed = Math.round(RAW * world.shrinksTo);
    const compressUs = level === 0 ? 0 : world.compressUs * (1 + (level - 1) / 4);
    const bytes = level > 0 && isShrunk({ raw: RAW, sent: packed }) ? packed : RAW;
    policy.made({ raw: RAW, sent: bytes, compressUs });
    if (bytes < RAW) compressed++;
    now += world.makeUs + compressUs;
    busyUs += world.makeUs + compressUs;
    sent.push(Math.max(now, sent[n - 1] ?? 0) + bytes / world.wire);
    used.push(Math.max(sent[n] ?? 0, used[n - 1] ?? 0) + world.receiveUs);
    inSlot.push({ slot, until: used[n] ?? 0 });
  }
  return { levels, compressed, us: used.at(-1) ?? 0 };
}

/** How many times as long a push takes under the rule as without compression. */
function slowdown(world: World, blocks = 900): number {
  return run(world, { blocks }).us / run(world, { blocks, levelMax: 0 }).us;
}

describe("the rule", () => {
  test("compresses nothing at level 0", () => {
    expect(new Set(run(SLOW, { levelMax: 0 }).levels)).toEqual(new Set([0]));
  });

  test("compresses all there is on a slow wire, at the highest level that is allowed", () => {
    const { levels, compressed } = run(SLOW, {});
    expect(compressed).toBe(900);
    expect(levels.slice(100).every((level) => level === 3)).toBe(true);
    expect(slowdown(SLOW)).toBeLessThan(0.25);
  });

  test("does not climb to a level at which this thread would hold the push up", () => {
    const { levels } = run({ ...SLOW, wire: 100 }, { levelMax: 19 });
    const late = levels.slice(300);
    expect(Math.max(...late)).toBeLessThan(8);
    expect(slowdown({ ...SLOW, wire: 100 })).toBeLessThan(0.4);
  });

  test.each<[string, World]>([
    ["a wire faster than the compressor", { ...SLOW, wire: 1000, receiveUs: 50 }],
    ["receivers that are slower than the wire, in any form", { ...SLOW, wire: 1000, receiveUs: 2_000 }],
    ["a thread that has much to do", { ...SLOW, wire: 1000, makeUs: 2_000, receiveUs: 50 }],
  ])("switches itself off for %s", (_, world) => {
    const { compressed } = run(world, {});
    // Every slot is filled once before anything is known.
    expect(compressed).toBeLessThan(3 * SLOTS);
    expect(slowdown(world)).toBeLessThan(1.05);
  });

  test("stays on where this thread is the slowest, but the wire would be slower still", () => {
    // About 1 Gbit/s.
    const world = { ...SLOW, wire: 117, receiveUs: 50 };
    expect(run(world, {}).compressed).toBeGreaterThan(750);
    expect(slowdown(world)).toBeLessThan(0.5);
  });

  test("costs nothing worth speaking of for content that does not shrink", () => {
    for (const world of [SLOW, { ...SLOW, wire: 1000, receiveUs: 300 }]) {
      const noise = { ...world, shrinksTo: 1.0001, compressUs: 150 };
      expect(run(noise, {}).compressed).toBe(0);
      expect(slowdown(noise)).toBeLessThan(1.01);
    }
  });

  test("finds what shrinks after what does not, and the other way round", () => {
    const change = (n: number, world: World) => {
      world.shrinksTo = n % 200 < 100 ? 1.0001 : 0.22;
    };
    const { compressed } = run(SLOW, { blocks: 1000, change });
    expect(compressed).toBeGreaterThan(400);
  });

  test("follows a wire that becomes fast, and slow again", () => {
    const change = (n: number, world: World) => {
      world.wire = n < 300 || n >= 900 ? 25 : 2000;
      world.receiveUs = 50;
    };
    const { levels } = run(SLOW, { blocks: 1200, change });
    const tried = (from: number, to: number) => levels.slice(from, to).filter((level) => level > 0).length;
    expect(tried(50, 300)).toBe(250);
    expect(tried(450, 900)).toBeLessThan(60);
    expect(tried(1000, 1200)).toBeGreaterThan(150);
  });
});

test("a block counts as shrunk if more than 7 % is saved", () => {
  expect(isShrunk({ raw: 1000, sent: 929 })).toBe(true);
  expect(isShrunk({ raw: 1000, sent: 930 })).toBe(false);
});

test("a pace forgets, and takes a stall for a stall", () => {
  const pace = new Pace();
  const block = { bytes: 1000, tookUs: 100, busyUs: 25, waiting: true };
  for (let i = 0; i < 40; i++) pace.add(block);
  expect(pace.usPerByte).toBeCloseTo(0.1);
  expect(pace.usPerBlock).toBeCloseTo(100);
  expect(pace.busyShare).toBeCloseTo(0.25);
  expect(pace.wireBound).toBe(true);
  pace.add({ ...block, tookUs: 1_000_000 });
  expect(pace.usPerBlock).toBeLessThan(250);
  for (let i = 0; i < 100; i++) pace.add({ ...block, tookUs: 300, waiting: false });
  expect(pace.usPerBlock).toBeCloseTo(300, 0);
  expect(pace.wireBound).toBe(false);
});
