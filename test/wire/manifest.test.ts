import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createZstd } from "../../src/disk/zstd.ts";
import { decodeAmendments, encodeAmendments } from "../../src/wire/amendment.ts";
import {
  decodeSection,
  type Entry,
  encodeSection,
  mayFollow,
  rawBytesMax,
  SectionWriter,
} from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";
import { decodePlan, encodePlan } from "../../src/wire/plan.ts";
import { decodeVerdicts, encodeVerdicts } from "../../src/wire/verdict.ts";
import { effort } from "./arbitrary.ts";
import { toHex } from "./plain.ts";
import { decodeContents } from "./second-contents.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const file = (path: string | Uint8Array, rest: Partial<Entry> = {}): Entry => ({
  type: "file",
  path: typeof path === "string" ? bytes(path) : path,
  mode: 0o644,
  uid: 0,
  gid: 0,
  seconds: 0n,
  nanoseconds: 0,
  size: 0,
  ...rest,
});
const numbered = (count: number): Entry[] =>
  Array.from({ length: count }, (_, i) => file(`f${String(i).padStart(6, "0")}`));

/** All sections that a writer makes of these entries. */
function write(limit: number, entries: readonly Entry[]): { sections: Uint8Array[]; unfit: Entry[] } {
  const writer = new SectionWriter(limit);
  const sections: Uint8Array[] = [];
  const unfit: Entry[] = [];
  for (const entry of entries) {
    let added = writer.add(entry);
    if (added === "full") {
      sections.push(writer.take().slice());
      added = writer.add(entry);
    }
    expect(added).not.toBe("full");
    if (added === "unfit") unfit.push(entry);
  }
  sections.push(writer.take().slice());
  return { sections, unfit };
}

/** The entries of sections, whose numbers and order must go on from one to the next. */
function read(sections: readonly Uint8Array[]): Entry[] {
  const entries: Entry[] = [];
  for (const section of sections) {
    const decoded = decodeSection(section);
    if (typeof decoded === "string") throw new Error(decoded);
    expect(decoded.firstEntry).toBe(entries.length);
    const [last, first] = [entries.at(-1), decoded.entries[0]];
    if (last !== undefined && first !== undefined) expect(mayFollow(last, first)).toBe(true);
    entries.push(...decoded.entries);
  }
  return entries;
}

