import { describe, expect, test } from "bun:test";
import { WINDOW_MIN } from "../../src/engine/tuning.ts";
import { Prng } from "../support/prng.ts";
import { Bottleneck, PACKET_BYTES, rateOf, type SenderShape } from "./bottleneck.ts";

/** 200 Mbit/s, and a queue of 50 ms. */
const LINK = { packetsPerSecond: 16_500, queueMax: 830, delayUs: 300 };
const SENDER: SenderShape = { targets: 3, lossPpm: 0, receiveBuffer: 16 << 20, startUs: 0 };
const SECOND = 1_000_000;

function after(seconds: number, senders: readonly Partial<SenderShape>[], link = LINK, seed = 1) {
  const shapes = senders.map((one) => ({ ...SENDER, ...one }));
  const net = new Bottleneck(link, shapes, new Prng(seed));
  net.run(seconds * SECOND);
  return net;
}

describe("a push over a bottleneck", () => {
  test("fills it within a tenth of a second, loses nothing, and keeps the queue short", () => {
    const net = after(2, [{}]);
    const [sender] = net.senders;
    if (sender === undefined) throw new Error("no sender");
    expect(rateOf(sender, 0.1 * SECOND, 2 * SECOND)).toBeGreaterThan(0.98 * LINK.packetsPerSecond);
    expect(net.dropped).toBe(0);
    expect(net.queueUsMax).toBeLessThan(35_000);
  });

  test.each([10_000, 50_000, 200_000])("is as fast when each of eight targets loses %p ppm", (lossPpm) => {
    const [sender] = after(3, [{ lossPpm, targets: 8 }]).senders;
    if (sender === undefined) throw new Error("no sender");
    expect(rateOf(sender, SECOND, 3 * SECOND)).toBeGreaterThan(0.95 * LINK.packetsPerSecond);
  });

  test.each([10_000, 50_000, 200_000])("a lost poll is no queue: busy hosts, %p ppm", (lossPpm) => {
    const link = { ...LINK, packetsPerSecond: 60_000 };
    const [calm, lossy] = [0, lossPpm].map((ppm) => {
      const [sender] = after(3, [{ row: 224, wakesUs: 3_000, lossPpm: ppm }], link).senders;
      if (sender === undefined) throw new Error("no sender");
      return rateOf(sender, 0, 3 * SECOND);
    });
    expect(lossy).toBeGreaterThan(0.8 * (calm ?? Number.POSITIVE_INFINITY));
  });

  test("a switch with a queue of a millisecond is filled, too", () => {
    const net = after(3, [{}], { ...LINK, queueMax: 40 });
    const [sender] = net.senders;
    if (sender === undefined) throw new Error("no sender");
    expect(rateOf(sender, SECOND, 3 * SECOND)).toBeGreaterThan(0.9 * LINK.packetsPerSecond);
    expect(net.dropped / sender.flight.sent).toBeLessThan(0.15);
  });

  test.each([1, 2, 3, 4, 5])("two share it, whoever began (seed %p)", (seed) => {
    const startUs = new Prng(seed).below(100_000);
    const { senders } = after(4, [{}, { startUs }], LINK, seed);
    const rates = senders.map((sender) => rateOf(sender, SECOND, 4 * SECOND) / LINK.packetsPerSecond);
    expect(Math.min(...rates)).toBeGreaterThan(0.4);
    expect((rates[0] ?? 0) + (rates[1] ?? 0)).toBeGreaterThan(0.97);
  });

  test("never has more under way than the smallest socket buffer takes, nor waits for ever", () => {
    const receiveBuffer = 256 << 10;
    const [sender] = after(1, [{ receiveBuffer }], { ...LINK, packetsPerSecond: 500_000 }).senders;
    if (sender === undefined) throw new Error("no sender");
    expect(sender.underWayMax * PACKET_BYTES).toBeLessThanOrEqual(receiveBuffer * 0.4);
    expect(sender.flight.window).toBeGreaterThanOrEqual(WINDOW_MIN);
    expect(rateOf(sender, 0, SECOND)).toBeGreaterThan(10_000);
  });

  test("-T is a cap, whatever the link could do", () => {
    const rateLimit = 5_000_000;
    const [sender] = after(2, [{ rateLimit }]).senders;
    if (sender === undefined) throw new Error("no sender");
    const rate = rateOf(sender, SECOND, 2 * SECOND) * PACKET_BYTES;
    expect(rate).toBeLessThanOrEqual(rateLimit * 1.02);
    expect(rate).toBeGreaterThan(rateLimit * 0.9);
  });
});
