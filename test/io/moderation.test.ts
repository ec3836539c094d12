import { expect, test } from "bun:test";
import { Moderation } from "../../src/io/moderation.ts";
import type { Micros } from "../../src/wire/brand.ts";

const us = (value: number) => value as Micros;

/** Batches of DATA at even intervals; returns the time of the last. */
function flow(moderation: Moderation, batches: number, everyUs: number): number {
  for (let batch = 0; batch < batches; batch++) moderation.onData(us(batch * everyUs));
  return (batches - 1) * everyUs;
}

test("a short push is looked at as it comes", () => {
  const moderation = new Moderation();
  const last = flow(moderation, 16, 50);
  expect(moderation.pauseUs(us(last))).toBe(0);
});

test("in a flow, packets gather for a while since the last look, and no longer", () => {
  const moderation = new Moderation();
  const last = flow(moderation, 17, 50);
  expect(moderation.pauseUs(us(last))).toBe(1_200);
  expect(moderation.pauseUs(us(last + 200))).toBe(1_000);
  expect(moderation.pauseUs(us(last + 1_200))).toBe(0);
  expect(moderation.pauseUs(us(last + 10_000))).toBe(0);
});

test("bursts that are rare are no flow, and a flow ends with a gap", () => {
  const slow = new Moderation();
  expect(slow.pauseUs(us(flow(slow, 100, 5_000)))).toBe(0);
  const ended = new Moderation();
  const last = flow(ended, 100, 600);
  ended.onData(us(last + 5_000));
  expect(ended.pauseUs(us(last + 5_000))).toBe(0);
});
