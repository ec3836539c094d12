import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { comparePaths } from "../../src/wire/path.ts";
import { encodeRemovalNames, RemovalNamesReader, removalNameBytes } from "../../src/wire/removal-names.ts";
import { effort } from "./arbitrary.ts";
import { toHex } from "./plain.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const name = fc
  .array(fc.constantFrom(0x01, 0x61, 0x62, 0x2e, 0xff), { minLength: 1, maxLength: 4 })
  .map((one) => (one.every((byte) => byte === 0x2e) ? [0x61] : one));
const path = fc
  .array(name, { minLength: 1, maxLength: 4 })
  .map((names) => Uint8Array.from(names.flatMap((one, i) => (i === 0 ? one : [0x2f, ...one]))));
const paths = fc.uniqueArray(path, { selector: toHex, maxLength: 12 }).map((list) => list.sort(comparePaths));

/** A name as it is on the wire, whatever it is. */
const raw = (text: string): Uint8Array => {
  const own = bytes(text);
  return Uint8Array.of(own.length >> 8, own.length & 0xff, ...own);
};
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

describe("names of removals", () => {
  test("come back, wherever the stream is cut", () => {
    fc.assert(
      fc.property(paths, fc.array(fc.nat(30), { maxLength: 30 }), (list, cuts) => {
        const stream = encodeRemovalNames(list);
        expect(stream.length).toBe(list.reduce((sum, one) => sum + removalNameBytes(one), 0));
        const reader = new RemovalNamesReader();
        const got: Uint8Array[] = [];
        let at = 0;
        for (const length of [...cuts, stream.length]) {
          const piece = stream.slice(at, at + length);
          const names = reader.add(piece);
          if (typeof names === "string") throw new Error(names);
          got.push(...names);
          // What was given keeps its value when the piece's memory is used again.
          piece.fill(0xee);
          at = Math.min(stream.length, at + length);
          expect(reader.count).toBe(got.length);
          const ends = got.reduce((sum, one) => sum + removalNameBytes(one), 0);
          expect(reader.complete).toBe(ends === at);
        }
        expect(got).toEqual(list);
      }),
      effort(500),
    );
  });

  test("may be as long as a path, one after the other", () => {
    const long = (last: string): Uint8Array => bytes(`${"d/".repeat(2047)}${last}`);
    const stream = encodeRemovalNames([long("a"), long("b")]);
    expect(stream.length).toBe(2 * 4097);
    const reader = new RemovalNamesReader();
    expect(reader.add(stream.subarray(0, 5000))).toEqual([long("a")]);
    expect(reader.complete).toBe(false);
    expect(reader.add(stream.subarray(5000))).toEqual([long("b")]);
    expect(reader.complete).toBe(true);
  });

  const wrong: Readonly<Record<string, Uint8Array>> = {
    "empty name": raw(""),
    "longer than a path": Uint8Array.of(0x10, 0x00),
    "..": raw(".."),
    absolute: raw("/a"),
    "slash at the end": raw("a/"),
    NUL: raw("a\0"),
    "name of 256 bytes": raw("n".repeat(256)),
    twice: join(raw("a"), raw("a")),
    descending: join(raw("b"), raw("a")),
    "a directory after what is in it": join(raw("a/b"), raw("a")),
    "in the order of bytes only": join(raw("a-b"), raw("a/b")),
  };
  for (const [what, stream] of Object.entries(wrong)) {
    test(`${what}: refused, at once and for good, and however it is cut`, () => {
      const whole = new RemovalNamesReader();
      expect(whole.add(stream)).toBe("range");
      expect(whole.add(raw("z"))).toBe("range");
      expect(whole.complete).toBe(false);
      const reader = new RemovalNamesReader();
      const answers = Array.from(stream, (byte) => reader.add(Uint8Array.of(byte)));
      expect(answers.at(-1)).toBe("range");
    });
  }

  test("that are wrong are our own mistake", () => {
    for (const list of [["b", "a"], ["a", "a"], [".."], [""], ["n".repeat(256)]])
      expect(() => encodeRemovalNames(list.map(bytes))).toThrow("assertion failed");
  });
});
