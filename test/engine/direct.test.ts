import { describe, expect, test } from "bun:test";
import { Flight, newTargetFlight } from "../../src/engine/flight.ts";
import { Pacer } from "../../src/engine/pacer.ts";
import { REPAIR_GATHER_US, ROUND_TRIP_US_FIRST, TURN_TARGETS_MIN } from "../../src/engine/tuning.ts";
import type { BlockIndex, NodeId } from "../../src/wire/brand.ts";
import { DataFlag, NAK_BITMAP_BYTES } from "../../src/wire/constants.ts";
import { TxRow } from "../../src/wire/tx-row.ts";
import { Owner } from "./owner.ts";
import { us } from "./support.ts";

const SELF = 1n as NodeId;

/** An owner whose blocks have all been sent to so many targets, and what it repeats from then on. */
function sender(targets: number, overrides: ConstructorParameters<typeof Owner>[0]["config"] = {}) {
  const owner = new Owner({ members: targets, config: overrides });
  const hosts = Array.from({ length: targets }, (_, index) => index + 2);
  const { push } = owner.start(1, hosts, "needing");
  for (let turn = 0; turn < 40; turn++) {
    owner.take();
    for (const host of hosts) owner.status(BigInt(host) as NodeId, push, 1);
    owner.now = Math.max(owner.now, Math.min(owner.engine.deadline(), owner.now + 10_000));
    owner.timeout();
  }
  owner.rows.length = 0;
  return {
    owner,
    push,
    /** A target misses these symbols of block 2, the first with content. */
    nak: (host: number, ...symbols: number[]) => {
      const missing = new Uint8Array(NAK_BITMAP_BYTES);
      for (const symbol of symbols) missing[symbol >> 3] = (missing[symbol >> 3] ?? 0) | (1 << (symbol & 7));
      const blocks = [{ block: 2 as BlockIndex, missing }];
      owner.hear(BigInt(host) as NodeId, push, { type: "nak", owner: SELF, blocks });
    },
    /** Symbols repeated since the last call, with the host they went to (0: all). */
    repeats: () => {
      owner.take();
      const found = owner.rows.flatMap((row) => {
        const flags = row[TxRow.flags] ?? 0;
        expect((flags & DataFlag.direct) !== 0).toBe(row[TxRow.port] !== 0);
        if ((flags & DataFlag.repair) === 0) return [];
        const host = row[TxRow.port] === 4000 ? (row[TxRow.ip] ?? 0) - 0x0a00_0000 : 0;
        const first = row[TxRow.first] ?? 0;
        return Array.from({ length: row[TxRow.count] ?? 0 }, (_, at) => [host, first + at]);
      });
      owner.rows.length = 0;
      return found;
    },
  };
}

describe("repeats to one target (PROTOCOL §7.7)", () => {
  test("go to its unicast address, at their time, and take no place in the flow", () => {
    const { owner, push, nak, repeats } = sender(3);
    const before = owner.sentOf(push);
    nak(3, 1, 2, 5);
    nak(4, 7);
    expect(repeats()).toEqual([]);
    const due = owner.now + REPAIR_GATHER_US;
    expect(owner.engine.deadline()).toBeLessThanOrEqual(us(due));
    owner.now = due;
    expect(repeats()).toEqual([
      [3, 1],
      [3, 2],
      [3, 5],
      [4, 7],
    ]);
    expect(owner.sentOf(push)).toBe(before);
    owner.now += 200_000;
    owner.timeout();
    expect(owner.syncs.at(-1)?.sequence).toBe(before - 1);
  });

  test("… what two miss goes to all", () => {
    const { owner, push, nak, repeats } = sender(3);
    const before = owner.sentOf(push);
    nak(3, 1);
    nak(4, 1);
    expect(repeats()).toEqual([[0, 1]]);
    expect(owner.sentOf(push)).toBe(before + 1);
  });

  test.each([
    [TURN_TARGETS_MIN - 1, 3],
    [TURN_TARGETS_MIN, 0],
  ])("of %i targets one gets what it misses as host %i (0: all)", (targets, host) => {
    const { owner, nak, repeats } = sender(targets);
    nak(3, 1);
    owner.now += REPAIR_GATHER_US;
    expect(repeats()).toEqual([[host, 1]]);
  });

  test("with -T, too, and the owner is not woken in vain meanwhile", () => {
    const { owner, nak, repeats } = sender(2, { rateLimit: 10_000_000 });
    nak(3, 1, 3);
    const found: number[][] = [];
    for (let turn = 0; turn < 10 && found.length < 2; turn++) {
      found.push(...repeats());
      expect(owner.engine.deadline()).toBeGreaterThan(us(owner.now));
      owner.now = owner.engine.deadline();
      owner.timeout();
    }
    expect(found).toEqual([
      [3, 1],
      [3, 3],
    ]);
  });
});

