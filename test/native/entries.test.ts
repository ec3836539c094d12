import { expect, test } from "bun:test";
import fc from "fast-check";
import { shimColumnReader } from "../../src/io/entry-columns.ts";
import { NAME_BYTES_MAX, PATH_BYTES_MAX } from "../../src/wire/constants.ts";
import { columnReader, type EntryColumns } from "../../src/wire/entry-columns.ts";
import { type Entry, encodeSection, SECTION_FIXED_BYTES } from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";
import { encodeTerms, NO_TERMS, type Terms } from "../../src/wire/terms.ts";

/** The shim's reader of entries and its twin say the same of every section, be it good, damaged or made up. */

const shim = shimColumnReader();
const twin = columnReader();
const CHECK: Terms = { ...NO_TERMS, mode: "check" };

const component = fc.oneof(
  fc.constantFrom("a", "b", "ab", ".a", "..b", "...", "x".repeat(NAME_BYTES_MAX), "\x01", "\xff", "~", "0"),
  fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 3 }).map((s) => s.replaceAll(/[/\0.]/g, "_")),
);
const paths = fc.array(fc.array(component, { minLength: 1, maxLength: 5 }), { maxLength: 40 }).map((list) => {
  const ways = list.flatMap((parts) => parts.map((_, i) => parts.slice(0, i + 1).join("/")));
  // Directories on the way to an entry need not be entries.
  const kept = [...new Set(ways)].filter((path, i) => i % 3 !== 0 || list.some((l) => l.join("/") === path));
  return kept.map((path) => Uint8Array.from(path, (c) => c.charCodeAt(0))).sort(comparePaths);
});

const entries = fc.tuple(paths, fc.nat(1000), fc.boolean()).map(([list, seed, digests]) => ({
  digests,
  entries: list.map((path, i) => entryOf(path, { n: seed + 7 * i, digests, holds: holds(list, i) })),
}));

/** Whether the next path is inside of that one. */
function holds(list: readonly Uint8Array[], i: number): boolean {
  const [path, next] = [list[i] ?? new Uint8Array(), list[i + 1] ?? new Uint8Array()];
  return next[path.length] === 0x2f && path.every((byte, at) => next[at] === byte);
}

function entryOf(path: Uint8Array, given: { n: number; digests: boolean; holds: boolean }): Entry {
  const { n, digests } = given;
  const kinds = ["file", "directory", "symlink", "fifo", "block", "character", "other", "file"] as const;
  const type = given.holds ? "directory" : (kinds[n % 8] ?? "file");
  const some = type === "other" ? 0 : 1;
  return {
    type,
    path,
    mode: some * (n % 0o10000),
    uid: some * n,
    gid: some * (0xffff_fffe - n),
    seconds: BigInt(some) * (n % 2 === 0 ? -(2n ** 63n) : 2n ** 40n),
    nanoseconds: some * (999_999_999 - n),
    size: type === "file" || type === "block" || type === "character" ? Number.MAX_SAFE_INTEGER - n : 0,
    target: type === "symlink" ? new Uint8Array(1 + (n % 9)).fill(0x2f) : undefined,
    digest: type === "file" && digests ? new Uint8Array(16).fill(n) : undefined,
    listed: type === "directory" && n % 4 === 0 ? true : undefined,
  };
}

/** What both say. */
function read(section: Uint8Array, place: { at: number; count: number; digests: boolean }): unknown {
  const ours = told(shim(section, place), place.count);
  expect(ours).toEqual(told(twin(section, place), place.count));
  return ours;
}

/** Columns without what is behind them. */
function told(columns: EntryColumns | string, count: number): unknown {
  if (typeof columns === "string") return columns;
  const { starts, names, nameAt, parents, parentsBytes, parentAt, parentBytes, sibling } = columns;
  return {
    starts: [...starts.subarray(0, count + 1)],
    names: [...names.subarray(0, nameAt[count])],
    nameAt: count === 0 ? [] : [...nameAt.subarray(0, count + 1)],
    parents: [...parents.subarray(0, parentsBytes)],
    parentAt: [...parentAt.subarray(0, count)],
    parentBytes: [...parentBytes.subarray(0, count)],
    sibling: [...sibling.subarray(0, count)],
  };
}

