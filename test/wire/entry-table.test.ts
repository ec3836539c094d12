import { expect, test } from "bun:test";
import fc from "fast-check";
import { ENTRY_FIXED_BYTES } from "../../src/wire/entry.ts";
import { EntryTable } from "../../src/wire/entry-table.ts";
import {
  decodeSection,
  decodeTable,
  type Entry,
  encodeSection,
  SECTION_FIXED_BYTES,
} from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";

/** What a table says of its entries one by one is what the entries are, whatever it held before. */

const component = fc.constantFrom("a", "b", "ab", "dir", "x".repeat(255), "\x01", "~");
const paths = fc
  .uniqueArray(
    fc.array(component, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/")),
    { maxLength: 60 },
  )
  .map((list) => {
    const all = new Set(
      list.flatMap((path) => path.split("/").map((_, i, parts) => parts.slice(0, i + 1).join("/"))),
    );
    // Directories on the way to an entry need not be entries.
    return [...all].filter((path, i) => i % 3 !== 0 || list.includes(path));
  })
  .map((list) => list.map((path) => new TextEncoder().encode(path)).sort(comparePaths));

function entriesOf(list: readonly Uint8Array[], seed: number): Entry[] {
  const holds = (path: Uint8Array) =>
    list.some(
      (other) =>
        other.length > path.length && other[path.length] === 0x2f && path.every((b, i) => other[i] === b),
    );
  return list.map((path, i) => {
    const n = seed + i * 7;
    const kind = (["file", "directory", "symlink", "fifo", "block", "other"] as const)[n % 6] ?? "file";
    const type = holds(path) ? "directory" : kind;
    const none = type === "other";
    return {
      type,
      path,
      mode: none ? 0 : n % 0o10000,
      uid: none ? 0 : n * 3,
      gid: none ? 0 : 0xffff_fffe - n,
      seconds: none ? 0n : n % 2 === 0 ? -(2n ** 63n) + BigInt(n) : BigInt(n) << 31n,
      nanoseconds: none ? 0 : 999_999_999 - n,
      size: type === "file" || type === "block" ? Number.MAX_SAFE_INTEGER - n : 0,
      target: type === "symlink" ? new TextEncoder().encode(`to ${n}`) : undefined,
      digest: undefined,
      listed: type === "directory" && n % 4 === 0 ? true : undefined,
    };
  });
}

const parentOf = (text: string) => text.slice(0, Math.max(0, text.lastIndexOf("/")));

test("a table has the entries, their fields and their neighbours", () => {
  const table = new EntryTable();
  fc.assert(
    fc.property(paths, fc.nat(5000), (list, seed) => {
      const entries = entriesOf(list, seed);
      const section = encodeSection(0, entries);
      expect(decodeTable(section, table)).toMatchObject({ firstEntry: 0 });
      // It keeps nothing of the memory that it was given.
      section.fill(0xff);
      expect(table.count).toBe(entries.length);
      expect(table.entries()).toEqual(entries);
      const texts = list.map((path) => String.fromCharCode(...path));
      for (const [i, entry] of entries.entries()) {
        const text = texts[i] ?? "";
        const { type, mode, uid, gid, nanoseconds, size } = entry;
        const fields = { type: table.type(i), mode: table.mode(i), uid: table.uid(i), gid: table.gid(i) };
        expect({ ...fields, nanoseconds: table.nanoseconds(i), size: table.size(i) }).toEqual({
          ...{ type, mode, uid, gid, nanoseconds, size },
        });
        const seconds = (BigInt(table.secondsHigh(i)) << 32n) + BigInt(table.secondsLow(i));
        expect(seconds).toBe(entry.seconds);
        const at = (bytes: Uint8Array, from: number, to: number) =>
          String.fromCharCode(...bytes.subarray(from, to));
        expect(String.fromCharCode(...table.path(i))).toBe(text);
        expect(at(table.names, table.nameStart(i), table.nameEnd(i))).toBe(
          text.slice(text.lastIndexOf("/") + 1),
        );
        expect([table.names[table.nameEnd(i)], table.nameStart(i + 1)]).toEqual([0, table.nameEnd(i) + 1]);
        const parent = table.parentStart(i);
        expect(at(table.parents, parent, parent + table.parentBytes(i))).toBe(parentOf(text));
        const again = encodeSection(0, [entry]).subarray(SECTION_FIXED_BYTES);
        const bytes = table.bytes.subarray(table.starts[i], table.starts[i + 1]);
        expect(bytes.subarray(0, ENTRY_FIXED_BYTES - 4)).toEqual(again.subarray(0, ENTRY_FIXED_BYTES - 4));
        let end = i + 1;
        while (end < texts.length && parentOf(texts[end] ?? "") === parentOf(text)) end++;
        expect(table.siblingsEnd(i)).toBe(end);
      }
    }),
  );
});

test("a section that is wrong leaves a table empty, and the next one finds nothing of it", () => {
  const table = new EntryTable();
  const good = encodeSection(
    0,
    entriesOf(
      ["a", "b", "c"].map((path) => new TextEncoder().encode(path)),
      12,
    ),
  );
  for (let length = 0; length < good.length; length++) {
    expect(typeof decodeTable(good.subarray(0, length), table)).toBe("string");
    expect(decodeSection(good.subarray(0, length))).toBe(
      decodeTable(good.subarray(0, length), table) as "short",
    );
  }
  expect(table.count).toBe(0);
  expect(() => table.entry(0)).toThrow("entry outside its section");
  decodeTable(good, table);
  expect(table.count).toBe(3);
  expect(() => table.entry(3)).toThrow("entry outside its section");
});

test("paths of any length in all have room", () => {
  const long = (i: number) => new TextEncoder().encode(`${"d/".repeat(1900)}${"n".repeat(200)}${i + 100}`);
  const list = Array.from({ length: 900 }, (_, i) => long(i));
  const table = new EntryTable();
  decodeTable(
    encodeSection(
      0,
      entriesOf(list, 0).map((entry) => ({ ...entry, type: "fifo", size: 0, target: undefined })),
    ),
    table,
  );
  expect(table.entry(899).path).toEqual(long(899));
  expect(table.siblingsEnd(0)).toBe(900);
});
