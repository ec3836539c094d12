import { assert } from "./brand.ts";
import { DIGEST_BYTES, NAME_BYTES_MAX, PATH_BYTES_MAX } from "./constants.ts";
import type { Drop } from "./messages.ts";
import { DOT, rank, SLASH } from "./path.ts";
import { isUint } from "./put.ts";

/** Entries of the manifest and of amendments (PROTOCOL §10.1). */

/**
 * Types of an entry; on the wire the position here plus one. "other" is a name that the owner has, but does not send: a receiver leaves alone
 * what it has under that name.
 */
export const ENTRY_TYPES = ["file", "directory", "symlink", "fifo", "block", "character", "other"] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

/** One file, directory, link, FIFO or device of the tree (PROTOCOL §10.1). */
export type Entry = {
  readonly type: EntryType;
  /** Relative to the base, raw bytes, 1..4,095; components are separated by one `/`. */
  readonly path: Uint8Array;
  /** The permission bits, 0..0o7777. As owner and time, 0 of an "other". */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Time of modification since 1970: whole seconds, may be negative, and the part that is added to them. */
  readonly seconds: bigint;
  readonly nanoseconds: number;
  /** Bytes of a file, a safe integer. Of a device its number: major · 2^32 + minor. 0 for all other types. */
  readonly size: number;
  /** What a symbolic link says, 1..4,095 bytes; absent for all other types. */
  readonly target?: Uint8Array | undefined;
  /** XXH3-128 of a file's bytes, 16 bytes; only of files, and only when contents are to be compared (`Terms.mode` "check"). */
  readonly digest?: Uint8Array | undefined;
  /** Of a directory: every name in it is in the manifest, so that a name that a receiver has beyond them is one that the owner has not. */
  readonly listed?: boolean | undefined;
};

/** Bytes of an entry without suffix, digest and target. */
export const ENTRY_FIXED_BYTES = 36;
/** Bytes of the longest entry: a link whose path and target are as long as can be. */
export const ENTRY_BYTES_MAX = ENTRY_FIXED_BYTES + PATH_BYTES_MAX + 2 + PATH_BYTES_MAX;
/** Entry numbers are below this, which FAIL uses for "none" (PROTOCOL §6.2). */
export const ENTRIES_MAX = 0xffff_ffff;
const MODE_MAX = 0o7777;
const NANOSECONDS_MAX = 999_999_999;
const SECONDS_MAX = (1n << 63n) - 1n;
const SECONDS_MIN = -SECONDS_MAX - 1n;
/** As a user or group id this means "none", and chown(2) would leave the owner as it is. */
const ID_NONE = 0xffff_ffff;
/** High word of the largest safe integer. */
const SIZE_HIGH_MAX = 0x1f_ffff;
/** Bits of the byte after the type. */
const Flag = { digest: 1, listed: 2 } as const;

/** Bytes of an entry of whose path the first `shared` bytes are left out. */
export function entryBytes({ path, target, digest }: Entry, shared: number): number {
  return (
    ENTRY_FIXED_BYTES +
    (path.length - shared) +
    (digest === undefined ? 0 : DIGEST_BYTES) +
    (target === undefined ? 0 : 2 + target.length)
  );
}

/** Entries as they are read; `path` holds the last path, for the next one's shared part, and `parentBytes` is where the last slash in it is, or 0. */
export type EntryReader = {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly path: Uint8Array;
  at: number;
  pathLength: number;
  parentBytes: number;
  type: EntryType;
};

/** A reader of the entries in `bytes` from offset `at` on, none of which has been read. */
export function openReader(bytes: Uint8Array, at: number): EntryReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    bytes,
    view,
    path: new Uint8Array(PATH_BYTES_MAX),
    at,
    pathLength: 0,
    parentBytes: 0,
    type: "file",
  };
}

/** The entry at `reader.at`, which moves behind it. */
export function readEntry(reader: EntryReader): Entry | Drop {
  const { at } = reader;
  return checkEntry(reader) ?? entryAt(reader, at, reader.path.slice(0, reader.pathLength));
}

