import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { allocate, shim } from "../../src/io/ffi.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { crc32c } from "../../src/wire/crc32c.ts";
import {
  closeContext,
  contextAt,
  NO_SLOT,
  openContext,
  RX_TABLE_WORDS,
  RxHead,
  resetEntry,
} from "../../src/wire/rx-table.ts";
import {
  buildPackets,
  receivePacket,
  type Self,
  sealControl,
  VERDICTS,
  type Verdict,
} from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";
import { answerOf, ShimHandler } from "./handler.ts";

/** The shim and its twin (wire/twin.ts) are given the same; table, arena, verdicts and counters must be the same to the bit. */

const SLOTS = 4;
const SLOT_BYTES = 2048;
const OWNERS = [0x0102030405060708n, 0x01020304_00000000n, 0xffffffff_05060708n] as const;
const self: Self = { node: 0x1112131415161718n as NodeId, groupTag: 0xcafe0108 };

/** What a scenario does to both sides. Context, block and so on are small, so that they meet. */
type Step =
  | { kind: "packet"; packet: Uint8Array }
  | { kind: "open"; context: number; owner: number; push: number; symbolSize: number; blockSymbols: number }
  | { kind: "close"; context: number }
  | { kind: "window"; context: number; base: number; size: number }
  | { kind: "entry"; context: number; block: number; slot: number };

const small = (max: number) => fc.integer({ min: 0, max });
const symbolSize = fc.constantFrom(1, 7, 16, 64);
/** Now and then more than a slot holds, or none. */
const blockSymbols = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(1, 3, 31, 32, 33) },
  { weight: 1, arbitrary: small(300) },
);

/** Now and then none, or one beyond the arena. */
const slot = fc.oneof(
  { weight: 12, arbitrary: small(SLOTS - 1) },
  { weight: 2, arbitrary: fc.constant(NO_SLOT) },
  { weight: 1, arbitrary: fc.constant(SLOTS) },
);

const header = fc.record({
  type: fc.oneof({ weight: 12, arbitrary: fc.constant(19) }, { weight: 1, arbitrary: small(255) }),
  flags: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(2, 0x22, 0x42, 0x12, 0x0a) },
    { weight: 1, arbitrary: small(255) },
  ),
  node: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...OWNERS) },
    { weight: 1, arbitrary: fc.constantFrom(0n, self.node, self.node ^ 1n, self.node ^ (1n << 32n)) },
  ),
  group: fc.oneof(
    { weight: 12, arbitrary: fc.constant(self.groupTag) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  push: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
  block: fc.oneof(
    { weight: 9, arbitrary: small(6) },
    { weight: 1, arbitrary: fc.constantFrom(64, 66, 0xffffffff) },
  ),
  symbol: fc.oneof(
    { weight: 6, arbitrary: small(3) },
    { weight: 2, arbitrary: small(40) },
    { weight: 1, arbitrary: small(255) },
  ),
  symbols: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(3, 4, 33) },
    { weight: 1, arbitrary: small(255) },
  ),
  // About a turn and a half turn of the counter apart.
  sequence: fc.constantFrom(0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff),
});

/** Damage after sealing: most packets get none. */
const damage = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({ at: fc.nat(), value: small(255), cut: fc.option(fc.nat(), { nil: undefined }) }),
  },
);

/** Packets whose bodies are mostly `size` bytes long. */
function packets(size: number): fc.Arbitrary<Step> {
  const body = fc.oneof(
    { weight: 5, arbitrary: fc.uint8Array({ minLength: size, maxLength: size }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 70 }) },
  );
  return fc.tuple(header, body, damage).map(([fields, payload, harm]): Step => {
    const bytes = new Uint8Array(32 + payload.length);
    const view = new DataView(bytes.buffer);
    bytes.set([0x4d, 1, fields.type, fields.flags]);
    view.setBigUint64(8, fields.node);
    view.setUint32(16, fields.group);
    view.setUint32(20, fields.push);
    view.setUint32(24, fields.block);
    bytes.set([fields.symbol, fields.symbols], 28);
    view.setUint16(30, fields.sequence);
    bytes.set(payload, 32);
    sealControl(bytes);
    if (harm === undefined) return { kind: "packet", packet: bytes };
    bytes[harm.at % bytes.length] = harm.value;
    const packet = harm.cut === undefined ? bytes : bytes.slice(0, harm.cut % (bytes.length + 1));
    return { kind: "packet", packet };
  });
}

