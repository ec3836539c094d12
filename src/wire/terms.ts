import { assert } from "./brand.ts";
import { PATH_BYTES_MAX } from "./constants.ts";
import type { Drop } from "./messages.ts";
import { commonPrefix, comparePaths, pathFault, SLASH } from "./path.ts";
import { isUint } from "./put.ts";

/** What a push asks of its receivers beyond its entries (PROTOCOL §10.6). It comes with the first section of the manifest. */
export type Terms = {
  /**
   * "send": what differs is brought over. "check": nothing is changed, and an entry counts as different if it is missing, is of another type, or
   * has another content or link target (§10.1: every file has its digest then). "prune": no entry is brought over, only names are removed.
   */
  readonly mode: "send" | "check" | "prune";
  /** Whether names are removed at all: those inside of `listed` directories that are no entries, and `missing`. */
  readonly removes: boolean;
  /** Whether the base directory itself is `listed`: its names are all entries. */
  readonly baseListed: boolean;
  /** Whether the receivers are to tell the names that they remove, not only their number (§6.2). */
  readonly namesWanted: boolean;
  /** Whether the receivers may commit what a power failure would still undo: nothing is flushed. */
  readonly unflushed: boolean;
  /** A receiver that would remove more names than this fails instead; undefined: as many as there are. */
  readonly removesMax: number | undefined;
  /** Paths that the owner does not have, to be removed with all that is in them; in manifest order, none inside of another. */
  readonly missing: readonly Uint8Array[];
  /** Absolute path of the owner's base directory: patterns are matched against it and what follows. Empty without patterns. */
  readonly base: Uint8Array;
  /** Patterns, as of fnmatch(3) with FNM_PATHNAME, of names that do not exist for this push, on either side. */
  readonly excludes: readonly Uint8Array[];
};

/** The terms of a push that says nothing of the kind. */
export const NO_TERMS: Terms = {
  mode: "send",
  removes: false,
  baseListed: false,
  namesWanted: false,
  unflushed: false,
  removesMax: undefined,
  missing: [],
  base: new Uint8Array(),
  excludes: [],
};

/** Most bytes of terms (PROTOCOL §10.6). */
export const TERMS_BYTES_MAX = 32_768;
/** Most patterns (PROTOCOL §10.6). */
export const EXCLUDES_MAX = 1024;
/** Longest pattern, and longest path of a base, in bytes (PROTOCOL §10.6). */
export const EXCLUDE_BYTES_MAX = 4095;
const FIXED_BYTES = 12;
const LENGTH_BYTES = 2;
const COUNT_MAX = 0xffff;
/** On the wire: as many names as there are. */
const REMOVES_ANY = 0xffff_ffff;
/** Bits 0 and 1 of the flags, by position. */
const MODES = ["send", "check", "prune"] as const;
const MODE_BITS = 3;
const Flag = { removes: 4, baseListed: 8, namesWanted: 16, unflushed: 32 } as const;
const FLAGS = MODE_BITS | Flag.removes | Flag.baseListed | Flag.namesWanted | Flag.unflushed;

/** Bytes that terms take in the first section; 0 if they say nothing. More than TERMS_BYTES_MAX cannot be sent. */
export function termsBytes(terms: Terms): number {
  const { base, excludes, missing } = terms;
  const listed = [...excludes, ...missing];
  if (isSilent(terms)) return 0;
  return listed.reduce((bytes, one) => bytes + LENGTH_BYTES + one.length, FIXED_BYTES + base.length);
}

/**
 * Terms as bytes, or "long" if that would be more than TERMS_BYTES_MAX or EXCLUDES_MAX allow: what the user asks for may be too much.
 * Whatever else breaks §10.6 is our own mistake and stops the process.
 */