/** Checks the entry at `reader.at`, which moves behind it; its path and type are the reader's then. */
export function checkEntry(reader: EntryReader): Drop | undefined {
  const { bytes, view, at } = reader;
  if (bytes.length - at < ENTRY_FIXED_BYTES) return "short";
  const type = ENTRY_TYPES[view.getUint8(at) - 1];
  const flags = view.getUint8(at + 1);
  const mode = view.getUint16(at + 2);
  const uid = view.getUint32(at + 4);
  const gid = view.getUint32(at + 8);
  const nanoseconds = view.getUint32(at + 20);
  const sizeHigh = view.getUint32(at + 24);
  const hasNoSize = sizeHigh === 0 && view.getUint32(at + 28) === 0;
  const hasNoTime = view.getUint32(at + 12) === 0 && view.getUint32(at + 16) === 0 && nanoseconds === 0;
  if (type === undefined || (flags & ~flagsOf(type)) !== 0 || mode > MODE_MAX) return "range";
  if (uid === ID_NONE || gid === ID_NONE || nanoseconds > NANOSECONDS_MAX) return "range";
  if (sizeHigh > SIZE_HIGH_MAX || !(hasNoSize || hasSize(type))) return "range";
  if (type === "other" && (mode !== 0 || uid !== 0 || gid !== 0 || !hasNoTime)) return "range";
  const fault = readPath(reader, type);
  if (fault !== undefined) return fault;
  if ((flags & Flag.digest) !== 0) {
    if (bytes.length - reader.at < DIGEST_BYTES) return "short";
    reader.at += DIGEST_BYTES;
  }
  return type === "symlink" ? checkTarget(reader) : undefined;
}

/** Whether the entry at offset `at` has a digest. */
export function hasDigest({ view }: Pick<EntryReader, "view">, at: number): boolean {
  return (view.getUint8(at + 1) & Flag.digest) !== 0;
}

/** Type of the entry at offset `at`, which has been checked. */
export function entryTypeAt(view: DataView, at: number): EntryType {
  return ENTRY_TYPES[view.getUint8(at) - 1] ?? "other";
}

/** Size of the entry at offset `at`, which has been checked. */
export function entrySizeAt(view: DataView, at: number): number {
  return view.getUint32(at + 24) * 0x1_0000_0000 + view.getUint32(at + 28);
}

/** The entry at offset `at`, which has been checked, and has this path. */
export function entryAt(
  { bytes, view }: Pick<EntryReader, "bytes" | "view">,
  at: number,
  path: Uint8Array,
): Entry {
  const type = entryTypeAt(view, at);
  const flags = view.getUint8(at + 1);
  const digestAt = at + ENTRY_FIXED_BYTES + view.getUint16(at + 34);
  const targetAt = digestAt + ((flags & Flag.digest) === 0 ? 0 : DIGEST_BYTES);
  return {
    type,
    path,
    mode: view.getUint16(at + 2),
    uid: view.getUint32(at + 4),
    gid: view.getUint32(at + 8),
    seconds: view.getBigInt64(at + 12),
    nanoseconds: view.getUint32(at + 20),
    size: entrySizeAt(view, at),
    target:
      type === "symlink" ? bytes.slice(targetAt + 2, targetAt + 2 + view.getUint16(targetAt)) : undefined,
    digest: targetAt === digestAt ? undefined : bytes.slice(digestAt, targetAt),
    listed: (flags & Flag.listed) === 0 ? undefined : true,
  };
}

/** The flags that an entry of a type may have. */
function flagsOf(type: EntryType): number {
  if (type === "file") return Flag.digest;
  return type === "directory" ? Flag.listed : 0;
}

/** Whether the size of such an entry says something: a length, or the number of a device. */
function hasSize(type: EntryType): boolean {
  return type === "file" || type === "block" || type === "character";
}

/** Reads the path of the entry at `reader.at`, moves behind it, and leaves it in `reader.path`. */
function readPath(reader: EntryReader, type: EntryType): Drop | undefined {
  const { bytes, view, path } = reader;
  const shared = view.getUint16(reader.at + 32);
  const suffixLength = view.getUint16(reader.at + 34);
  const suffixAt = reader.at + ENTRY_FIXED_BYTES;
  const length = shared + suffixLength;
  if (bytes.length - suffixAt < suffixLength) return "short";
  if (suffixLength === 0 || length > PATH_BYTES_MAX || shared > reader.pathLength) return "range";
  const first = bytes[suffixAt];
  if (shared < reader.pathLength ? rank(first) <= rank(path[shared]) : first === SLASH && !mayHold(reader)) {
    // Not ascending, or `shared` is not the longest possible, or inside of what is not a directory.
    return "range";
  }
  if (!takeSuffix(reader, shared, suffixLength)) return "range";
  reader.at = suffixAt + suffixLength;
  reader.pathLength = length;
  reader.type = type;
  return undefined;
}

/**
 * Puts the suffix of the entry at `reader.at` behind the first `shared` bytes of the last path; false if that makes no path. Looked at is what has not
 * been: the suffix, and the component that it begins in.
 */
