import { assert } from "./brand.ts";

/** Bitmaps as they are on the wire: bit i is bit `i mod 8`, from the least significant, of byte `⌊i/8⌋` (PROTOCOL §6.3). */

/** Bytes of a bitmap of `bits` bits. */
export function bitmapBytes(bits: number): number {
  return (bits + 7) >>> 3;
}

/** Whether bit `i` is set. `i` lies within the bitmap's bytes. */
export function getBit(bitmap: Uint8Array, i: number): boolean {
  const byte = bitmap[i >>> 3];
  assert(byte !== undefined, "bit outside the bitmap");
  return (byte & (1 << (i & 7))) !== 0;
}

/** Sets bit `i`, which lies within the bitmap's bytes. */
export function setBit(bitmap: Uint8Array, i: number): void {
  const byte = bitmap[i >>> 3];
  assert(byte !== undefined, "bit outside the bitmap");
  bitmap[i >>> 3] = byte | (1 << (i & 7));
}

/** Number of bits that are set. */
export function popcount(bitmap: Uint8Array): number {
  let count = 0;
  for (const byte of bitmap) {
    const pairs = byte - ((byte >>> 1) & 0x55);
    const nibbles = (pairs & 0x33) + ((pairs >>> 2) & 0x33);
    count += (nibbles + (nibbles >>> 4)) & 0x0f;
  }
  return count;
}

/** Sets in `into` every bit that is set in `from`. Both have the same length. */
export function orInto(into: Uint8Array, from: Uint8Array): void {
  assert(into.length === from.length, "bitmaps of different lengths");
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) | (from[i] ?? 0);
}

/** Whether no bit is set. */
export function isEmpty(bitmap: Uint8Array): boolean {
  for (const byte of bitmap) if (byte !== 0) return false;
  return true;
}

/** Whether all of the first `bits` bits are set. The bitmap is `bitmapBytes(bits)` long. */
export function isFull(bitmap: Uint8Array, bits: number): boolean {
  assert(bitmap.length === bitmapBytes(bits), "bitmap of the wrong length");
  const whole = bits >>> 3;
  for (let i = 0; i < whole; i++) if (bitmap[i] !== 0xff) return false;
  const rest = unusedMask(bits) ^ 0xff;
  return (bits & 7) === 0 || ((bitmap[whole] ?? 0) & rest) === rest;
}

/** A bitmap with all of `bits` bits set and the unused ones 0. */
export function fullBitmap(bits: number): Uint8Array {
  const bitmap = new Uint8Array(bitmapBytes(bits)).fill(0xff);
  if ((bits & 7) !== 0) bitmap[bitmap.length - 1] = unusedMask(bits) ^ 0xff;
  return bitmap;
}

/** Whether the bits at and above `bits`, which nobody uses, are 0. The bitmap is `bitmapBytes(bits)` long. */
export function isPadded(bitmap: Uint8Array, bits: number): boolean {
  assert(bitmap.length === bitmapBytes(bits), "bitmap of the wrong length");
  return (bits & 7) === 0 || ((bitmap[bitmap.length - 1] ?? 0) & unusedMask(bits)) === 0;
}

/** Whether every bit of `inner` is also set in `outer`. Both have the same length. */
export function isSubset(inner: Uint8Array, outer: Uint8Array): boolean {
  assert(inner.length === outer.length, "bitmaps of different lengths");
  for (let i = 0; i < inner.length; i++) if (((inner[i] ?? 0) & ~(outer[i] ?? 0)) !== 0) return false;
  return true;
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The unused bits of the last byte of a bitmap whose length is not a multiple of 8 bits. */
function unusedMask(bits: number): number {
  return (0xff << (bits & 7)) & 0xff;
}
