import { expect, test } from "bun:test";
import { Moderation } from "../../src/io/moderation.ts";
import type { Micros } from "../../src/wire/brand.ts";

const us = (value: number) => value as Micros;

/** Batches of DATA at even intervals; returns the time of the last. */
function flow(
  moderation: Moderation,
  batches: number,
  { everyUs, packets = 40, from = 0 }: { everyUs: number; packets?: number; from?: number },
): number {
  for (let batch = 0; batch < batches; batch++) moderation.onData(us(from + batch * everyUs), packets);
  return from + (batches - 1) * everyUs;
}

test("a short push is looked at as it comes", () => {
  const moderation = new Moderation();
  const last = flow(moderation, 16, { everyUs: 50 });
  expect(moderation.pauseUs(us(last), true)).toBe(0);
  expect(moderation.pauseUs(us(last), false)).toBe(0);
});

test("in a flow, packets gather for a while since the last look, and no longer", () => {
  const moderation = new Moderation();
  const last = flow(moderation, 17, { everyUs: 50 });
  expect(moderation.pauseUs(us(last), true)).toBe(1_200);
  expect(moderation.pauseUs(us(last + 200), true)).toBe(1_000);
  expect(moderation.pauseUs(us(last + 1_200), true)).toBe(0);
  expect(moderation.pauseUs(us(last + 10_000), true)).toBe(0);
});

test("bursts that are rare are no flow, and a flow ends with a gap", () => {
  const slow = new Moderation();
  expect(slow.pauseUs(us(flow(slow, 100, { everyUs: 5_000 })), true)).toBe(0);
  const ended = new Moderation();
  const last = flow(ended, 100, { everyUs: 600 });
  ended.onData(us(last + 5_000), 40);
  expect(ended.pauseUs(us(last + 5_000), true)).toBe(0);
});

test.each([
  ["at 1 Gbit/s: a little longer than usual", 500, 1_600],
  ["at 200 Mbit/s: until as much has come", 2_500, 8_000],
  ["at 300 Mbit/s", 1_600, 5_120],
  ["at 10 Gbit/s: as where somebody waits", 50, 1_200],
  ["slowly: no longer than what is missed may wait", 4_900, 8_000],
])("where nobody waits for what is found, %s", (_, everyUs, pauseUs) => {
  const moderation = new Moderation();
  const last = flow(moderation, 100, { everyUs });
  expect(moderation.pauseUs(us(last), true)).toBe(1_200);
  expect(moderation.pauseUs(us(last), false)).toBeCloseTo(pauseUs, 6);
});

test("a flow that is looked for seldom stays one, and what comes faster is looked for sooner at once", () => {
  const moderation = new Moderation();
  let at = flow(moderation, 30, { everyUs: 2_500 });
  for (let look = 0; look < 20; look++) {
    expect(moderation.pauseUs(us(at), false)).toBeCloseTo(8_000, 6);
    at = flow(moderation, 1, { everyUs: 0, packets: 128, from: at + 10_000 });
  }
  at = flow(moderation, 1, { everyUs: 0, packets: 640, from: at + 8_000 });
  expect(moderation.pauseUs(us(at), false)).toBeCloseTo(1_600, 6);
});
