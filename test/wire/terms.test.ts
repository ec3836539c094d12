import { describe, expect, test } from "bun:test";
import {
  decodeSection,
  type Entry,
  encodeSection,
  rawBytesMax,
  SectionWriter,
  termsRoom,
} from "../../src/wire/manifest.ts";
import {
  decodeTerms,
  encodeTerms,
  NO_TERMS,
  TERMS_BYTES_MAX,
  type Terms,
  termsBytes,
} from "../../src/wire/terms.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const REMOVES: Terms = { ...NO_TERMS, removes: true };
const CHECK: Terms = { ...NO_TERMS, mode: "check" };
const excluding = (...patterns: Uint8Array[]): Terms => ({
  ...NO_TERMS,
  base: bytes("/b"),
  excludes: patterns,
});
const file = (path: string, rest: Partial<Entry> = {}): Entry => ({
  type: "file",
  path: bytes(path),
  ...{ mode: 0o644, uid: 0, gid: 0, seconds: 0n, nanoseconds: 0, size: 0 },
  ...rest,
});
/** Terms of so many bytes, 17 or more. */
function sized(length: number): Terms {
  const patterns: Uint8Array[] = [];
  let left = length - 12 - 2;
  for (; left > 4097; left -= 4000) patterns.push(new Uint8Array(3998).fill(0x61));
  return excluding(...patterns, new Uint8Array(left - 2).fill(0x62));
}

describe("terms have at most", () => {
  test("32,768 bytes; more is said, not sent", () => {
    const most = sized(32_768);
    expect(termsBytes(most)).toBe(TERMS_BYTES_MAX);
    const encoded = encodeTerms(most);
    if (encoded === "long") throw new Error("long");
    expect(encoded.length).toBe(32_768);
    expect(decodeTerms(encoded)).toEqual(most);
    const more = sized(32_769);
    expect(termsBytes(more)).toBe(32_769);
    expect(encodeTerms(more)).toBe("long");
    // By one byte of a pattern, and nothing else wrong with them.
    const longer = Uint8Array.of(...encoded, 0x62);
    const view = new DataView(longer.buffer);
    const lengthAt = 12 + 2 + (most.excludes.length - 1) * 4000;
    view.setUint16(lengthAt, view.getUint16(lengthAt) + 1);
    expect(decodeTerms(longer)).toBe("long");
  });
  test("1,024 patterns", () => {
    const many = (count: number): Terms => excluding(...Array.from({ length: count }, () => bytes("a")));
    expect(decodeTerms(encodeTerms(many(1024)) as Uint8Array)).toEqual(many(1024));
    expect(encodeTerms(many(1025))).toBe("long");
  });
});

test("that nothing is to be flushed goes with all that changes something, and is said in one bit", () => {
  for (const terms of [NO_TERMS, REMOVES, { ...REMOVES, mode: "prune" as const }, excluding(bytes("a"))]) {
    const encoded = encodeTerms({ ...terms, unflushed: true });
    if (encoded === "long") throw new Error("long");
    expect(decodeTerms(encoded)).toEqual({ ...terms, unflushed: true });
    expect((encoded[0] ?? 0) & 32).toBe(32);
    const check = Uint8Array.of(33, ...encoded.subarray(1));
    expect(decodeTerms(check)).toBe("range");
    expect(decodeTerms(Uint8Array.of((encoded[0] ?? 0) | 64, ...encoded.subarray(1)))).toBe("range");
  }
});

test("terms that say nothing are no bytes", () => {
  expect(encodeTerms(NO_TERMS)).toEqual(new Uint8Array());
  expect(termsBytes(NO_TERMS)).toBe(0);
  expect(decodeTerms(new Uint8Array())).toEqual(NO_TERMS);
});

describe("terms that make no sense are our own mistake", () => {
  const mistakes: Readonly<Record<string, Terms>> = {
    "check that removes": { ...REMOVES, mode: "check" },
    "prune that does not": { ...NO_TERMS, mode: "prune" },
    "base listed, nothing removed": { ...NO_TERMS, baseListed: true },
    "names of nothing": { ...CHECK, namesWanted: true },
    "limit of nothing": { ...NO_TERMS, removesMax: 1 },
    "missing path, nothing removed": { ...NO_TERMS, missing: [bytes("a")] },
    "limit of 2^32 - 1": { ...REMOVES, removesMax: 0xffff_ffff },
    "check without flushing": { ...CHECK, unflushed: true },
    "negative limit": { ...REMOVES, removesMax: -1 },
    "half a limit": { ...REMOVES, removesMax: 0.5 },
    "missing ..": { ...REMOVES, missing: [bytes("..")] },
    "absolute missing path": { ...REMOVES, missing: [bytes("/a")] },
    "missing paths descending": { ...REMOVES, missing: [bytes("b"), bytes("a")] },
    "missing path in another": { ...REMOVES, missing: [bytes("a"), bytes("a/b")] },
    "missing path twice": { ...REMOVES, missing: [bytes("a"), bytes("a")] },
    "base without patterns": { ...REMOVES, base: bytes("/b") },
    "no base": { ...NO_TERMS, excludes: [bytes("a")] },
    "relative base": { ...excluding(bytes("a")), base: bytes("b") },
    "empty pattern": excluding(bytes("")),
    "pattern with NUL": excluding(bytes("a\0")),
    "pattern of 4,096 bytes": excluding(new Uint8Array(4096).fill(0x61)),
  };
  for (const [name, terms] of Object.entries(mistakes)) {
    test(name, () => expect(() => encodeTerms(terms)).toThrow("assertion failed"));
  }
});