/** What an engine does to the table between packets. */
const tableStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("open" as const),
      context: small(2),
      owner: small(2),
      push: small(1),
      symbolSize,
      blockSymbols,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), context: small(7) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("window" as const),
      context: small(2),
      base: small(3),
      size: small(64),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("entry" as const), context: small(2), block: small(6), slot }),
  },
);

/** Three open contexts with room, so that most packets find a place from the start; then anything. */
const scenario: fc.Arbitrary<readonly Step[]> = symbolSize.chain((size) =>
  fc
    .record({
      blockSymbols,
      slots: fc.array(slot, { minLength: 4, maxLength: 4 }),
      steps: fc.array(
        fc.oneof({ weight: 10, arbitrary: packets(size) }, { weight: 1, arbitrary: tableStep }),
        { minLength: 40, maxLength: 120, size: "max" },
      ),
    })
    .map(({ blockSymbols, slots, steps }) => [
      ...OWNERS.flatMap((_, context): Step[] => [
        { kind: "open", context, owner: context, push: 0, symbolSize: size, blockSymbols },
        { kind: "window", context, base: 0, size: 5 },
        ...slots.map((slot, block): Step => ({ kind: "entry", context, block, slot })),
      ]),
      ...steps,
    ]),
);

function prepare(table: Uint32Array, step: Exclude<Step, { kind: "packet" }>): void {
  switch (step.kind) {
    case "open":
      openContext(table, step.context, {
        owner: OWNERS[step.owner] as NodeId,
        push: step.push as PushId,
        symbolSize: step.symbolSize,
        blockSymbols: step.blockSymbols,
      });
      return;
    case "close":
      closeContext(table, step.context);
      return;
    case "window":
      table[contextAt(step.context) + RxHead.base] = step.base;
      table[contextAt(step.context) + RxHead.limit] = step.base + step.size;
      return;
    case "entry":
      resetEntry(table, step.context, step.block as BlockIndex, step.slot as Slot);
  }
}

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
    // These are the codec's to find: the handler does not look at the bodies of control packets, nor can DATA be too long before its push is known.
    const notHere: readonly Verdict[] = ["type", "long"];
    const expected = [...VERDICTS, "broken", "duplicates", "outside", "mismatched", "polled"];
    expect(expected.filter((one) => !seen.has(one))).toEqual([...notHere]);
  });
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
    )
    .map(([run, rest]) => {
      const words = new Uint32Array(TX_ROW_WORDS);
      for (const [name, value] of Object.entries({ ...run, ...rest }))
        words[TxRow[name as keyof typeof TxRow]] = value;
      return words;
    });

  test("rows become the same packets", () => {
    fc.assert(
      fc.property(fill, fc.array(row, { minLength: 1, maxLength: 5 }), (bytes, rows) => {
        c.arena.bytes.set(bytes);
        const arena = { bytes, slotBytes: SLOT_BYTES };
        const built = c.build(rows);
        expect(built).toEqual(rows.flatMap((row) => buildPackets(row, arena, self)));
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
        else expect(buildPackets(changed, arena, self)).toEqual(built);
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
    expect(large.build([edge(name, good)])).toEqual(buildPackets(edge(name, good), arena, self));
    expect(large.build([edge(name, bad)])).toBe("broken");
    expect(() => buildPackets(edge(name, bad), arena, self)).toThrow("assertion failed");
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
