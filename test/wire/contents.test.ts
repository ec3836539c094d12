import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Amendment,
  amendmentBytes,
  decodeAmendments,
  encodeAmendments,
} from "../../src/wire/amendment.ts";
import { bitmapBytes, setBit } from "../../src/wire/bitmap.ts";
import { decodeSection, type Entry, encodeSection, mayFollow } from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";
import { decodePlan, encodePlan, type PlanRecord, planRecordBytes } from "../../src/wire/plan.ts";
import { decodeVerdicts, encodeVerdicts, VERDICT_BYTES, type Verdict } from "../../src/wire/verdict.ts";
import { damage, damages, effort, patienceMs } from "./arbitrary.ts";
import { plain, toHex } from "./plain.ts";
import { type ContentKind, decodeContents } from "./second-contents.ts";

/** A byte of a name: few different ones, so that paths meet, and those that matter to the order and the rules. */
const nameByte = fc.oneof(
  { arbitrary: fc.constantFrom(0x2e, 0x61, 0x62, 0x01, 0x20, 0x2d, 0x30, 0xff), weight: 4 },
  fc.integer({ min: 1, max: 255 }).map((byte) => (byte === 0x2f ? 0x30 : byte)),
);
const name = fc
  .array(nameByte, { minLength: 1, maxLength: 6 })
  .map((bytes) => (bytes.every((byte) => byte === 0x2e) && bytes.length < 3 ? [0x61] : bytes));
const path = fc
  .array(name, { minLength: 1, maxLength: 5 })
  .map((names) => Uint8Array.from(names.flatMap((bytes, i) => (i === 0 ? bytes : [0x2f, ...bytes]))));

