import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { failRecord, removalRecords } from "../../src/engine/report-records.ts";
import { type RecordSupply, ReportStream } from "../../src/engine/report-stream.ts";
import { REPORT_AHEAD } from "../../src/engine/tuning.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import { recordBytes } from "../../src/wire/codec.ts";
import { FailStep } from "../../src/wire/constants.ts";
import type { Report, ReportRecord } from "../../src/wire/messages.ts";
import { encodeRemovalNames, RemovalNamesReader } from "../../src/wire/removal-names.ts";
import { Prng } from "../support/prng.ts";
import { drain, messages, NO_TURNS, newCore, us } from "./support.ts";

const owner = { node: 9n as NodeId, push: 3 as PushId, address: { ip: 1, port: 2 } };
/** Bytes of a packet's body with an MTU of 1,500. */
const PACKET_BYTES = 1_440;

function all(supply: RecordSupply): ReportRecord[] {
  const records: ReportRecord[] = [];
  for (let record = supply.next(); record !== undefined; record = supply.next()) records.push(record);
  return records;
}

/** Names as a tree of many small files has them. */
function manyNames(count: number): Uint8Array {
  const path = (i: number) =>
    `site/cache/${String(i >> 8).padStart(4, "0")}/item-${String(i).padStart(7, "0")}`;
  return encodeRemovalNames(Array.from({ length: count }, (_, i) => new TextEncoder().encode(path(i))));
}

/** What an owner that loses `loss` of a million packets, in both directions, has read when the stream is through, and when that was. */
function carry(
  names: Uint8Array,
  link: { readonly tripUs: number; readonly loss: number },
): { readonly count: number; readonly complete: boolean; readonly atUs: number; readonly aheadMax: number } {
  const core = newCore();
  const stream = new ReportStream(core, owner, { packetBytes: PACKET_BYTES, turn: NO_TURNS });
  const prng = new Prng(1).fork("carry");
  const reader = new RemovalNamesReader();
  const events: { readonly at: number; readonly report: Report }[] = [];
  let [now, next, last, aheadMax] = [0, 0, false, 0];
  stream.add({ kind: "accept", receiveBuffer: 1, window: 1 }, us(0));
  stream.addAll(removalRecords({ count: 1, names }, stream.recordBytesMax), us(0));
  while (!last && now < 600e6) {
    const due = Math.min(stream.deadline(), events[0]?.at ?? Number.POSITIVE_INFINITY);
    now = Math.max(now, due);
    const arrived = events[0]?.at === now ? events.shift()?.report : undefined;
    for (const [index, record] of (arrived?.records ?? []).entries()) {
      if ((arrived?.first ?? 0) + index !== next) continue;
      next++;
      if (record.kind !== "removals") continue;
      expect(reader.add(record.names)).toBeArray();
      last = record.last;
    }
    if (arrived !== undefined && !prng.chance(link.loss)) stream.onAck(next, us(now));
    stream.onTimeout(us(now));
    aheadMax = Math.max(aheadMax, stream.length);
    for (const report of messages(drain(core)) as Report[])
      if (!prng.chance(link.loss)) events.push({ at: now + link.tripUs, report });
  }
  return { count: reader.count, complete: last && reader.complete, atUs: now, aheadMax };
}

describe("the records of what is removed (PROTOCOL §6.2)", () => {
  test("one, if there is nothing to remove or no names are wanted", () => {
    for (const count of [0, 70_000]) {
      const records = all(removalRecords({ count, names: new Uint8Array() }, 300));
      expect(records).toEqual([{ kind: "removals", count, last: true, names: new Uint8Array() }]);
    }
  });

  test("are the stream again when put together, each as large as allowed but the last", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 5_000 }),
        fc.integer({ min: 13, max: 600 }),
        (names, bytes) => {
          const records = all(removalRecords({ count: 7, names }, bytes));
          const parts = records.map((record) => (record.kind === "removals" ? record : undefined));
          expect(Buffer.concat(parts.map((part) => part?.names ?? new Uint8Array()))).toEqual(
            Buffer.from(names),
          );
          expect(parts.map((part) => part?.last)).toEqual(parts.map((_, i) => i === parts.length - 1));
          expect(parts.every((part) => part?.count === 7)).toBe(true);
          for (const record of records.slice(0, -1)) expect(recordBytes(record)).toBe(bytes);
          expect(recordBytes(records.at(-1) as ReportRecord)).toBeLessThanOrEqual(bytes);
        },
      ),
    );
  });

  test("of 100,000 names are made a few at a time, and cross in seconds even where a packet of a hundred is lost", () => {
    const names = manyNames(100_000);
    for (const [loss, seconds] of [
      [0, 0.2],
      [10_000, 3],
    ] as const) {
      const { count, complete, atUs, aheadMax } = carry(names, { tripUs: 200, loss });
      expect({ count, complete }).toEqual({ count: 100_000, complete: true });
      expect(aheadMax).toBeLessThanOrEqual(REPORT_AHEAD);
      // Of virtual time, which is the same in every run.
      expect(atUs).toBeLessThan(seconds * 1e6);
    }
  });

  test("come before what is said after them, however many there are", () => {
    const core = newCore();
    const stream = new ReportStream(core, owner, { packetBytes: PACKET_BYTES, turn: NO_TURNS });
    stream.add({ kind: "accept", receiveBuffer: 1, window: 1 }, us(0));
    stream.addAll(removalRecords({ count: 20_000, names: manyNames(20_000) }, stream.recordBytesMax), us(0));
    stream.add(failRecord({ errno: 0, step: FailStep.remove, entry: undefined }), us(0));
    const kinds: string[] = [];
    for (let next = 0; stream.length > 0; stream.onAck(next, us(0))) {
      stream.onTimeout(us(0));
      for (const { records } of messages(drain(core)) as Report[]) {
        kinds.push(...records.map(({ kind }) => kind));
        next += records.length;
      }
    }
    expect(kinds.length).toBeGreaterThan(2 * REPORT_AHEAD);
    expect(kinds.indexOf("fail")).toBe(kinds.length - 1);
    expect(kinds.lastIndexOf("accept")).toBe(0);
    expect(new Set(kinds.slice(1, -1))).toEqual(new Set(["removals"]));
  });
});

describe("the record of a failure", () => {
  const failure = { errno: 13, step: FailStep.remove, entry: undefined };
  const long = (length: number) => new Uint8Array(length).fill(0x61);

  test("has the path, of which 400 bytes cross", () => {
    for (const length of [1, 400])
      expect(failRecord({ ...failure, path: long(length) })).toMatchObject({ path: long(length) });
    expect(failRecord({ ...failure, path: long(401) })).toMatchObject({ path: long(400) });
  });

  test("has none where an entry is to blame", () => {
    expect(failRecord({ ...failure, entry: 4, path: long(3) })).toMatchObject({ entry: 4, path: undefined });
  });
});
