import { describe, expect, test } from "bun:test";
import { othersOf } from "../../src/engine/capacity.ts";
import { Cubic } from "../../src/engine/cubic.ts";
import { us } from "./support.ts";

/** The windows of a stream, second by second, that has lost something at 1,000 packets. */
function afterLoss(seconds: number, roundTripUs: number): number[] {
  const cubic = new Cubic();
  cubic.onLoss(1_000, 700, us(0));
  const windows: number[] = [];
  let window = 700;
  for (let now = roundTripUs; now <= seconds * 1e6; now += roundTripUs) {
    window += cubic.growth(window, { roundTripUs: 0, now: us(now) });
    if (now % 1_000_000 < roundTripUs) windows.push(window);
  }
  return windows;
}

describe("growth after a loss", () => {
  test("follows the cubic function: back at the plateau after K, flat there, faster beyond (RFC 9438 §4.2)", () => {
    const k = Math.cbrt(300 / 0.4);
    const windows = afterLoss(14, 100_000);
    for (const [index, window] of windows.entries()) {
      const cubic = 1_000 + 0.4 * (index + 1 - k) ** 3;
      expect(Math.abs(window - cubic)).toBeLessThan(10);
    }
  });

  test("is never slower than Reno's with this decrease (RFC 9438 §4.3)", () => {
    // At 1 ms, 0.53 packets a round trip are 300 in 0.57 s.
    expect(afterLoss(1, 1_000)[0]).toBeGreaterThan(1_000);
  });

  test("a loss below the last one lowers the plateau (RFC 9438 §4.7)", () => {
    const cubic = new Cubic();
    cubic.onLoss(1_000, 700, us(0));
    cubic.onLoss(800, 560, us(0));
    const k = Math.cbrt((680 - 560) / 0.4);
    expect(cubic.growth(680, { roundTripUs: 0, now: us(k * 1e6) })).toBeLessThan(0.01);
    expect(cubic.lossAt).toBe(800);
  });

  test("without a loss, and when it is forgotten, nothing holds it back", () => {
    const cubic = new Cubic();
    const seen = { roundTripUs: 1_000, now: us(0) };
    expect(cubic.growth(64, seen)).toBe(Number.POSITIVE_INFINITY);
    cubic.onLoss(100, 70, us(0));
    expect(cubic.growth(70, seen)).toBeLessThan(10);
    cubic.forget();
    expect(cubic.growth(70, seen)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("what others have under way", () => {
  const at = (window: number, others: number) => {
    const queueUs = 60 * (window + others);
    return { window, queueUs, roundTripUs: queueUs + 200 };
  };

  test.each([0, 50, 200, 600])("%p packets are found by a cut, and by growth", (others) => {
    expect(Math.abs(othersOf(at(200, others), at(100, others)) - others)).toBeLessThan(10 + others / 10);
    expect(Math.abs(othersOf(at(300, others), at(200, others)) - others)).toBeLessThan(10 + others / 10);
  });

  test("an answer that makes no sense is bounded: a queue that grew with the cut, and one that shrank by more", () => {
    expect(othersOf(at(200, 0), at(100, 400))).toBeLessThanOrEqual(19.01 * 200);
    expect(othersOf(at(200, 400), at(100, 0))).toBe(0);
    expect(othersOf(at(100, 0), at(100, 0))).toBe(0);
  });
});
