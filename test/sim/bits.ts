/** Bitmaps as PROTOCOL §6.3 has them, by a second hand: the model must not share the engine's mistakes. */
export function bitAt(bits: Uint8Array | undefined, index: number): boolean {
  return bits !== undefined && (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

/** A bitmap of `count` bits. */
export function bitsOf(count: number, isSet: (index: number) => boolean): Uint8Array {
  const bits = new Uint8Array((count + 7) >> 3);
  for (let i = 0; i < count; i++) {
    if (isSet(i)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return bits;
}

/** The bitmap, or undefined where nothing is set. */
export function orNone(bits: Uint8Array): Uint8Array | undefined {
  return bits.some((byte) => byte !== 0) ? bits : undefined;
}

/** Whether the first `count` bits are the same; undefined: none is set. */
export function sameBits(a: Uint8Array | undefined, b: Uint8Array | undefined, count: number): boolean {
  for (let i = 0; i < count; i++) {
    if (bitAt(a, i) !== bitAt(b, i)) return false;
  }
  return true;
}

/** How many of the first `count` bits are set. */
export function countBits(bits: Uint8Array | undefined, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += bitAt(bits, i) ? 1 : 0;
  return sum;
}
