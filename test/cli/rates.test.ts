import { expect, test } from "bun:test";
import { Rates } from "../../src/cli/rates.ts";

function rates(
  all: Rates,
  atMs: number,
  sentBytes: number,
  done: Record<string, number>,
): Record<string, number> {
  const hosts = Object.entries(done).map(([host, doneBytes]) => ({ host, doneBytes }));
  const { sent, hosts: perHost } = all.sample(atMs, { sentBytes, hosts });
  return { sent, ...Object.fromEntries(perHost) };
}

test("before the first second is over, all since the beginning counts", () => {
  const all = new Rates(1_000);
  expect(rates(all, 1_000, 0, { a: 0 })).toEqual({ sent: 0, a: 0 });
  expect(rates(all, 1_200, 100, { a: 50, b: 0 })).toEqual({ sent: 500, a: 250, b: 0 });
  expect(rates(all, 1_500, 100, { a: 100, b: 10 })).toEqual({ sent: 200, a: 200, b: 20 });
});

test("then the last second, and no more", () => {
  const all = new Rates(0);
  for (let at = 200; at <= 2_000; at += 200) rates(all, at, at * 10, { a: at });
  expect(rates(all, 2_200, 22_000, { a: 2_200 })).toEqual({ sent: 10_000, a: 1_000 });
  // Nothing more is sent: each look counts less, and a second later there is nothing.
  expect(rates(all, 2_400, 22_000, { a: 2_200 })).toEqual({ sent: 8_000, a: 800 });
  for (let at = 2_600; at < 3_200; at += 200) rates(all, at, 22_000, { a: 2_200 });
  expect(rates(all, 3_200, 22_000, { a: 2_200 })).toEqual({ sent: 0, a: 0 });
});

test("after a long silence, its whole length counts", () => {
  const all = new Rates(0);
  rates(all, 100, 0, { a: 0 });
  expect(rates(all, 10_100, 10_000, { a: 20_000 })).toEqual({ sent: 1_000, a: 2_000 });
  expect(rates(all, 10_200, 10_000, { a: 20_000 })).toEqual({ sent: 990, a: 1_980 });
  expect(rates(all, 11_100, 10_100, { a: 20_000 })).toEqual({ sent: 100, a: 0 });
});

test("a host whose count is new, gone or smaller makes no nonsense", () => {
  const all = new Rates(0);
  rates(all, 1_000, 0, { a: 500 });
  expect(rates(all, 2_000, 0, { b: 100 })).toEqual({ sent: 0, b: 100 });
  expect(rates(all, 3_000, 0, { b: 50 })).toEqual({ sent: 0, b: 0 });
});
