import fc from "fast-check";
import { bitmapBytes, fullBitmap } from "../../src/wire/bitmap.ts";
import type { BlockIndex, NodeId, PushId } from "../../src/wire/brand.ts";
import { EndReason, FailStep, NAK_BITMAP_BYTES, RefuseReason } from "../../src/wire/constants.ts";
import {
  type Message,
  type Origin,
  RECEIVER_PHASES,
  type ReportRecord,
  SENDER_PHASES,
} from "../../src/wire/messages.ts";

/** Messages of every type, and damage to packets, for fast-check. */

const uint = (max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(0, 1, max - 1, max), fc.integer({ min: 0, max }));
const u16 = uint(0xffff);
const u32 = uint(0xffff_ffff);
const u64 = fc.oneof(fc.constantFrom(0n, 1n, 2n ** 64n - 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const id = u64.map((value) => (value === 0n ? 1n : value) as NodeId);
const block = u32 as unknown as fc.Arbitrary<BlockIndex>;
const ids = (minLength: number): fc.Arbitrary<NodeId[]> =>
  fc.uniqueArray(id, { minLength, maxLength: 40 }).map((list) => list.sort((a, b) => (a < b ? -1 : 1)));

/** Text of any characters that are allowed from `lowest` on, of at most `bytes` bytes of UTF-8. */
const text = (lowest: number, minLength: number, bytes: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: "binary", minLength, maxLength: Math.floor(bytes / 4) })
    .map((raw) =>
      Array.from(raw, (c) => ((c.codePointAt(0) ?? 0) < lowest || c === "\x7f" ? "é" : c)).join(""),
    );
const version = fc
  .array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: 1, maxLength: 32 })
  .map((codes) => String.fromCharCode(...codes));

/** A set of `entries` entries that is none, all or anything between. */
const set = (entries: number): fc.Arbitrary<Uint8Array | undefined> => {
  const bytes = bitmapBytes(entries);
  const some = fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((bits) => bits.map((byte, i) => byte & (fullBitmap(entries)[i] ?? 0)));
  return fc.oneof(fc.constantFrom(undefined, fullBitmap(entries), new Uint8Array(bytes)), some);
};

/** Not always in the form in which the decoder gives it back: none may be an empty bitmap. */
const need: fc.Arbitrary<ReportRecord> = fc
  .record({ section: u32, entries: fc.oneof(fc.constantFrom(0, 1, 7, 8, 9, 1023, 1024), fc.nat(1024)) })
  .chain(({ section, entries }) =>
    fc.tuple(set(entries), set(entries), fc.boolean()).map(([update, other, same]): ReportRecord => {
      const content = same ? update?.slice() : other?.map((byte, i) => byte & (update?.[i] ?? 0));
      return { kind: "need", section, entries, update, content };
    }),
  );

const removals: fc.Arbitrary<ReportRecord> = fc
  .record({ count: u32, last: fc.boolean(), names: fc.uint8Array({ maxLength: 60 }) })
  .map(({ count, last, names }) => ({
    kind: "removals",
    count,
    last: last || names.length === 0 || count === 0,
    names: count === 0 ? new Uint8Array() : names,
  }));

const laterRecord: fc.Arbitrary<ReportRecord> = fc.oneof(
  { arbitrary: need, weight: 3 },
  fc
    .record({
      kind: fc.constant("fail" as const),
      entry: fc.oneof(fc.constant(undefined), uint(0xffff_fffe)),
      errno: u16,
      path: fc.option(fc.uint8Array({ min: 1, minLength: 1, maxLength: 400 }), { nil: undefined }),
      step: fc.constantFrom(...Object.values(FailStep)),
    })
    .map((one) => (one.entry === undefined ? one : { ...one, path: undefined })),
  removals,
  fc.constant({ kind: "prepared" as const }),
  fc.record({ kind: fc.constant("outcome" as const), committed: fc.boolean() }),
);
const accept: fc.Arbitrary<ReportRecord> = fc.record({
  kind: fc.constant("accept" as const),
  receiveBuffer: u32,
  window: u32.map((window) => Math.max(1, window)),
});
const refuse: fc.Arbitrary<ReportRecord> = fc.record({
  kind: fc.constant("refuse" as const),
  reason: fc.constantFrom(...Object.values(RefuseReason)),
  text: text(0x20, 0, 400),
});

const report: fc.Arbitrary<Message> = fc
  .record({
    owner: id,
    later: fc.array(laterRecord, { maxLength: 5 }),
    opening: fc.option(accept),
    ending: fc.option(refuse),
    number: uint(0xffff_ffff - 10),
  })
  .map(({ owner, later, opening, ending, number }) => {
    const records = [...(opening ? [opening] : []), ...later, ...(ending ? [ending] : [])];
    const last: ReportRecord = { kind: "prepared" };
    return {
      type: "report",
      owner,
      first: opening ? 0 : number + 1,
      records: records.length > 0 ? records : [last],
    };
  });

const nak: fc.Arbitrary<Message> = fc.record({
  type: fc.constant("nak" as const),
  owner: id,
  blocks: fc
    .uniqueArray(
      fc.record({
        block,
        missing: fc
          .uint8Array({ minLength: NAK_BITMAP_BYTES, maxLength: NAK_BITMAP_BYTES })
          .map((bits) => (bits.every((byte) => byte === 0) ? bits.fill(1, 5, 6) : bits)),
      }),
      { selector: (one) => one.block, minLength: 1, maxLength: 12 },
    )
    .map((list) => list.sort((a, b) => a.block - b.block)),
});