describe("SectionWriter", () => {
  test("a section is full with 1,024 entries, not before", () => {
    const writer = new SectionWriter(262_144);
    const [extra, ...entries] = numbered(1025).reverse();
    for (const entry of entries.reverse()) expect(writer.add(entry)).toBe("added");
    expect(writer.count).toBe(1024);
    if (extra === undefined) throw new Error("no entry");
    expect(writer.add(extra)).toBe("full");
    expect(writer.add(extra)).toBe("full");
    expect(decodeSection(writer.take())).toHaveProperty("entries.length", 1024);
    expect(writer.add(extra)).toBe("added");
    expect(decodeSection(writer.take())).toMatchObject({ firstEntry: 1024, entries: { length: 1 } });
    expect(writer.nextEntry).toBe(1025);
  });

  test("a section is full at its limit, to the byte", () => {
    const entries = [file("aa"), file("ab", { size: 7 })];
    const exact = encodeSection(0, entries).length;
    expect(write(exact, entries).sections.map((one) => one.length)).toEqual([exact]);
    expect(write(exact - 1, entries).sections).toHaveLength(2);
  });

  test("whatever the limit, sections keep it, and all entries come back", () => {
    const long = file("m".repeat(255), { type: "symlink", target: bytes("t".repeat(4095)) });
    const entries = [...numbered(300), long, file("z")];
    for (const limit of [60, 175, 1000, 4000, 5000, 262_144]) {
      const { sections, unfit } = write(limit, entries);
      for (const section of sections) expect(section.length).toBeLessThanOrEqual(limit);
      const fits = limit > 8 + 36 + 255 + 2 + 4095;
      expect(unfit).toEqual(fits ? [] : [long]);
      expect(read(sections)).toEqual(
        (fits ? entries : entries.filter((one) => one !== long)).map((one) => ({
          target: undefined,
          ...one,
        })),
      );
    }
  });

  test("says what may come next, and takes nothing else", () => {
    const writer = new SectionWriter(262_144);
    const added = (entry: Entry) => writer.add(entry);
    expect(writer.follows(file("b"))).toBe(true);
    expect(added(file("b"))).toBe("added");
    for (const path of ["a", "b", "b/c"]) {
      const entry = file(path);
      expect(writer.follows(entry)).toBe(false);
      expect(() => added(entry)).toThrow("manifest out of order");
    }
    // Having looked at one does not let another in, nor the same one twice.
    expect(writer.follows(file("c"))).toBe(true);
    expect(() => added(file("a"))).toThrow("manifest out of order");
    const twice = file("c");
    expect([writer.follows(twice), added(twice)]).toEqual([true, "added"]);
    expect(() => added(twice)).toThrow("manifest out of order");
    // A component that has grown is looked at from its start.
    expect(added(file(`c${"c".repeat(254)}`))).toBe("added");
    expect(added(file(`c${"c".repeat(255)}`))).toBe("unfit");
    expect(() => added(file("d/../e"))).toThrow("path is not one of a manifest");
  });

  test("an empty tree is one empty section", () => {
    expect(read([new SectionWriter(8).take()])).toEqual([]);
  });

  test("what is too long for §10.1 is unfit, and the writer goes on", () => {
    const writer = new SectionWriter(262_144);
    const deep = `${"d/".repeat(2047)}e`;
    expect(writer.add(file("a".repeat(256)))).toBe("unfit");
    expect(writer.add(file(`b/${"a".repeat(256)}/c`))).toBe("unfit");
    expect(writer.add(file(`${deep}e`))).toBe("unfit");
    expect(writer.add(file("c", { type: "symlink", target: new Uint8Array(4096).fill(0x61) }))).toBe("unfit");
    expect(writer.add(file(deep))).toBe("added");
    expect(writer.add(file("e".repeat(255)))).toBe("added");
    expect(decodeSection(writer.take())).toHaveProperty("entries.length", 2);
  });
});

test("comparePaths is the order component by component", () => {
  const part = fc.array(fc.constantFrom(0x01, 0x2d, 0x2e, 0x61, 0xff), { minLength: 1, maxLength: 3 });
  const parts = fc.array(part, { minLength: 1, maxLength: 4 });
  const join = (list: number[][]): Uint8Array =>
    Uint8Array.from(list.flatMap((one, i) => (i === 0 ? one : [0x2f, ...one])));
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const differing = a.findIndex(
        (one, i) => Buffer.compare(Buffer.from(one), Buffer.from(b[i] ?? [])) !== 0,
      );
      const slow =
        differing < 0
          ? a.length - b.length
          : Buffer.compare(Buffer.from(a[differing] ?? []), Buffer.from(b[differing] ?? []));
      expect(Math.sign(comparePaths(join(a), join(b)))).toBe(Math.sign(slow));
    }),
    effort(2000),
  );
});

test("mayFollow: ascending, and only directories have insides", () => {
  const follows = (type: Entry["type"], a: string, b: string): boolean =>
    mayFollow({ type, path: bytes(a) }, { path: bytes(b) });
  expect(follows("file", "a", "b")).toBe(true);
  expect(follows("file", "a", "a")).toBe(false);
  expect(follows("file", "b", "a")).toBe(false);
  expect(follows("directory", "a", "a/b")).toBe(true);
  expect(follows("directory", "a", "a/b/c")).toBe(true);
  for (const type of ["file", "symlink", "fifo", "block", "character", "other"] as const)
    expect(follows(type, "a", "a/b")).toBe(false);
  expect(follows("file", "a", "ab")).toBe(true);
  expect(follows("directory", "a/b", "a")).toBe(false);
  expect(follows("file", "a/z", "a-b")).toBe(true);
  expect(follows("file", "a-b", "a/z")).toBe(false);
});