export function encodeTerms(terms: Terms): Uint8Array | "long" {
  const length = termsBytes(terms);
  if (length > TERMS_BYTES_MAX || terms.excludes.length > EXCLUDES_MAX) return "long";
  assert(isSound(terms), "terms that make no sense");
  const bytes = new Uint8Array(length);
  if (length === 0) return bytes;
  const { mode, removes, baseListed, namesWanted, unflushed, removesMax, missing, base, excludes } = terms;
  const view = new DataView(bytes.buffer);
  const wants = (namesWanted ? Flag.namesWanted : 0) | (unflushed ? Flag.unflushed : 0);
  const flags = (removes ? Flag.removes : 0) | (baseListed ? Flag.baseListed : 0) | wants;
  view.setUint8(0, MODES.indexOf(mode) | flags);
  view.setUint16(2, excludes.length);
  view.setUint16(4, missing.length);
  view.setUint16(6, base.length);
  view.setUint32(8, removesMax ?? REMOVES_ANY);
  bytes.set(base, FIXED_BYTES);
  let at = FIXED_BYTES + base.length;
  for (const one of [...excludes, ...missing]) {
    view.setUint16(at, one.length);
    bytes.set(one, at + LENGTH_BYTES);
    at += LENGTH_BYTES + one.length;
  }
  return bytes;
}

/** The terms in `bytes`, which are all there are of them. No bytes: NO_TERMS. The value shares no memory with them. */
export function decodeTerms(bytes: Uint8Array): Terms | Drop {
  if (bytes.length === 0) return NO_TERMS;
  if (bytes.length < FIXED_BYTES) return "short";
  if (bytes.length > TERMS_BYTES_MAX) return "long";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(0);
  const mode = MODES[flags & MODE_BITS];
  const baseLength = view.getUint16(6);
  const removesMax = view.getUint32(8);
  if (mode === undefined || (flags & ~FLAGS) !== 0 || view.getUint8(1) !== 0) return "range";
  let at = FIXED_BYTES + baseLength;
  if (at > bytes.length) return "short";
  const base = bytes.slice(FIXED_BYTES, at);
  const read = (count: number): Uint8Array[] | Drop => {
    const list: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      if (bytes.length - at < LENGTH_BYTES) return "short";
      const from = at + LENGTH_BYTES;
      at = from + view.getUint16(at);
      if (at > bytes.length) return "short";
      list.push(bytes.slice(from, at));
    }
    return list;
  };
  const excludes = read(view.getUint16(2));
  if (typeof excludes === "string") return excludes;
  const missing = read(view.getUint16(4));
  if (typeof missing === "string") return missing;
  if (at !== bytes.length) return "long";
  const terms: Terms = {
    mode,
    removes: (flags & Flag.removes) !== 0,
    baseListed: (flags & Flag.baseListed) !== 0,
    namesWanted: (flags & Flag.namesWanted) !== 0,
    unflushed: (flags & Flag.unflushed) !== 0,
    removesMax: removesMax === REMOVES_ANY ? undefined : removesMax,
    missing,
    base,
    excludes,
  };
  // Terms that say nothing are no bytes.
  return isSound(terms) && !isSilent(terms) ? terms : "range";
}

/** Whether these are the terms that need not be sent. */
function isSilent({ mode, removes, unflushed, excludes, base }: Terms): boolean {
  return mode === "send" && !removes && !unflushed && excludes.length === 0 && base.length === 0;
}

/** Whether terms keep the rules of §10.6, but for their length. */
function isSound({
  mode,
  removes,
  baseListed,
  namesWanted,
  unflushed,
  removesMax,
  missing,
  base,
  excludes,
}: Terms): boolean {
  const says = baseListed || namesWanted || removesMax !== undefined || missing.length > 0;
  if (says && !removes) return false;
  if (mode === "check" && unflushed) return false;
  if (mode === "prune" ? !removes : mode === "check" && removes) return false;
  if (removesMax !== undefined && !isUint(removesMax, REMOVES_ANY - 1)) return false;
  if (missing.length > COUNT_MAX || excludes.length > EXCLUDES_MAX) return false;
  if (excludes.length === 0 ? base.length > 0 : !isText(base) || base[0] !== SLASH) return false;
  return excludes.every(isText) && missing.every((path, i) => isApart(missing[i - 1], path));
}

/** Whether these bytes may be a pattern, or as far as that goes the path of a base. */
function isText(bytes: Uint8Array): boolean {
  return bytes.length >= 1 && bytes.length <= EXCLUDE_BYTES_MAX && !bytes.includes(0);
}

/** Whether `path` is a path, comes after `previous`, and is not inside of it. */
function isApart(previous: Uint8Array | undefined, path: Uint8Array): boolean {
  if (path.length > PATH_BYTES_MAX || pathFault(path, 0, path.length) !== undefined) return false;
  if (previous === undefined) return true;
  const inside = commonPrefix(previous, path) === previous.length && path[previous.length] === SLASH;
  return comparePaths(previous, path) < 0 && !inside;
}