const offer: fc.Arbitrary<Message> = fc
  .record({
    symbolSize: fc.integer({ min: 256, max: 65_475 }),
    blockSymbols: fc.integer({ min: 1, max: 224 }),
    dryRun: fc.boolean(),
    check: fc.boolean(),
    statusIntervalUs: u32,
    more: fc.nat(5000),
    ids: ids(1),
  })
  .map(({ more, ...offer }) => ({
    type: "offer",
    ...offer,
    dryRun: offer.dryRun || offer.check,
    targets: offer.ids.length + more,
  }));

const status: fc.Arbitrary<Message> = fc
  .record({
    owner: id,
    sequence: u16,
    state: fc.constantFrom(...RECEIVER_PHASES),
    received: u32,
    a: block,
    b: block,
  })
  .map(({ a, b, ...rest }) => ({
    type: "status",
    ...rest,
    next: Math.min(a, b) as BlockIndex,
    limit: Math.max(a, b) as BlockIndex,
  }));

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant("hello" as const),
    epoch: u64,
    solicit: fc.boolean(),
    noReceive: fc.boolean(),
    noSend: fc.boolean(),
    mtu: fc.integer({ min: 576, max: 65_535 }),
    name: text(0x21, 1, 255),
    version,
  }),
  fc.record({ type: fc.constant("bye" as const), epoch: u64 }),
  offer,
  { arbitrary: report, weight: 4 },
  fc.record({ type: fc.constant("reportAck" as const), receiver: id, next: u32 }),
  nak,
  status,
  fc.record({
    type: fc.constant("sync" as const),
    phase: fc.constantFrom(...SENDER_PHASES),
    poll: fc.boolean(),
    sequence: u16,
    edgeBlock: block,
    edgeSymbol: fc.nat(224),
    low: block,
    roundTripUs: u32,
    ids: ids(0),
  }),
  fc.record({ type: fc.constant("commit" as const), ids: ids(1) }),
  fc.record({
    type: fc.constant("end" as const),
    reason: fc.constantFrom(...Object.values(EndReason)),
    ids: ids(0),
  }),
  fc.record({ type: fc.constantFrom("query" as const, "vouch" as const), owner: id }),
);

/** A sender that may send `message`. */
export const originOf = (message: Message): fc.Arbitrary<Origin> =>
  fc.record({
    node: id,
    push: (message.type === "hello" || message.type === "bye"
      ? fc.constant(0)
      : u32) as unknown as fc.Arbitrary<PushId>,
  });

/** One thing that goes wrong with some bytes. `at` is taken modulo their length. */
export type Damage =
  | { readonly kind: "set"; readonly at: number; readonly value: number }
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "cut"; readonly bytes: number }
  | { readonly kind: "append"; readonly bytes: Uint8Array }
  | { readonly kind: "copy"; readonly at: number; readonly from: number; readonly bytes: number };

const at = fc.oneof(fc.nat(63), fc.nat(511), fc.nat(0xffff));
export const damages: fc.Arbitrary<Damage[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("set" as const),
      at,
      value: fc.oneof(fc.constantFrom(0, 1, 2, 3, 0xff), fc.nat(255)),
    }),
    fc.record({ kind: fc.constant("flip" as const), at, bit: fc.nat(7) }),
    fc.record({ kind: fc.constant("cut" as const), bytes: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant("append" as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
    fc.record({ kind: fc.constant("copy" as const), at, from: at, bytes: fc.integer({ min: 1, max: 40 }) }),
  ),
  { minLength: 1, maxLength: 3 },
);

/** Damaged copy of `whole`. */
export function damage(whole: Uint8Array, list: readonly Damage[]): Uint8Array {
  let bytes = whole.slice();
  for (const one of list) {
    const place = (offset: number): number => (bytes.length === 0 ? 0 : offset % bytes.length);
    if (one.kind === "cut") bytes = bytes.slice(0, Math.max(0, bytes.length - one.bytes));
    else if (one.kind === "append") bytes = Uint8Array.of(...bytes, ...one.bytes);
    else if (bytes.length === 0) continue;
    else if (one.kind === "set") bytes[place(one.at)] = one.value;
    else if (one.kind === "flip") bytes[place(one.at)] = (bytes[place(one.at)] ?? 0) ^ (1 << one.bit);
    else bytes.copyWithin(place(one.at), place(one.from), place(one.from) + one.bytes);
  }
  return bytes;
}

/** How often a property is tried: WIRE_FUZZ_RUNS, else `usual`. WIRE_FUZZ_SEED replays; fast-check prints the seed of a failure. */
export function effort(usual: number): { numRuns: number; seed: number } {
  return { numRuns: Number(process.env.WIRE_FUZZ_RUNS ?? usual), seed };
}

/** Milliseconds that a property may take. */
export const patienceMs = process.env.WIRE_FUZZ_RUNS === undefined ? 60_000 : 3_600_000;

const seed = Number(process.env.WIRE_FUZZ_SEED ?? crypto.getRandomValues(new Int32Array(1))[0]);
if (process.env.WIRE_FUZZ_RUNS !== undefined) console.log(`WIRE_FUZZ_SEED=${seed}`);
