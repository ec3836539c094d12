import { describe, expect, test } from "bun:test";
import { Flight, newTargetFlight } from "../../src/engine/flight.ts";
import { Pacer } from "../../src/engine/pacer.ts";
import { WINDOW_FIRST, WINDOW_MIN } from "../../src/engine/tuning.ts";
import { Prng } from "../support/prng.ts";
import { us } from "./support.ts";

const packetBytes = 1500;

/** Sends and acknowledges `rounds` full windows, of which each target loses `loss`. */
function run(
  flight: Flight,
  targets: ReturnType<typeof newTargetFlight>[],
  options: { rounds: number; loss: number },
): void {
  for (let round = 0; round < options.rounds; round++) {
    const budget = flight.budget(targets, us(0));
    flight.onSent(budget, us(round * 1000));
    flight.budget(targets, us(0));
    for (const target of targets) {
      const got = target.received + Math.round((flight.sent - target.seen) * (1 - options.loss));
      flight.onStatus(
        target,
        { sequence: (flight.sent - 1) & 0xffff, received: got },
        us(round * 1000 + 200),
      );
      flight.onProgress(targets, us(round * 1000 + 200));
    }
  }
}

describe("room", () => {
  const status = (seen: number) => ({ sequence: seen - 1, received: seen });

  test("for less than a quarter of the window waits for more", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const targets = [newTargetFlight(8 << 20)] as const;
    flight.onSent(WINDOW_FIRST, us(0));
    flight.onStatus(targets[0], status(WINDOW_FIRST / 4 - 1), us(500));
    expect(flight.budget(targets, us(500))).toBe(0);
    flight.onStatus(targets[0], status(WINDOW_FIRST / 4), us(600));
    expect(flight.budget(targets, us(600))).toBe(WINDOW_FIRST / 4);
  });

  test("for one packet is used where a rate limit makes the bursts", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(1e9) });
    const targets = [newTargetFlight(8 << 20)] as const;
    flight.onSent(WINDOW_FIRST, us(0));
    flight.onStatus(targets[0], status(1), us(500));
    expect(flight.budget(targets, us(500))).toBe(1);
  });

  test("for less is used where answers are lost", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const targets = [newTargetFlight(8 << 20)];
    const calm = flight.window / flight.segment(targets);
    run(flight, targets, { rounds: 100, loss: 0.2 });
    expect(flight.window / flight.segment(targets)).toBeGreaterThan(3 * calm);
  });
});