test("with a slow -T the owner is not woken before the next packet may go", () => {
  const { owner, nak, repeats } = sender(2, { rateLimit: 100_000 });
  nak(3, 1, 3);
  owner.now += REPAIR_GATHER_US;
  expect(repeats()).toEqual([[3, 1]]);
  // 576 bytes.
  expect(owner.engine.deadline()).toBe(us(owner.now + 5_760));
});

test("the room that repeats to one target took is used again after a round trip, without a word of anybody", () => {
  const owner = new Owner({ members: 2, contentBlocks: 80 });
  const { push } = owner.start(1, [2, 3], "silent");
  const nodes = [2n, 3n] as NodeId[];
  // With so small a buffer the window is 32 packets, whatever comes.
  for (const node of nodes) owner.report(node, push, { kind: "accept", receiveBuffer: 1, window: 32 });
  owner.takeManifest(push);
  const all = new Uint8Array([1]);
  const need = { kind: "need", section: 0, entries: 1, update: all, content: all } as const;
  for (const node of nodes) owner.report(node, push, need);
  const roundTripUs = 2_000;
  for (let turn = 0; turn < 40; turn++) {
    owner.take();
    owner.now += roundTripUs;
    for (const node of nodes) owner.status(node, push, 1, 33);
    owner.timeout();
  }
  // One has lost as much as the window is; when it has it, the next blocks find no room at first.
  const missing = new Uint8Array(NAK_BITMAP_BYTES).fill(0xff, 0, 1);
  const blocks = [2, 3, 4, 5].map((block) => ({ block: block as BlockIndex, missing }));
  owner.hear(3n as NodeId, push, { type: "nak", owner: SELF, blocks });
  owner.now += REPAIR_GATHER_US;
  owner.rows.length = 0;
  expect(owner.take()).toBe(0);
  // Half of the room, and half of what is left, until the rest is too little for a burst.
  expect(owner.rows.reduce((packets, row) => packets + (row[TxRow.count] ?? 0), 0)).toBe(16 + 8 + 4);
  const until = owner.now + roundTripUs;
  owner.now += roundTripUs / 2;
  for (const node of nodes) owner.status(node, push, 30);
  owner.timeout();
  expect(owner.take()).toBe(0);
  expect(owner.engine.deadline()).toBe(us(until));
  owner.now = until;
  expect(owner.take()).toBe(32);
});

test("packets to one target count as under way for a round trip, and not one microsecond longer", () => {
  const flight = new Flight({ packetBytes: 1500, pacer: new Pacer(undefined) });
  const targets = [newTargetFlight(8 << 20)];
  const room = flight.budget(targets, us(0));
  flight.onDirect(10, us(0));
  expect(flight.budget(targets, us(ROUND_TRIP_US_FIRST - 1))).toBe(room - 10);
  expect(flight.budget(targets, us(ROUND_TRIP_US_FIRST))).toBe(room);
  expect(flight.sent).toBe(0);
});