const i64 = fc.oneof(
  fc.constantFrom(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const id = fc.oneof(fc.constantFrom(0, 33, 0xffff_fffe), fc.integer({ min: 0, max: 0xffff_fffe }));
const size = fc.oneof(fc.constantFrom(0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER), fc.maxSafeNat());
const target = fc.uint8Array({ min: 1, minLength: 1, maxLength: 40 });
const entry: fc.Arbitrary<Entry> = fc
  .record({
    type: fc.constantFrom(
      "file" as const,
      "directory" as const,
      "directory" as const,
      "symlink" as const,
      "fifo" as const,
    ),
    path,
    mode: fc.nat(0o7777),
    uid: id,
    gid: id,
    seconds: i64,
    nanoseconds: fc.nat(999_999_999),
    size,
    target,
  })
  .map((one) => ({
    ...one,
    size: one.type === "file" ? one.size : 0,
    target: one.type === "symlink" ? one.target : undefined,
  }));

/** Entries in order, as a scan would find them: what would be inside of a file is left out. */
const tree: fc.Arbitrary<Entry[]> = fc
  .uniqueArray(entry, { selector: (one) => toHex(one.path), maxLength: 30 })
  .map((entries) => {
    const sorted = entries.sort((a, b) => comparePaths(a.path, b.path));
    return sorted.reduce<Entry[]>((kept, one) => {
      const previous = kept.at(-1);
      if (previous === undefined || mayFollow(previous, one)) kept.push(one);
      return kept;
    }, []);
  });

const plan: fc.Arbitrary<PlanRecord[]> = fc
  .uniqueArray(
    fc
      .record({
        section: fc.oneof(fc.nat(9), fc.nat(0xffff_ffff), fc.constant(0xffff_ffff)),
        entries: fc.integer({ min: 1, max: 1024 }),
        bits: fc.array(fc.nat(1023)),
      })
      .map(({ section, entries, bits }) => {
        const content = new Uint8Array(bitmapBytes(entries));
        setBit(content, entries - 1);
        for (const bit of bits) if (bit < entries) setBit(content, bit);
        return { section, entries, content };
      }),
    { selector: ({ section }) => section, maxLength: 6 },
  )
  .map((records) => records.sort((a, b) => a.section - b.section));

const numbered = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<(T & { entry: number })[]> =>
  fc
    .uniqueArray(fc.tuple(fc.oneof(fc.nat(9), fc.nat(0xffff_fffe)), one), {
      selector: ([n]) => n,
      minLength: 1,
      maxLength: 8,
    })
    .map((list) => list.sort(([a], [b]) => a - b).map(([n, rest]) => ({ ...rest, entry: n })));
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const verdicts = numbered(
  fc.oneof(
    fc.record({ status: fc.constant("good" as const), digest }),
    fc.constant({ status: "changed" as const }),
    fc.record({ status: fc.constant("unreadable" as const), errno: fc.nat(0xffff) }),
  ),
) as fc.Arbitrary<Verdict[]>;
const amendments: fc.Arbitrary<Amendment[]> = numbered(
  entry.map((one) => ({ to: { ...one, type: "file" as const, target: undefined } })),
);

/** One of §10's kinds, for all tests alike. */
type Kind<T> = {
  readonly kind: ContentKind;
  readonly arbitrary: fc.Arbitrary<T>;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T | string;
  readonly size: (value: T) => number;
};
const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);
const sections: Kind<{ readonly firstEntry: number; readonly entries: readonly Entry[] }> = {
  kind: "section",
  arbitrary: fc
    .tuple(fc.oneof(fc.nat(9), fc.nat(0xffff_ff00)), tree)
    .map(([first, entries]) => ({ firstEntry: entries.length === 0 ? 0 : first, entries })),
  encode: ({ firstEntry, entries }) => encodeSection(firstEntry, entries),
  decode: decodeSection,
  size: (value) => encodeSection(value.firstEntry, value.entries).length,
};
const plans: Kind<readonly PlanRecord[]> = {
  kind: "plan",
  arbitrary: plan,
  encode: encodePlan,
  decode: decodePlan,
  size: (records) => sum(records.map(({ entries }) => planRecordBytes(entries))),
};
const verdictBlocks: Kind<readonly Verdict[]> = {
  kind: "verdict",
  arbitrary: verdicts,
  encode: encodeVerdicts,
  decode: decodeVerdicts,
  size: (records) => records.length * VERDICT_BYTES,
};
const amendmentBlocks: Kind<readonly Amendment[]> = {
  kind: "amendment",
  arbitrary: amendments,
  encode: encodeAmendments,
  decode: decodeAmendments,
  size: (records) => sum(records.map(amendmentBytes)),
};

function testKind<T>({ kind, arbitrary, encode, decode, size: sizeOf }: Kind<T>): void {
  /** Both decoders and, for what they accept, the encoder agree. */
  const agree = (bytes: Uint8Array): void => {
    const second = decodeContents(kind, toHex(bytes));
    const ours = decode(bytes);
    if (typeof ours === "string") return expect(second).toBeUndefined();
    expect(plain(ours)).toEqual(second as never);
    expect(toHex(encode(ours))).toBe(toHex(bytes));
  };
  describe(`contents: ${kind}`, () => {
    test(
      "what is encoded comes back, from both decoders",
      () => {
        fc.assert(
          fc.property(arbitrary, (value) => {
            const bytes = encode(value);
            expect(bytes.length).toBe(sizeOf(value));
            expect(decode(bytes)).toEqual(value);
            agree(bytes);
          }),
          effort(300),
        );
      },
      patienceMs,
    );
    test(
      "damaged: both decoders agree, and what they accept is canonical",
      () => {
        fc.assert(
          fc.property(arbitrary, damages, (value, list) => agree(damage(encode(value), list))),
          effort(700),
        );
      },
      patienceMs,
    );
    test(
      "bytes of any kind: the same, and decode never throws",
      () => {
        const bytes = fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc
            .array(fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 0x61, 255), { maxLength: 120 })
            .map((list) => Uint8Array.from(list)),
        );
        fc.assert(fc.property(bytes, agree), effort(700));
      },
      patienceMs,
    );
  });
}

testKind(sections);
testKind(plans);
testKind(verdictBlocks);
testKind(amendmentBlocks);