describe("the window", () => {
  test("doubles each round trip while nothing is lost, up to what the smallest buffer holds", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const targets = [newTargetFlight(8 << 20), newTargetFlight(2 << 20)];
    expect(flight.budget(targets, us(0))).toBe(WINDOW_FIRST);
    run(flight, targets, { rounds: 3, loss: 0 });
    expect(flight.window).toBeGreaterThanOrEqual(WINDOW_FIRST * 4);
    run(flight, targets, { rounds: 10, loss: 0 });
    expect(flight.window * packetBytes).toBeLessThanOrEqual((2 << 20) * 0.4);
    expect(flight.groupRoundTripUs(targets)).toBe(200);
  });

  test("shrinks on sudden loss, but learns that constant loss is chance", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const targets = [newTargetFlight(8 << 20)];
    run(flight, targets, { rounds: 6, loss: 0 });
    const before = flight.window;
    run(flight, targets, { rounds: 2, loss: 0.3 });
    const shrunk = flight.window;
    expect(shrunk).toBeLessThan(before);
    expect(shrunk).toBeGreaterThanOrEqual(WINDOW_MIN);
    run(flight, targets, { rounds: 100, loss: 0.05 });
    expect(flight.window).toBeGreaterThan(shrunk);
  });

  test("recovers from chance loss of 1 % at each of four targets", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const targets = Array.from({ length: 4 }, () => newTargetFlight(8 << 20));
    const prng = new Prng(1);
    let sum = 0;
    for (let round = 0; round < 1_000; round++) {
      const budget = flight.budget(targets, us(round));
      flight.onSent(budget, us(round));
      flight.budget(targets, us(round));
      for (const target of targets) {
        let got = target.received;
        for (let packet = 0; packet < budget; packet++) if (!prng.chance(10_000)) got++;
        flight.onStatus(target, { sequence: (flight.sent - 1) & 0xffff, received: got >>> 0 }, us(round));
      }
      flight.onProgress(targets, us(round * 1000 + 200));
      if (round >= 500) sum += flight.window;
    }
    expect(sum / 500).toBeGreaterThan(1_000);
  });

  test("counters wrap on the wire but not here", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const target = newTargetFlight(8 << 20);
    for (let sent = 0; sent < 200_000; sent += 50) {
      flight.onSent(50, us(sent));
      flight.onStatus(
        target,
        { sequence: (flight.sent - 1) & 0xffff, received: flight.sent >>> 0 },
        us(sent + 1),
      );
    }
    expect(target.seen).toBe(200_000);
    expect(target.received).toBe(200_000);
  });

  test("an old STATUS changes nothing", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const target = newTargetFlight(8 << 20);
    flight.onSent(50, us(0));
    expect(flight.onStatus(target, { sequence: 39, received: 40 }, us(1))).toBe(true);
    expect(flight.onStatus(target, { sequence: 29, received: 30 }, us(2))).toBe(false);
    expect(target.seen).toBe(40);
  });

  test("a rate limit spaces the bursts", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(1_500_000) });
    const targets = [newTargetFlight(8 << 20)];
    const burst = flight.budget(targets, us(0));
    flight.onSent(burst, us(0));
    expect(flight.budget(targets, us(burst * 1000 - 1))).toBe(0);
    expect(flight.budget(targets, us(burst * 1000))).toBeGreaterThan(0);
  });

  test("what has been seen of a burst that still comes in tells the round trip", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const target = newTargetFlight(8 << 20);
    flight.onSent(100, us(0));
    flight.onStatus(target, { sequence: 99, received: 100 }, us(300));
    // Rows of one moment are one burst.
    for (let row = 0; row < 300; row++) flight.onSent(1, us(1_000));
    flight.onStatus(target, { sequence: 149, received: 150 }, us(6_000));
    expect(target).toMatchObject({ seen: 150, baseUs: 300, roundLeastUs: 300 });
    expect(target.roundTripUs).toBe(300 * 0.875 + 5_000 * 0.125);
  });

  test("an answer of one who has not had the second question yet is a round trip of the first", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const target = newTargetFlight(8 << 20);
    flight.onSent(10, us(0));
    flight.onSent(10, us(1_000));
    flight.onAsked(us(2_000));
    flight.onStatus(target, { sequence: 9, received: 10 }, us(40_000));
    expect(target.roundTripUs).toBe(40_000);
  });

  test("an answer to the second question is no round trip of the first one, but no shorter than since the second", () => {
    const flight = new Flight({ packetBytes, pacer: new Pacer(undefined) });
    const target = newTargetFlight(8 << 20);
    const answer = (sequence: number, at: number) =>
      flight.onStatus(target, { sequence, received: sequence + 1 }, us(at));
    flight.onSent(10, us(0));
    answer(9, 500);
    flight.onSent(10, us(1_000));
    flight.onAsked(us(9_000));
    answer(19, 9_400);
    expect(target).toMatchObject({ seen: 20, roundTripUs: 500, baseUs: 500, roundLeastUs: 500 });
    flight.onSent(10, us(10_000));
    flight.onAsked(us(12_000));
    answer(29, 15_000);
    expect(target).toMatchObject({ seen: 30, roundTripUs: 3_000, baseUs: 500, roundLeastUs: 500 });
    flight.onSent(10, us(20_000));
    answer(39, 20_400);
    expect(target).toMatchObject({ seen: 40, baseUs: 400 });
    expect(target.roundTripUs).toBeLessThan(3_000);
  });
});