test("of sections that are good", () => {
  fc.assert(
    fc.property(entries, ({ entries, digests }) => {
      const { section, at } = sectionOf(entries, digests);
      expect(typeof read(section, { at, count: entries.length, digests })).toBe("object");
      if (entries.some(({ type }) => type === "file"))
        expect(read(section, { at, count: entries.length, digests: !digests })).toBe("range");
    }),
    { numRuns: 300 },
  );
});

test("of sections that are damaged", () => {
  const seen = new Map<unknown, number>();
  const damage = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x2e, 0x2f, 0xff))), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(entries, damage, fc.integer({ min: -40, max: 3 }), ({ entries, digests }, bytes, more) => {
      const { section, at } = sectionOf(entries, digests);
      const length = Math.max(at, section.length + more);
      const damaged = new Uint8Array(length);
      damaged.set(section.subarray(0, length));
      for (const [where, byte] of bytes) if (length > at) damaged[at + (where % (length - at))] = byte;
      const said = read(damaged, { at, count: entries.length, digests });
      seen.set(typeof said === "string" ? said : "good", 1);
    }),
    { numRuns: 4000 },
  );
  expect([...seen.keys()].map(String).sort()).toEqual(["good", "long", "range", "short"]);
});

test("of each bit that is wrong, and of each length", () => {
  const list = ["a", "a/b", "a/b/c", "a/bc", "d", "d/...", "e"].map((path) => new TextEncoder().encode(path));
  const entries = list.map((path, i) =>
    entryOf(path, { n: 3 * i + 8, digests: false, holds: holds(list, i) }),
  );
  const { section, at } = sectionOf(entries, false);
  const place = { at, count: entries.length, digests: false };
  for (let length = at; length < section.length; length++)
    expect(typeof read(section.subarray(0, length), place)).toBe("string");
  for (let bit = 8 * at; bit < 8 * section.length; bit++) {
    const damaged = section.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    read(damaged, place);
  }
});

test("of paths and directories as long as they can be", () => {
  const prefix = "d/".repeat((PATH_BYTES_MAX - 5) / 2);
  const list = Array.from({ length: 1000 }, (_, i) => new TextEncoder().encode(`${prefix}${i + 10_000}`));
  const entries = list.map((path) => entryOf(path, { n: 0, digests: false, holds: false }));
  const { section, at } = sectionOf(entries, false);
  expect(typeof read(section, { at, count: 1000, digests: false })).toBe("object");
  // One byte more, of the first path, whose length says so.
  const longer = new Uint8Array(section.length + 1);
  const end = at + 36 + PATH_BYTES_MAX;
  longer.set(section.subarray(0, end));
  longer.set(section.subarray(end), end + 1);
  longer[end] = 0x61;
  new DataView(longer.buffer).setUint16(at + 34, PATH_BYTES_MAX + 1);
  expect(read(longer, { at, count: 1000, digests: false })).toBe("range");
  // All in other directories, each with a path of its own.
  const deep = Array.from({ length: 1024 }, (_, i) => {
    const top = `${String.fromCharCode(33 + (i >> 5), 33 + (i & 31))}`.replaceAll(/[./]/g, "\x7f");
    return new TextEncoder().encode(`${top}${i}/${"e".repeat(200)}/x`);
  }).sort(comparePaths);
  const many = sectionOf(
    deep.map((path) => entryOf(path, { n: 0, digests: false, holds: false })),
    false,
  );
  expect(typeof read(many.section, { at: many.at, count: 1024, digests: false })).toBe("object");
});

function sectionOf(entries: readonly Entry[], digests: boolean): { section: Uint8Array; at: number } {
  const terms = digests ? CHECK : NO_TERMS;
  return {
    section: encodeSection(0, entries, terms),
    at: SECTION_FIXED_BYTES + encodeTerms(terms).length,
  };
}
