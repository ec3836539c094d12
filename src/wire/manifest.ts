import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX, PATH_BYTES_MAX, SECTION_ENTRIES_MAX } from "./constants.ts";
import type { Drop } from "./messages.ts";
import { commonPrefix, pathFault, rank, SLASH } from "./path.ts";

/** Manifest sections in their expanded form (PROTOCOL §10.1). Compression is the caller's. */

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
  /** The permission bits, 0..0o7777. */
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

export type Section = { readonly firstEntry: number; readonly entries: readonly Entry[] };

/** Bytes of a section before its entries. */
export const SECTION_FIXED_BYTES = 8;
/** Bytes of an entry without suffix and target. */
export const ENTRY_FIXED_BYTES = 36;
/** Entry numbers are below this, which FAIL uses for "none" (PROTOCOL §6.2). */
export const ENTRIES_MAX = 0xffff_ffff;
const MODE_MAX = 0o7777;
const NANOSECONDS_MAX = 999_999_999;
/** As a user or group id this means "none", and chown(2) would leave the owner as it is. */
const ID_NONE = 0xffff_ffff;
/** High word of the largest safe integer. */
const SIZE_HIGH_MAX = 0x1f_ffff;

/**
 * Most bytes that a section (or any other block that is compressed) may have before compression, so that its frame surely fits a
 * block of `capacity` bytes (PROTOCOL §5.4, §10): Zstandard makes of n bytes at most n + n/256 + 64 (ZSTD_COMPRESSBOUND).
 */
export function rawBytesMax(capacity: number): number {
  return Math.max(0, Math.min(EXPANDED_BYTES_MAX, Math.floor(((capacity - 64) * 256) / 257)));
}

/** A section with these entries. Everything is checked: a manifest of ours that breaks §10.1 is our own mistake. */
export function encodeSection(firstEntry: number, entries: readonly Entry[]): Uint8Array {
  const writer = new SectionWriter(EXPANDED_BYTES_MAX, firstEntry);
  for (const entry of entries) assert(writer.add(entry) === "added", "entry does not fit its section");
  return writer.take().slice();
}

/** Collects entries, in the order of the manifest, into one section after the other. */
export class SectionWriter {
  readonly #limit: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = SECTION_FIXED_BYTES;
  #count = 0;
  #firstEntry: number;
  #previous: Entry | undefined;

  /** Sections have at most `limit` bytes (see `rawBytesMax`), and start at entry `firstEntry`. */
  constructor(limit: number, firstEntry = 0) {
    assert(limit >= SECTION_FIXED_BYTES && limit <= EXPANDED_BYTES_MAX, "section limit out of range");
    assert(isUint(firstEntry, ENTRIES_MAX), "first entry out of range");
    this.#limit = limit;
    this.#firstEntry = firstEntry;
    this.#bytes = new Uint8Array(limit);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Entries of the section so far. */
  get count(): number {
    return this.#count;
  }

  /** Number that the next entry will have in the manifest. */
  get nextEntry(): number {
    return this.#firstEntry + this.#count;
  }

  /**
   * Adds an entry, which must follow the one before it (`mayFollow`), whatever section that is in. "full": not added, take the
   * section first. "unfit": it cannot be sent at all, because a name, path or target is longer than §10.1 or the section allows.
   */
  add(entry: Entry): "added" | "full" | "unfit" {
    const { path, target } = entry;
    const fault = pathFault(path, 0, path.length);
    if (fault === "long" || (target?.length ?? 0) > PATH_BYTES_MAX) return "unfit";
    assert(fault === undefined, "path is not one of a manifest");
    const previous = this.#previous;
    assert(previous === undefined || mayFollow(previous, entry), "manifest out of order");
    const shared = this.#count === 0 || previous === undefined ? 0 : commonPrefix(previous.path, path);
    const bytes = ENTRY_FIXED_BYTES + path.length - shared + (target === undefined ? 0 : 2 + target.length);
    if (this.#count === SECTION_ENTRIES_MAX) return "full";
    if (bytes > this.#limit - this.#at) return this.#count === 0 ? "unfit" : "full";
    assert(this.nextEntry < ENTRIES_MAX, "too many entries");
    this.#at = writeEntry(this.#view, { at: this.#at, shared, entry });
    this.#count++;
    this.#previous = entry;
    return "added";
  }

  /** The section so far, and starts the next. The bytes are this writer's memory: they are good until the next `add`. */
  take(): Uint8Array {
    this.#view.setUint32(0, this.#firstEntry);
    this.#view.setUint16(4, this.#count);
    this.#view.setUint16(6, 0);
    const section = this.#bytes.subarray(0, this.#at);
    this.#firstEntry += this.#count;
    this.#count = 0;
    this.#at = SECTION_FIXED_BYTES;
    return section;
  }
}

/**
 * A section's entries, with every rule of §10.1 checked that one section can break. Between two sections the caller checks that
 * `firstEntry` goes on counting and that `mayFollow` holds.
 */
export function decodeSection(bytes: Uint8Array): Section | Drop {
  if (bytes.length < SECTION_FIXED_BYTES) return "short";
  if (bytes.length > EXPANDED_BYTES_MAX) return "long";
  const reader = openReader(bytes, SECTION_FIXED_BYTES);
  const firstEntry = reader.view.getUint32(0);
  const count = reader.view.getUint16(4);
  if (reader.view.getUint16(6) !== 0 || count > SECTION_ENTRIES_MAX) return "range";
  if (count === 0 ? firstEntry !== 0 : firstEntry + count > ENTRIES_MAX) return "range";
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const entry = readEntry(reader);
    if (typeof entry === "string") return entry;
    entries.push(entry);
  }
  return reader.at === bytes.length ? { firstEntry, entries } : "long";
}

/** Whether `next` may come after `previous`: its path is greater, and nothing is inside of what is not a directory. */
export function mayFollow(previous: Pick<Entry, "path" | "type">, next: Pick<Entry, "path">): boolean {
  const shared = commonPrefix(previous.path, next.path);
  return inOrder(previous.path, previous.path.length, previous.type, next.path, shared);
}

/** `mayFollow` for a path whose first `shared` bytes, and no more, are those of the previous path of `length` bytes. */
function inOrder(
  previous: Uint8Array,
  length: number,
  type: EntryType,
  next: Uint8Array,
  shared: number,
): boolean {
  // A path's descendants come right after it, so that this one look finds all that would be inside of a non-directory.
  if (shared === length) return next.length > shared && (next[shared] !== SLASH || type === "directory");
  return next.length > shared && rank(next[shared]) > rank(previous[shared]);
}

/** Bytes with entries in them while they are read; `path` holds the last path, for the next one's shared part. */
export type EntryReader = {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly path: Uint8Array;
  at: number;
  pathLength: number;
  type: EntryType;
};

/** A reader of the entries in `bytes` from offset `at` on, none of which has been read. */
export function openReader(bytes: Uint8Array, at: number): EntryReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bytes, view, path: new Uint8Array(PATH_BYTES_MAX), at, pathLength: 0, type: "file" };
}

