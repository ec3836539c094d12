import { NAME_BYTES_MAX, PATH_BYTES_MAX } from "./constants.ts";

/** Paths of the manifest: raw bytes, relative to the base, components separated by one `/` (PROTOCOL §10.1). */

export const SLASH = 0x2f;
export const DOT = 0x2e;

/**
 * What keeps `path[0..length)` from being a path of the manifest, looking from the component that starts at `from` on (what is
 * before it is known to be good): "long" if only the length of it or of a component is at fault, "form" for everything else.
 */
export function pathFault(path: Uint8Array, from: number, length: number): "long" | "form" | undefined {
  let long = length > PATH_BYTES_MAX;
  let start = from;
  for (let i = from; i <= length; i++) {
    const byte = i < length ? path[i] : SLASH;
    if (byte === 0) return "form";
    if (byte !== SLASH) continue;
    const bytes = i - start;
    if (bytes === 0) return "form";
    if (bytes > NAME_BYTES_MAX) long = true;
    if (path[start] === DOT && (bytes === 1 || (bytes === 2 && path[start + 1] === DOT))) return "form";
    start = i + 1;
  }
  return long ? "long" : undefined;
}

/** The manifest's order: component by component, each as bytes. That is the order as bytes with `/` below all others. */
export function comparePaths(a: Uint8Array, b: Uint8Array): number {
  const shared = commonPrefix(a, b);
  if (shared === a.length || shared === b.length) return a.length - b.length;
  return rank(a[shared]) - rank(b[shared]);
}

/** Number of bytes at the start that two paths have in common. */
export function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a[i] === b[i]) i++;
  return i;
}

/** A byte's place in the manifest's order. Paths contain no 0, so that `/` has the lowest place alone. */
export function rank(byte: number | undefined): number {
  return byte === undefined || byte === SLASH ? 0 : byte;
}
