import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { allocate, shim } from "../../src/io/ffi.ts";
import { crc32c } from "../../src/wire/crc32c.ts";
import { RX_TABLE_WORDS, RxHead } from "../../src/wire/rx-table.ts";
import {
  type Arena,
  buildPackets,
  receivePacket,
  sealControl,
  VERDICTS,
  type Verdict,
} from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";
import { answerOf, ShimHandler } from "./handler.ts";
import { prepare, SLOT_BYTES, SLOTS, scenario, self, small } from "./scenario.ts";

/** The shim and its twin (wire/twin.ts) are given the same; table, arena, verdicts and counters must be the same to the bit. */

describe("receiving", () => {
  const c = new ShimHandler(self, SLOTS, SLOT_BYTES);
  const seen = new Set<string>();

  test("the shim and the twin leave the same table, arena, verdicts and counters", () => {
    fc.assert(
      fc.property(scenario, (steps) => {
        const table = new Uint32Array(RX_TABLE_WORDS);
        const arena = { bytes: new Uint8Array(SLOTS * SLOT_BYTES), slotBytes: SLOT_BYTES };
        const counters = VERDICTS.map(() => 0n);
        c.clear();
        for (const step of steps) {
          if (step.kind !== "packet") {
            prepare(table, step);
            prepare(c.table, step);
            continue;
          }
          const answer = answerOf(() => receivePacket(table, arena, self, step.packet));
          expect(c.receive(step.packet)).toBe(answer);
          seen.add(answer);
          if (answer !== "own" && answer !== "broken")
            counters[VERDICTS.indexOf(answer)] = (counters[VERDICTS.indexOf(answer)] ?? 0n) + 1n;
        }
        expect(Buffer.compare(Buffer.from(c.table.slice().buffer), Buffer.from(table.buffer))).toBe(0);
        expect(Buffer.compare(c.arena.bytes, arena.bytes)).toBe(0);
        expect([...c.counters.subarray(0, VERDICTS.length)]).toEqual(counters);
        for (const word of ["duplicates", "outside", "mismatched", "polled"] as const) {
          if ((table[RxHead[word]] ?? 0) > 0) seen.add(word);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("… and every kind of answer came up in that", () => {
    // Types are the codec's to know; packets that are too long have a test of their own.
    const notHere: readonly Verdict[] = ["type", "long"];
    const expected = [...VERDICTS, "broken", "duplicates", "outside", "mismatched", "polled"];
    expect(expected.filter((one) => !seen.has(one))).toEqual([...notHere]);
  });
});

test("the largest body of DATA is that of the largest datagram", () => {
  const c = new ShimHandler(self, SLOTS, SLOT_BYTES);
  const table = new Uint32Array(RX_TABLE_WORDS);
  const arena = { bytes: new Uint8Array(SLOTS * SLOT_BYTES), slotBytes: SLOT_BYTES };
  for (const [body, verdict] of [
    [65_475, "stray"],
    [65_476, "long"],
  ] as const) {
    const packet = new Uint8Array(32 + body);
    packet.set([0x4d, 1, 19, 2]);
    packet.set([1], 8);
    new DataView(packet.buffer).setUint32(16, self.groupTag);
    packet.set([0, 1], 28);
    sealControl(packet);
    expect(c.receive(packet)).toBe(verdict);
    expect(receivePacket(table, arena, self, packet)).toBe(verdict);
  }
});

describe("sending", () => {
  const c = new ShimHandler(self, SLOTS, SLOT_BYTES);
  /** An arena of bytes that all differ from their neighbours'. */
  const fill = small(255).map((step) =>
    Uint8Array.from({ length: SLOTS * SLOT_BYTES }, (_, at) => at * (2 * step + 1) + (at >> 8)),
  );
  const soundRow = fc
    .record({
      symbols: fc.constantFrom(1, 2, 31, 32, 64),
      symbolSize: fc.constantFrom(1, 16, 32),
      start: fc.nat(),
      length: fc.nat(),
      last: fc.nat(),
    })
    .map(({ symbols, symbolSize, start, length, last }) => {
      const first = start % symbols;
      return {
        symbols,
        symbolSize,
        first,
        count: 1 + (length % (symbols - first)),
        lastBytes: 1 + (last % symbolSize),
      };
    });
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const row = fc
    .tuple(
      soundRow,
      fc.record({
        slot: small(SLOTS - 1),
        block: word,
        flags: small(0x7f),
        push: word,
        sequence: small(0xffff),
      }),
      // Most go to the group, a few to one member.
      fc.option(
        fc.record({ ip: fc.integer({ min: 1, max: 0xffffffff }), port: fc.integer({ min: 1, max: 0xffff }) }),
      ),
    )
    .map(([run, group, to]) => {
      const direct = to === null ? {} : { ...to, flags: 0xa0 | (group.flags & 0x1f), sequence: 0 };
      const rest = { ...group, ...direct };
      const words = new Uint32Array(TX_ROW_WORDS);
      for (const [name, value] of Object.entries({ ...run, ...rest }))
        words[TxRow[name as keyof typeof TxRow]] = value;
      return words;
    });

  const builtByTwin = (row: Uint32Array, arena: Arena) =>
    buildPackets(row, arena, self).map((packet) => ({
      packet,
      to: { ip: row[TxRow.ip] ?? 0, port: row[TxRow.port] ?? 0 },
    }));

  test("rows become the same packets", () => {
    fc.assert(
      fc.property(fill, fc.array(row, { minLength: 1, maxLength: 5 }), (bytes, rows) => {
        c.arena.bytes.set(bytes);
        const arena = { bytes, slotBytes: SLOT_BYTES };
        const built = c.build(rows);
        expect(built).toEqual(rows.flatMap((row) => builtByTwin(row, arena)));
        expect(built.length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });

  test("rows that make no sense are refused by both, or by neither", () => {
    const outcomes = new Set<boolean>();
    const change = fc.record({ at: small(TX_ROW_WORDS - 1), value: fc.oneof(small(70), small(3000), word) });
    const arena = { bytes: new Uint8Array(SLOTS * SLOT_BYTES), slotBytes: SLOT_BYTES };
    c.arena.bytes.fill(0);
    fc.assert(
      fc.property(row, change, (sound, { at, value }) => {
        const changed = sound.slice();
        changed[at] = value;
        const built = c.build([changed]);
        outcomes.add(built === "broken");
        if (built === "broken") expect(() => buildPackets(changed, arena, self)).toThrow("assertion failed");
        else expect(builtByTwin(changed, arena)).toEqual(built);
      }),
      { numRuns: 2000 },
    );
    expect(outcomes.size).toBe(2);
  });

  /** A row of two symbols of 100 bytes in slot 0, with one number changed. */
  const edge = (name: keyof typeof TxRow, value: number) => {
    const words = new Uint32Array(TX_ROW_WORDS);
    const sound = { count: 2, symbols: 2, lastBytes: 100, symbolSize: 100, [name]: value };
    for (const [field, number] of Object.entries(sound)) words[TxRow[field as keyof typeof TxRow]] = number;
    return words;
  };
  test.each([
    ["slot", 1, 2],
    ["flags", 0x7f, 0x80],
    ["count", 1, 0],
    ["count", 2, 3],
    ["first", 0, 1],
    ["lastBytes", 100, 101],
    ["lastBytes", 1, 0],
    ["symbols", 224, 225],
    ["symbolSize", 65_475, 65_476],
    ["symbolSize", 100, 99],
  ] as const)("%s of a row: %d is sent, %d refused", (name, good, bad) => {
    const bytes = 131_072;
    const large = new ShimHandler(self, 2, bytes);
    const arena = { bytes: new Uint8Array(2 * bytes), slotBytes: bytes };
    expect(large.build([edge(name, good)])).toEqual(builtByTwin(edge(name, good), arena));
    expect(large.build([edge(name, bad)])).toBe("broken");
    expect(() => buildPackets(edge(name, bad), arena, self)).toThrow("assertion failed");
  });

  /** The same row for one member. */
  const directEdge = (change: Partial<Record<keyof typeof TxRow, number>>) => {
    const words = edge("flags", 0xa2);
    const direct = { ip: 0xffff_ffff, port: 65_535, ...change };
    for (const [field, number] of Object.entries(direct)) words[TxRow[field as keyof typeof TxRow]] = number;
    return words;
  };
  test.each([
    ["all as it must be", {}, true],
    ["no address", { ip: 0 }, false],
    ["no port", { port: 0 }, false],
    ["a port of 17 bits", { port: 65_536 }, false],
    ["no repeat", { flags: 0x82 }, false],
    ["asks for an answer", { flags: 0xe2 }, false],
    ["has a place in the flow", { sequence: 1 }, false],
    ["flags of 9 bits", { flags: 0x1a2 }, false],
    ["an address, but for the group", { flags: 0x22 }, false],
  ] as const)("a row for one member: %s", (_, change, good) => {
    const large = new ShimHandler(self, 2, 1000);
    const arena = { bytes: new Uint8Array(2000), slotBytes: 1000 };
    const row = directEdge(change);
    if (good) expect(large.build([row])).toEqual(builtByTwin(row, arena));
    else expect(large.build([row])).toBe("broken");
    if (!good) expect(() => buildPackets(row, arena, self)).toThrow("assertion failed");
  });
});

test("the two checksums agree", () => {
  const { buffer, address } = allocate(5000);
  const bytes = new Uint8Array(buffer);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000, size: "max" }), (data) => {
      bytes.set(data);
      expect(shim.mk_crc32c(address, data.length)).toBe(crc32c(data));
    }),
    { numRuns: 100 },
  );
});
