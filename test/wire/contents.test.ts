import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Amendment,
  amendmentBytes,
  decodeAmendments,
  encodeAmendments,
} from "../../src/wire/amendment.ts";
import { bitmapBytes, setBit } from "../../src/wire/bitmap.ts";
import { ENTRY_TYPES, entryBytes } from "../../src/wire/entry.ts";
import {
  decodeSection,
  type Entry,
  encodeSection,
  mayFollow,
  SECTION_FIXED_BYTES,
  type Section,
} from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";
import { decodePlan, encodePlan, type PlanRecord, planRecordBytes } from "../../src/wire/plan.ts";
import { NO_TERMS, type Terms, termsBytes } from "../../src/wire/terms.ts";
import { decodeVerdicts, encodeVerdicts, VERDICT_BYTES, type Verdict } from "../../src/wire/verdict.ts";
import { damage, damages, effort, patienceMs } from "./arbitrary.ts";
import { plain, toHex } from "./plain.ts";
import { type ContentKind, decodeContents } from "./second-contents.ts";
import type { Fields } from "./second-notation.ts";

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
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const NO_ATTRIBUTES = { mode: 0, uid: 0, gid: 0, seconds: 0n, nanoseconds: 0 };
const hasSize = (type: Entry["type"]): boolean => ["file", "block", "character"].includes(type);
/** Files have a digest: what is not for a check goes without. */
const entry: fc.Arbitrary<Entry> = fc
  .record({
    type: fc.constantFrom("directory", "directory", ...ENTRY_TYPES),
    path,
    mode: fc.nat(0o7777),
    uid: id,
    gid: id,
    seconds: i64,
    nanoseconds: fc.nat(999_999_999),
    size,
    target,
    digest,
    listed: fc.boolean(),
  })
  .map((one) => ({
    ...one,
    ...(one.type === "other" ? NO_ATTRIBUTES : {}),
    size: hasSize(one.type) ? one.size : 0,
    target: one.type === "symlink" ? one.target : undefined,
    digest: one.type === "file" ? one.digest : undefined,
    listed: one.type === "directory" && one.listed ? true : undefined,
  }));
const withoutDigest = (one: Entry): Entry => ({ ...one, digest: undefined });

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
const verdicts = numbered(
  fc.oneof(
    fc.record({ status: fc.constant("good" as const), digest }),
    fc.constant({ status: "changed" as const }),
    fc.record({ status: fc.constant("unreadable" as const), errno: fc.nat(0xffff) }),
  ),
) as fc.Arbitrary<Verdict[]>;
const amendments: fc.Arbitrary<Amendment[]> = numbered(
  entry.map((one) => ({
    to: { ...one, type: "file" as const, target: undefined, digest: undefined, listed: undefined },
  })),
);

const pattern = fc.uint8Array({ min: 1, minLength: 1, maxLength: 12 });
/** Terms that make sense; one in four says nothing. */
const terms: fc.Arbitrary<Terms> = fc
  .record({
    mode: fc.constantFrom("send" as const, "check" as const, "prune" as const),
    removes: fc.boolean(),
    baseListed: fc.boolean(),
    namesWanted: fc.boolean(),
    unflushed: fc.boolean(),
    removesMax: fc.option(fc.oneof(fc.constantFrom(0, 1, 0xffff_fffe), fc.nat(0xffff_fffe)), {
      nil: undefined,
    }),
    missing: fc.uniqueArray(path, { selector: toHex, maxLength: 6 }),
    base: path.map((one) => Uint8Array.of(0x2f, ...one)),
    excludes: fc.array(pattern, { maxLength: 5 }),
    silent: fc.nat(3).map((n) => n === 0),
  })
  .map(({ silent, ...all }) => {
    const unflushed = all.mode !== "check" && all.unflushed;
    const removes = all.mode === "prune" || (all.mode === "send" && all.removes);
    const base = all.excludes.length > 0 ? all.base : NO_TERMS.base;
    const { baseListed, namesWanted, removesMax, missing } = removes ? all : NO_TERMS;
    const apart = (one: Uint8Array, other: Uint8Array): boolean =>
      one === other || !toHex(one).startsWith(`${toHex(other)}2f`);
    const sorted = [...missing].sort(comparePaths).filter((one) => missing.every((two) => apart(one, two)));
    return silent
      ? NO_TERMS
      : { ...all, removes, base, baseListed, namesWanted, unflushed, removesMax, missing: sorted };
  });

/** One of §10's kinds, for all tests alike. */
type Kind<T> = {
  readonly kind: ContentKind;
  readonly arbitrary: fc.Arbitrary<T>;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array, terms: Terms) => T | string;
  /** Terms that both decoders know of beforehand. */
  readonly known?: (value: T) => Terms;
  readonly size: (value: T) => number;
};
const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);
const sections: Kind<Section> = {
  kind: "section",
  arbitrary: fc
    .tuple(fc.oneof(fc.constant(0), fc.nat(9), fc.nat(0xffff_ff00)), tree, terms)
    .map(([first, entries, said]) => ({
      firstEntry: entries.length === 0 ? 0 : first,
      terms: said,
      entries: said.mode === "check" ? entries : entries.map(withoutDigest),
    })),
  encode: (value) => encodeSection(value.firstEntry, value.entries, value.terms),
  decode: decodeSection,
  known: ({ firstEntry, terms: said }) => (firstEntry === 0 ? NO_TERMS : said),
  size: ({ firstEntry, entries, terms: said }) =>
    SECTION_FIXED_BYTES +
    (firstEntry === 0 ? termsBytes(said) : 0) +
    sum(
      entries.map((one, i) => {
        const before = entries[i - 1]?.path ?? new Uint8Array();
        const differs = before.findIndex((byte, at) => byte !== one.path[at]);
        return entryBytes(one, differs < 0 ? before.length : differs);
      }),
    ),
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

function testKind<T>({ kind, arbitrary, encode, decode, known, size: sizeOf }: Kind<T>): void {
  const termsFor = (value: T): Terms => known?.(value) ?? NO_TERMS;
  /** Both decoders and, for what they accept, the encoder agree. */
  const agree = (bytes: Uint8Array, said = NO_TERMS): void => {
    const second = decodeContents(kind, toHex(bytes), plain(said) as Fields);
    const ours = decode(bytes, said);
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
            expect(decode(bytes, termsFor(value))).toEqual(value);
            agree(bytes, termsFor(value));
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
          fc.property(arbitrary, damages, (value, list) =>
            agree(damage(encode(value), list), termsFor(value)),
          ),
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
        fc.assert(
          fc.property(bytes, (any) => agree(any)),
          effort(700),
        );
      },
      patienceMs,
    );
  });
}

testKind(sections);
testKind(plans);
testKind(verdictBlocks);
testKind(amendmentBlocks);