describe("sections and terms", () => {
  test("the first section has them, and only that", () => {
    const writer = new SectionWriter(1000, { terms: REMOVES });
    writer.add(file("a"));
    const first = writer.take().slice();
    expect(decodeSection(first)).toMatchObject({ firstEntry: 0, terms: REMOVES });
    writer.add(file("b"));
    const second = writer.take();
    expect(second.length).toBe(first.length - 12);
    expect(decodeSection(second)).toMatchObject({ firstEntry: 1, terms: NO_TERMS });
    expect(decodeSection(second, REMOVES)).toMatchObject({ firstEntry: 1, terms: REMOVES });
  });
  test("later sections of a check have digests, and those of another push none", () => {
    const digest = new Uint8Array(16).fill(9);
    const section = encodeSection(3, [file("a", { digest })], CHECK);
    expect(decodeSection(section, CHECK)).toMatchObject({ terms: CHECK, entries: [{ digest }] });
    expect(decodeSection(section)).toBe("range");
    expect(decodeSection(encodeSection(3, [file("a")]), CHECK)).toBe("range");
    // The first says itself what it is, whatever is expected of it.
    expect(decodeSection(encodeSection(0, [file("a", { digest })], CHECK), REMOVES)).toHaveProperty(
      "terms.mode",
      "check",
    );
    expect(decodeSection(encodeSection(0, [file("a")]), CHECK)).toHaveProperty("terms", NO_TERMS);
  });
  test("a section is full at its limit, its terms included, to the byte", () => {
    const entries = [file("aa"), file("ab")];
    const exact = encodeSection(0, entries, REMOVES).length;
    const add = (limit: number): string[] => {
      const writer = new SectionWriter(limit, { terms: REMOVES });
      return entries.map((entry) => writer.add(entry));
    };
    expect(add(exact)).toEqual(["added", "added"]);
    expect(add(exact - 1)).toEqual(["added", "full"]);
  });
  test("terms for which there is room leave enough for any entry", () => {
    const longest = file(`${"d/".repeat(2047)}e`, {
      type: "symlink",
      target: new Uint8Array(4095).fill(0x61),
    });
    for (const limit of [8300, 20_000, 41_003, 41_004, 41_005, rawBytesMax(1_000_000)]) {
      const room = termsRoom(limit);
      expect(room).toBe(Math.min(32_768, limit - 8 - (36 + 4095 + 2 + 4095)));
      expect(new SectionWriter(limit, { terms: sized(room) }).add(longest)).toBe("added");
      if (room === 32_768) continue;
      expect(new SectionWriter(limit, { terms: sized(room + 1) }).add(longest)).toBe("unfit");
    }
    expect(termsRoom(100)).toBe(0);
  });
  test("mistakes of ours", () => {
    const digest = new Uint8Array(16);
    const wrong = (entry: Entry, terms = NO_TERMS) => expect(() => encodeSection(0, [entry], terms));
    wrong(file("a", { digest })).toThrow("assertion failed");
    wrong(file("a"), CHECK).toThrow("assertion failed");
    wrong(file("a", { digest: new Uint8Array(15) }), CHECK).toThrow("assertion failed");
    wrong(file("a", { type: "fifo", digest }), CHECK).toThrow("assertion failed");
    wrong(file("a", { listed: true })).toThrow("assertion failed");
    wrong(file("a", { type: "other" })).toThrow("assertion failed");
    wrong(file("a", { type: "other", mode: 0, uid: 1 })).toThrow("assertion failed");
    wrong(file("a", { type: "block", size: 2 ** 53 })).toThrow("assertion failed");
    wrong(file("a", { type: "fifo", size: 1 })).toThrow("assertion failed");
    expect(() => encodeSection(0, [file("a", { type: "other" }), file("a/b")])).toThrow("assertion failed");
    expect(() => new SectionWriter(19, { terms: REMOVES })).toThrow("assertion failed");
    expect(new SectionWriter(20, { terms: REMOVES }).take()).toHaveLength(20);
    expect(() => new SectionWriter(200_000, { terms: sized(32_769) })).toThrow("assertion failed");
  });
});