test("a block of rawBytesMax bytes fits its capacity, however badly it compresses", () => {
  const zstd = createZstd();
  const noise = new Uint8Array(262_144);
  for (let at = 0; at < noise.length; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
  for (const capacity of [64, 240, 500, 16_384, 100_000, 131_072, 140_000, 200_000, 263_232, 322_544]) {
    const raw = rawBytesMax(capacity);
    expect(raw).toBeLessThanOrEqual(262_144);
    const frame = zstd.compress(noise.subarray(0, raw), new Uint8Array(400_000));
    expect(frame).toBeLessThanOrEqual(capacity);
  }
  expect(rawBytesMax(0)).toBe(0);
  expect(rawBytesMax(14_666_384)).toBe(262_144);
});

describe("blocks of 262,144 bytes, the most there may be", () => {
  const link = (path: string, target: number): Entry =>
    file(path, { type: "symlink", target: new Uint8Array(target).fill(0x61) });
  test("manifest", () => {
    // 63 links of 36 + 3 + 2 + 4,095 bytes at most; the last one fills the section up to the byte.
    const path = (i: number): string => String.fromCharCode(0x30 + i).repeat(3);
    const links = Array.from({ length: 63 }, (_, i) => link(path(i), 4095));
    const rest = 262_144 - 8 - 63 * (36 + 3 + 2 + 4095);
    const section = encodeSection(0, [...links, link(path(63), rest - 41)]);
    expect(section.length).toBe(262_144);
    expect(decodeSection(section)).toHaveProperty("entries.length", 64);
    // One byte more, of the last target, and nothing else wrong.
    const longer = Uint8Array.of(...section, 0x61);
    const lengthAt = section.length - (rest - 41) - 2;
    new DataView(longer.buffer).setUint16(lengthAt, rest - 40);
    expect(decodeSection(longer)).toBe("long");
    expect(decodeContents("section", toHex(longer))).toBeUndefined();
    expect(() => encodeSection(0, [...links, link(path(63), rest - 40)])).toThrow("assertion failed");
  });
  test("plan", () => {
    const content = new Uint8Array(128).fill(1);
    const records = Array.from({ length: 1927 }, (_, section) => ({ section, entries: 1024, content }));
    const last = { section: 9999, entries: 512, content: content.subarray(0, 64) };
    const plan = encodePlan([...records, last]);
    expect(plan.length).toBe(262_144);
    expect(decodePlan(plan)).toHaveLength(1928);
    const longer = Uint8Array.of(...plan, ...encodePlan([{ ...last, section: 99_999 }]));
    expect(decodePlan(longer)).toBe("long");
    expect(decodeContents("plan", toHex(longer))).toBeUndefined();
    const more = { section: 9999, entries: 513, content: content.subarray(0, 65) };
    expect(() => encodePlan([...records, more])).toThrow("assertion failed");
  });
  test("verdicts", () => {
    const verdicts = Array.from({ length: 10_923 }, (_, entry) => ({ entry, status: "changed" as const }));
    const block = encodeVerdicts(verdicts.slice(1));
    expect(decodeVerdicts(block)).toHaveLength(10_922);
    const longer = Uint8Array.of(...block, ...encodeVerdicts([{ entry: 99_999, status: "changed" }]));
    expect(decodeVerdicts(longer)).toBe("long");
    expect(decodeContents("verdict", toHex(longer))).toBeUndefined();
    expect(() => encodeVerdicts(verdicts)).toThrow("assertion failed");
  });
  test("amendments", () => {
    const amendments = Array.from({ length: 256 }, (_, entry) => ({
      entry,
      to: file(`${"a/".repeat(491)}bb`),
    }));
    const block = encodeAmendments(amendments);
    expect(block.length).toBe(262_144);
    expect(decodeAmendments(block)).toHaveLength(256);
    const more = Uint8Array.of(...block, ...encodeAmendments([{ entry: 99_999, to: file("a") }]));
    expect(decodeAmendments(more)).toBe("long");
    expect(decodeContents("amendment", toHex(more))).toBeUndefined();
    const [first, ...others] = amendments;
    if (first === undefined) throw new Error("no amendment");
    const longer = { entry: 0, to: file(`${"a/".repeat(491)}bbb`) };
    expect(() => encodeAmendments([longer, ...others])).toThrow("assertion failed");
  });
});

describe("our own mistakes stop the process", () => {
  const mistakes: Readonly<Record<string, readonly Entry[]>> = {
    "..": [file("..")],
    "a/../b": [file("a/../b")],
    absolute: [file("/a")],
    "slash at the end": [file("a/")],
    NUL: [file("a\0")],
    "empty path": [file("")],
    descending: [file("b"), file("a")],
    twice: [file("a"), file("a")],
    "inside of a file": [file("a"), file("a/b")],
    "mode of 13 bits": [file("a", { mode: 0o10000 })],
    "no uid": [file("a", { uid: 0xffff_ffff })],
    "negative gid": [file("a", { gid: -1 })],
    "10^9 nanoseconds": [file("a", { nanoseconds: 1e9 })],
    "time of 65 bits": [file("a", { seconds: 2n ** 63n })],
    "unsafe size": [file("a", { size: 2 ** 53 })],
    "directory with a size": [file("a", { type: "directory", size: 1 })],
    "file with a target": [file("a", { target: bytes("b") })],
    "link without target": [file("a", { type: "symlink" })],
    "empty target": [file("a", { type: "symlink", target: bytes("") })],
    "1,025 entries": numbered(1025),
  };
  for (const [name, entries] of Object.entries(mistakes)) {
    test(`manifest: ${name}`, () => expect(() => encodeSection(0, entries)).toThrow("assertion failed"));
  }
  test("manifest: out of order over two sections", () => {
    const writer = new SectionWriter(262_144);
    writer.add(file("b"));
    writer.take();
    expect(() => writer.add(file("a"))).toThrow("assertion failed");
  });

  const record = { section: 1, entries: 9, content: Uint8Array.of(1, 0) };
  const good = { entry: 1, status: "good", digest: new Uint8Array(16) } as const;
  test("plan, verdict, amendment", () => {
    expect(() => encodePlan([record, record])).toThrow("assertion failed");
    expect(() => encodePlan([{ ...record, content: Uint8Array.of(0, 0) }])).toThrow("assertion failed");
    expect(() => encodePlan([{ ...record, section: 2 ** 32 }])).toThrow("assertion failed");
    expect(() => encodePlan([{ section: 1, entries: 0, content: new Uint8Array(0) }])).toThrow(
      "assertion failed",
    );
    const tooMany = { section: 1, entries: 1025, content: new Uint8Array(129).fill(1) };
    expect(() => encodePlan([tooMany])).toThrow("assertion failed");
    expect(() => encodePlan([{ ...record, content: Uint8Array.of(1, 2) }])).toThrow("assertion failed");
    expect(() => encodePlan([{ ...record, content: Uint8Array.of(1) }])).toThrow("assertion failed");
    expect(() => encodeVerdicts([])).toThrow("assertion failed");
    expect(() => encodeVerdicts([good, good])).toThrow("assertion failed");
    expect(() => encodeVerdicts([{ ...good, digest: new Uint8Array(15) }])).toThrow("assertion failed");
    expect(() => encodeVerdicts([{ entry: 1, status: "unreadable", errno: -2 }])).toThrow("assertion failed");
    expect(() => encodeAmendments([])).toThrow("assertion failed");
    expect(() => encodeAmendments([{ entry: 1, to: file("a", { type: "fifo" }) }])).toThrow(
      "assertion failed",
    );
    expect(() => encodeAmendments([{ entry: 1, to: file("../a") }])).toThrow("assertion failed");
    expect(() => encodeAmendments([2, 1].map((entry) => ({ entry, to: file("a") })))).toThrow(
      "assertion failed",
    );
    expect(() => encodeAmendments([{ entry: 0xffff_ffff, to: file("a") }])).toThrow("assertion failed");
    expect(() => encodeAmendments([1, 1].map((entry) => ({ entry, to: file("a") })))).toThrow(
      "assertion failed",
    );
    expect(() => encodeVerdicts([{ entry: 0xffff_ffff, status: "changed" }])).toThrow("assertion failed");
    expect(() => new SectionWriter(262_145)).toThrow("assertion failed");
    expect(() => new SectionWriter(7)).toThrow("assertion failed");
    expect(() => new SectionWriter(100, { firstEntry: -1 })).toThrow("assertion failed");
    expect(() => encodeSection(0xffff_ffff, [file("a")])).toThrow("assertion failed");
  });
});