/** The entry at `reader.at`, which moves behind it. */
export function readEntry(reader: EntryReader): Entry | Drop {
  const { bytes, view, at } = reader;
  if (bytes.length - at < ENTRY_FIXED_BYTES) return "short";
  const type = ENTRY_TYPES[view.getUint8(at) - 1];
  const mode = view.getUint16(at + 2);
  const uid = view.getUint32(at + 4);
  const gid = view.getUint32(at + 8);
  const seconds = view.getBigInt64(at + 12);
  const nanoseconds = view.getUint32(at + 20);
  const sizeHigh = view.getUint32(at + 24);
  const size = sizeHigh * 0x1_0000_0000 + view.getUint32(at + 28);
  if (type === undefined || view.getUint8(at + 1) !== 0 || mode > MODE_MAX) return "range";
  if (uid === ID_NONE || gid === ID_NONE || nanoseconds > NANOSECONDS_MAX) return "range";
  if (sizeHigh > SIZE_HIGH_MAX || (size !== 0 && type !== "file")) return "range";
  const fault = readPath(reader, type);
  if (fault !== undefined) return fault;
  const path = reader.path.slice(0, reader.pathLength);
  if (type !== "symlink")
    return { type, path, mode, uid, gid, seconds, nanoseconds, size, target: undefined };
  const target = readTarget(reader);
  if (typeof target === "string") return target;
  return { type, path, mode, uid, gid, seconds, nanoseconds, size, target };
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
  for (let i = 0; i < suffixLength; i++) path[shared + i] = bytes[suffixAt + i] ?? 0;
  let component = shared;
  while (component > 0 && path[component - 1] !== SLASH) component--;
  if (pathFault(path, component, length) !== undefined) return "range";
  reader.at = suffixAt + suffixLength;
  reader.pathLength = length;
  reader.type = type;
  return undefined;
}

/** Whether the entry that was read last may have others inside. */
function mayHold(reader: EntryReader): boolean {
  return reader.pathLength > 0 && reader.type === "directory";
}

function readTarget(reader: EntryReader): Uint8Array | Drop {
  const { bytes, view, at } = reader;
  if (bytes.length - at < 2) return "short";
  const length = view.getUint16(at);
  if (bytes.length - at - 2 < length) return "short";
  if (length === 0 || length > PATH_BYTES_MAX) return "range";
  const target = bytes.slice(at + 2, at + 2 + length);
  if (target.includes(0)) return "range";
  reader.at = at + 2 + length;
  return target;
}

/** Writes an entry, of whose path the first `shared` bytes are left out, at offset `at`. Returns the offset behind it. */
export function writeEntry(
  view: DataView,
  { at, shared, entry }: { at: number; shared: number; entry: Entry },
): number {
  const { type, path, mode, uid, gid, nanoseconds, size, target } = entry;
  assert(
    isUint(mode, MODE_MAX) && isUint(uid, ID_NONE - 1) && isUint(gid, ID_NONE - 1),
    "mode or owner out of range",
  );
  assert(
    isUint(nanoseconds, NANOSECONDS_MAX) && BigInt.asIntN(64, entry.seconds) === entry.seconds,
    "time out of range",
  );
  assert(Number.isSafeInteger(size) && size >= 0 && (size === 0 || type === "file"), "size out of range");
  assert((target !== undefined) === (type === "symlink"), "only links have a target");
  view.setUint8(at, ENTRY_TYPES.indexOf(type) + 1);
  view.setUint8(at + 1, 0);
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
  if (target === undefined) return end;
  assert(target.length > 0 && !target.includes(0), "target is not one of a link");
  view.setUint16(end, target.length);
  end += 2;
  for (const byte of target) view.setUint8(end++, byte);
  return end;
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
