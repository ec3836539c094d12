import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bitmapBytes,
  fullBitmap,
  getBit,
  isEmpty,
  isFull,
  isPadded,
  isSubset,
  orInto,
  popcount,
  setBit,
} from "../../src/wire/bitmap.ts";
import { effort } from "./arbitrary.ts";

/** A number of bits and a set of them. */
const sized = fc.nat(70).chain((bits) =>
  fc.record({
    bits: fc.constant(bits),
    a: fc.uniqueArray(fc.nat(Math.max(0, bits - 1)), { maxLength: bits }),
    b: fc.uniqueArray(fc.nat(Math.max(0, bits - 1)), { maxLength: bits }),
  }),
);
const bitmapOf = (bits: number, set: readonly number[]): Uint8Array => {
  const bitmap = new Uint8Array(bitmapBytes(bits));
  for (const bit of set) setBit(bitmap, bit);
  return bitmap;
};

describe("bitmaps", () => {
  test("numbering is that of §6.3", () => {
    expect(bitmapOf(12, [0, 7, 9])).toEqual(Uint8Array.of(0b1000_0001, 0b10));
    expect(fullBitmap(12)).toEqual(Uint8Array.of(0xff, 0x0f));
    expect([0, 1, 8, 9, 1024].map(bitmapBytes)).toEqual([0, 1, 1, 2, 128]);
  });

  test("are sets", () => {
    fc.assert(
      fc.property(sized, ({ bits, a, b }) => {
        const [one, other] = [bitmapOf(bits, a), bitmapOf(bits, b)];
        const [setA, setB] = [new Set(a), new Set(b)];
        for (let i = 0; i < bits; i++) expect(getBit(one, i)).toBe(setA.has(i));
        expect(popcount(one)).toBe(setA.size);
        expect(isEmpty(one)).toBe(setA.size === 0);
        expect(isFull(one, bits)).toBe(setA.size === bits);
        expect(isPadded(one, bits)).toBe(true);
        expect(isSubset(one, other)).toBe(setA.isSubsetOf(setB));
        orInto(one, other);
        expect(one).toEqual(bitmapOf(bits, [...setA.union(setB)]));
      }),
      effort(500),
    );
  });

  test("unused bits", () => {
    expect(isPadded(Uint8Array.of(0xff, 0x10), 12)).toBe(false);
    expect(isFull(Uint8Array.of(0xff, 0xff), 12)).toBe(true);
    expect(isFull(Uint8Array.of(0xff, 0xf7), 12)).toBe(false);
  });

  test("lengths that do not fit stop the process", () => {
    expect(() => getBit(new Uint8Array(1), 8)).toThrow("assertion failed");
    expect(() => setBit(new Uint8Array(1), -1)).toThrow("assertion failed");
    expect(() => orInto(new Uint8Array(1), new Uint8Array(2))).toThrow("assertion failed");
    expect(() => isFull(new Uint8Array(2), 17)).toThrow("assertion failed");
    expect(() => isSubset(new Uint8Array(1), new Uint8Array(2))).toThrow("assertion failed");
    expect(() => isPadded(new Uint8Array(2), 17)).toThrow("assertion failed");
  });
});
