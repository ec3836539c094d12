import { describe, expect, test } from "bun:test";
import { WINDOW_MIN } from "../../src/engine/tuning.ts";
import { Prng } from "../support/prng.ts";
import { Bottleneck, PACKET_BYTES, rateOf, type SenderShape } from "./bottleneck.ts";
import type { TcpShape } from "./tcp-flow.ts";

/** 200 Mbit/s, and a queue of 50 ms. */
const LINK = { packetsPerSecond: 16_500, queueMax: 830, delayUs: 300 };
const SENDER: SenderShape = { targets: 3, lossPpm: 0, receiveBuffer: 16 << 20, startUs: 0 };
const SECOND = 1_000_000;

/** Shares of a link that a push and a TCP stream have in four seconds, from when both are there. */
function besideTcp(given: {
  mbit: number;
  queueMs: number;
  streams: TcpShape;
  startUs: number;
  seed: number;
}) {
  const packetsPerSecond = Math.round((given.mbit * 1e6) / 8 / PACKET_BYTES);
  const queueMax = Math.round((packetsPerSecond * given.queueMs) / 1_000 + (128 << 10) / PACKET_BYTES);
  const senders = [{ ...SENDER, startUs: given.startUs, row: 44 }];
  const net = new Bottleneck(
    { packetsPerSecond, queueMax, delayUs: 300 },
    { senders, streams: [given.streams] },
    new Prng(given.seed),
  );
  const from = Math.max(given.startUs, given.streams.startUs);
  net.run(from + 4 * SECOND);
  const shares = [...net.senders, ...net.streams].map(
    (one) => rateOf(one, from, from + 4 * SECOND) / packetsPerSecond,
  );
  return { net, shares, least: Math.min(...shares), whole: shares.reduce((sum, share) => sum + share, 0) };
}

function after(seconds: number, senders: readonly Partial<SenderShape>[], link = LINK, seed = 1) {
  const shapes = senders.map((one) => ({ ...SENDER, ...one }));
  const net = new Bottleneck(link, { senders: shapes }, new Prng(seed));
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

  test.each([
    [3, 3_000],
    [16, 6_000],
  ])("the threads of %p busy hosts that wake up to %p us late do not leave it idle", (targets, wakesUs) => {
    const [sender] = after(3, [{ row: 224, targets, wakesUs }]).senders;
    if (sender === undefined) throw new Error("no sender");
    expect(rateOf(sender, SECOND, 3 * SECOND)).toBeGreaterThan(0.93 * LINK.packetsPerSecond);
  });

  test("a switch with a queue of a millisecond is filled, too", () => {
    const net = after(3, [{}], { ...LINK, queueMax: 40 });
    const [sender] = net.senders;
    if (sender === undefined) throw new Error("no sender");
    expect(rateOf(sender, SECOND, 3 * SECOND)).toBeGreaterThan(0.9 * LINK.packetsPerSecond);
    expect(net.dropped / sender.flight.sent).toBeLessThan(0.05);
  });

  test.each([1, 2, 3, 4, 5])("two share it, whoever began (seed %p)", (seed) => {
    const startUs = new Prng(seed).below(100_000);
    const { senders } = after(4, [{}, { startUs }], LINK, seed);
    const rates = senders.map((sender) => rateOf(sender, SECOND, 4 * SECOND) / LINK.packetsPerSecond);
    expect(Math.min(...rates)).toBeGreaterThan(0.4);
    expect((rates[0] ?? 0) + (rates[1] ?? 0)).toBeGreaterThan(0.97);
  });

  describe.each([50, 200, 1_000])("shares %p Mbit/s", (mbit) => {
    describe.each([
      ["a push comes to a TCP stream", SECOND, 0],
      ["a TCP stream comes to a push", 0, SECOND / 2],
      ["both begin at once", 0, 0],
    ])("%s", (_, startUs, tcpUs) => {
      test.each([10, 25, 50])(
        "with CUBIC: each has a quarter at least, with a queue of %p ms and a burst",
        (queueMs) => {
          for (const seed of [1, 2]) {
            const { least, whole, net } = besideTcp({
              mbit,
              queueMs,
              streams: { startUs: tcpUs },
              startUs,
              seed,
            });
            expect(least).toBeGreaterThan(0.25);
            expect(whole).toBeGreaterThan(0.97);
            expect(net.dropped / net.sent).toBeLessThan(0.03);
          }
        },
      );

      // A stream may have a burst and a half to two on its way in its own host's queues; at 1 Gbit/s a millisecond's worth.
      const inFlightMax = mbit === 1_000 ? 120 : 90;
      test.each([25, 50])(
        "with one that may not have more than two bursts under way, with a queue of %p ms",
        (queueMs) => {
          const { least } = besideTcp({
            mbit,
            queueMs,
            streams: { startUs: tcpUs, inFlightMax },
            startUs,
            seed: 1,
          });
          expect(least).toBeGreaterThan(0.25);
        },
      );
    });
  });

  test.each([10, 50])(
    "takes no congestion for chance: eight targets lose one packet in a hundred, beside TCP, with a queue of %p ms",
    (queueMs) => {
      const link = { ...LINK, queueMax: Math.round(16.5 * queueMs) };
      const senders = [{ ...SENDER, targets: 8, lossPpm: 10_000, row: 44 }];
      const net = new Bottleneck(link, { senders, streams: [{ startUs: 0 }] }, new Prng(1));
      net.run(4 * SECOND);
      let whole = 0;
      for (const one of [...net.senders, ...net.streams])
        whole += rateOf(one, SECOND, 4 * SECOND) / link.packetsPerSecond;
      expect(whole).toBeGreaterThan(0.95);
      expect(net.dropped / net.sent).toBeLessThan(0.1);
    },
  );

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