function takeSuffix(reader: EntryReader, shared: number, length: number): boolean {
  const { bytes, path, at, parentBytes } = reader;
  const suffixAt = at + ENTRY_FIXED_BYTES;
  let start = shared;
  // Most are in the directory of the one before.
  if (shared > parentBytes) start = parentBytes === 0 ? 0 : parentBytes + 1;
  else while (start > 0 && path[start - 1] !== SLASH) start--;
  for (let i = 0; i < length; i++) {
    const byte = bytes[suffixAt + i] ?? 0;
    path[shared + i] = byte;
    if (byte === 0) return false;
    if (byte !== SLASH) continue;
    if (!isComponent(path, start, shared + i)) return false;
    start = shared + i + 1;
  }
  reader.parentBytes = Math.max(0, start - 1);
  return isComponent(path, start, shared + length);
}

/** Whether bytes of a path, none of them 0 or a slash, are a component. */
function isComponent(path: Uint8Array, from: number, to: number): boolean {
  const bytes = to - from;
  if (bytes === 0 || bytes > NAME_BYTES_MAX) return false;
  return path[from] !== DOT || (bytes > 1 && (bytes > 2 || path[from + 1] !== DOT));
}

/** Whether the entry that was read last may have others inside. */
function mayHold(reader: EntryReader): boolean {
  return reader.pathLength > 0 && reader.type === "directory";
}

function checkTarget(reader: EntryReader): Drop | undefined {
  const { bytes, view, at } = reader;
  if (bytes.length - at < 2) return "short";
  const length = view.getUint16(at);
  if (bytes.length - at - 2 < length) return "short";
  if (length === 0 || length > PATH_BYTES_MAX) return "range";
  if (bytes.subarray(at + 2, at + 2 + length).includes(0)) return "range";
  reader.at = at + 2 + length;
  return undefined;
}

/** Writes an entry, of whose path the first `shared` bytes are left out, at offset `at`. Returns the offset behind it. */
export function writeEntry(
  view: DataView,
  { at, shared, entry }: { at: number; shared: number; entry: Entry },
): number {
  const { type, path, mode, uid, gid, nanoseconds, size, target, digest, listed } = entry;
  assertEntry(entry);
  view.setUint8(at, ENTRY_TYPES.indexOf(type) + 1);
  view.setUint8(at + 1, (digest === undefined ? 0 : Flag.digest) | (listed === true ? Flag.listed : 0));
  view.setUint16(at + 2, mode);
  view.setUint32(at + 4, uid);
  view.setUint32(at + 8, gid);
  view.setBigInt64(at + 12, entry.seconds);
  view.setUint32(at + 20, nanoseconds);
  view.setUint32(at + 24, Math.floor(size / 0x1_0000_0000));
  view.setUint32(at + 28, size % 0x1_0000_0000);
  view.setUint16(at + 32, shared);
  view.setUint16(at + 34, path.length - shared);
  let end = at + ENTRY_FIXED_BYTES;
  for (let i = shared; i < path.length; i++) view.setUint8(end++, path[i] ?? 0);
  if (digest !== undefined) for (const byte of digest) view.setUint8(end++, byte);
  if (target === undefined) return end;
  view.setUint16(end, target.length);
  end += 2;
  for (const byte of target) view.setUint8(end++, byte);
  return end;
}

/** Stops at an entry, its path apart, that §10.1 does not allow. */
function assertEntry(entry: Entry): void {
  const { type, mode, uid, gid, seconds, nanoseconds, size, target, digest, listed } = entry;
  assert(
    isUint(mode, MODE_MAX) && isUint(uid, ID_NONE - 1) && isUint(gid, ID_NONE - 1),
    "mode or owner out of range",
  );
  assert(
    isUint(nanoseconds, NANOSECONDS_MAX) && seconds >= SECONDS_MIN && seconds <= SECONDS_MAX,
    "time out of range",
  );
  assert(Number.isSafeInteger(size) && size >= 0 && (size === 0 || hasSize(type)), "size out of range");
  assert(
    type !== "other" || (mode === 0 && uid === 0 && gid === 0 && seconds === 0n && nanoseconds === 0),
    "name that is not sent has attributes",
  );
  assert((target !== undefined) === (type === "symlink"), "only links have a target");
  assert(target === undefined || (target.length > 0 && !target.includes(0)), "target is not one of a link");
  assert(
    digest === undefined || (type === "file" && digest.length === DIGEST_BYTES),
    "digest of a wrong size, or not of a file",
  );
  assert(listed !== true || type === "directory", "only directories are listed");
}
