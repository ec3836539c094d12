import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX, PATH_BYTES_MAX, SECTION_ENTRIES_MAX } from "./constants.ts";
import { ENTRIES_MAX, ENTRY_BYTES_MAX, type Entry, type EntryType, entryBytes, writeEntry } from "./entry.ts";
import { EntryTable } from "./entry-table.ts";
import type { Drop } from "./messages.ts";
import { commonPrefix, pathFault, rank, SLASH } from "./path.ts";
import { isUint } from "./put.ts";
import { decodeTerms, encodeTerms, NO_TERMS, TERMS_BYTES_MAX, type Terms } from "./terms.ts";

/** Manifest sections in their expanded form (PROTOCOL §10.1). Compression is the caller's. */

export type { Entry, EntryType } from "./entry.ts";
export { ENTRY_TYPES } from "./entry.ts";

/** `terms` are those of the push, which come with the section whose `firstEntry` is 0. */
export type Section = {
  readonly firstEntry: number;
  readonly terms: Terms;
  readonly entries: readonly Entry[];
};

/** Bytes of a section before its terms and entries. */
export const SECTION_FIXED_BYTES = 8;
/**
 * Most bytes that a section (or any other block that is compressed) may have before compression, so that its frame surely fits a
 * block of `capacity` bytes (PROTOCOL §5.4, §10): Zstandard makes of n bytes at most n + n/256 + 64 (ZSTD_COMPRESSBOUND).
 */
export function rawBytesMax(capacity: number): number {
  return Math.max(0, Math.min(EXPANDED_BYTES_MAX, Math.floor(((capacity - 64) * 256) / 257)));
}

/** Most bytes of terms for which a section of `limit` bytes has room, whatever its first entry is; maybe 0. */
export function termsRoom(limit: number): number {
  return Math.max(0, Math.min(TERMS_BYTES_MAX, limit - SECTION_FIXED_BYTES - ENTRY_BYTES_MAX));
}

/** A section with these entries, of a push with these terms. Everything is checked: a manifest of ours that breaks §10.1 is our own mistake. */
export function encodeSection(
  firstEntry: number,
  entries: readonly Entry[],
  terms: Terms = NO_TERMS,
): Uint8Array {
  const writer = new SectionWriter(EXPANDED_BYTES_MAX, { firstEntry, terms });
  for (const entry of entries) assert(writer.add(entry) === "added", "entry does not fit its section");
  return writer.take().slice();
}

/** Collects entries, in the order of the manifest, into one section after the other. */
export class SectionWriter {
  readonly #limit: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Whether files have a digest: all or none (PROTOCOL §10.6). */
  readonly #digests: boolean;
  #at = SECTION_FIXED_BYTES;
  #termsBytes = 0;
  #count = 0;
  #firstEntry: number;
  #previous: Pick<Entry, "path" | "type"> | undefined;
  /** The path that `follows` has looked at last, and how much of it is the previous one's. */
  #looked: Uint8Array | undefined;
  #shared = 0;

  /**
   * Sections have at most `limit` bytes (see `rawBytesMax`), and start at entry `firstEntry`, usually 0. `terms` are those of the push: they
   * go into the section that starts at entry 0, which must have the room (see `termsRoom` and `termsBytes`).
   */
  constructor(limit: number, options: { readonly firstEntry?: number; readonly terms?: Terms } = {}) {
    const { firstEntry = 0, terms = NO_TERMS } = options;
    assert(limit >= SECTION_FIXED_BYTES && limit <= EXPANDED_BYTES_MAX, "section limit out of range");
    assert(isUint(firstEntry, ENTRIES_MAX), "first entry out of range");
    this.#limit = limit;
    this.#firstEntry = firstEntry;
    this.#digests = terms.mode === "check";
    this.#bytes = new Uint8Array(limit);
    this.#view = new DataView(this.#bytes.buffer);
    if (firstEntry > 0) return;
    const encoded = encodeTerms(terms);
    assert(encoded !== "long" && encoded.length <= limit - this.#at, "terms do not fit their section");
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
    this.#termsBytes = encoded.length;
  }

  /** Entries of the section so far. */
  get count(): number {
    return this.#count;
  }

  /** Number that the next entry will have in the manifest. */
  get nextEntry(): number {
    return this.#firstEntry + this.#count;
  }

  /** Whether an entry with this path may come next (`mayFollow`). */
  follows({ path }: Pick<Entry, "path">): boolean {
    const previous = this.#previous;
    const shared = previous === undefined ? 0 : commonPrefix(previous.path, path);
    const follows =
      previous === undefined || inOrder(previous.path, previous.path.length, previous.type, path, shared);
    this.#looked = follows ? path : undefined;
    this.#shared = shared;
    return follows;
  }

  /**
   * Adds an entry, which must follow the one before it (`mayFollow`), whatever section that is in. "full": not added, take the
   * section first. "unfit": it cannot be sent at all, because a name, path or target is longer than §10.1 or the section allows.
   */
  add(entry: Entry): "added" | "full" | "unfit" {
    const { path, target } = entry;
    assert(this.#looked === path || this.follows(entry), "manifest out of order");
    // What it shares with the previous path has been looked at before, but for the component that may have become longer.
    const fault = pathFault(path, componentAt(path, this.#shared), path.length);
    if (fault === "long" || (target?.length ?? 0) > PATH_BYTES_MAX) return "unfit";
    assert(fault === undefined, "path is not one of a manifest");
    assert(
      entry.type !== "file" || (entry.digest !== undefined) === this.#digests,
      "file with a digest, or without one, against the terms",
    );
    const shared = this.#count === 0 ? 0 : this.#shared;
    const bytes = entryBytes(entry, shared);
    if (this.#count === SECTION_ENTRIES_MAX) return "full";
    if (bytes > this.#limit - this.#at) return this.#count === 0 ? "unfit" : "full";
    assert(this.nextEntry < ENTRIES_MAX, "too many entries");
    this.#at = writeEntry(this.#view, { at: this.#at, shared, entry });
    this.#count++;
    this.#previous = entry;
    this.#looked = undefined;
    return "added";
  }

  /** Bytes that the section still has room for, and entries; none before it has its first. */
  get room(): { readonly bytes: number; readonly entries: number } {
    if (this.#count === 0) return { bytes: 0, entries: 0 };
    const entries = Math.min(SECTION_ENTRIES_MAX - this.#count, ENTRIES_MAX - this.nextEntry);
    return { bytes: this.#limit - this.#at, entries };
  }

  /**
   * Adds entries in the form of §10.1 as they are: the first follows the last one of this section, and they have `room`. The last of them has that path and nothing
   * inside of it.
   */
  addWritten(bytes: Uint8Array, { count, lastPath }: { count: number; lastPath: Uint8Array }): void {
    const { room } = this;
    assert(count > 0 && count <= room.entries && bytes.length <= room.bytes, "entries have no room");
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    this.#count += count;
    this.#previous = { path: lastPath, type: "file" };
    this.#looked = undefined;
  }

  /** The section so far, and starts the next. The bytes are this writer's memory: they are good until the next `add`. */
  take(): Uint8Array {
    this.#view.setUint32(0, this.#firstEntry);
    this.#view.setUint16(4, this.#count);
    this.#view.setUint16(6, this.#termsBytes);
    const section = this.#bytes.subarray(0, this.#at);
    this.#firstEntry += this.#count;
    this.#count = 0;
    this.#termsBytes = 0;
    this.#at = SECTION_FIXED_BYTES;
    return section;
  }
}

/** What a section says besides its entries, which are in a table. */
export type TableSection = Omit<Section, "entries">;

/** A section's entries, all at once: as `decodeTable`. */
export function decodeSection(bytes: Uint8Array, terms: Terms = NO_TERMS): Section | Drop {
  const table = new EntryTable();
  const section = decodeTable(bytes, table, terms);
  return typeof section === "string" ? section : { ...section, entries: table.entries() };
}

/**
 * Puts a section's entries into a table, with every rule of §10.1 checked that one section can break, and the terms of the push: those that come with it if its
 * `firstEntry` is 0, else `terms`, which the caller got with that one. (The terms say whether files have a digest.) Between two sections the
 * caller checks that `firstEntry` goes on counting and that `mayFollow` holds.
 */
export function decodeTable(
  bytes: Uint8Array,
  table: EntryTable,
  terms: Terms = NO_TERMS,
): TableSection | Drop {
  if (bytes.length < SECTION_FIXED_BYTES) return "short";
  if (bytes.length > EXPANDED_BYTES_MAX) return "long";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const firstEntry = view.getUint32(0);
  const count = view.getUint16(4);
  const at = SECTION_FIXED_BYTES + view.getUint16(6);
  if (count > SECTION_ENTRIES_MAX || (firstEntry !== 0 && at > SECTION_FIXED_BYTES)) return "range";
  if (count === 0 ? firstEntry !== 0 : firstEntry + count > ENTRIES_MAX) return "range";
  if (bytes.length < at) return "short";
  const said = firstEntry === 0 ? decodeTerms(bytes.subarray(SECTION_FIXED_BYTES, at)) : terms;
  if (typeof said === "string") return said;
  return table.load(bytes, { at, count, digests: said.mode === "check" }) ?? { firstEntry, terms: said };
}

/** Where the component starts that the byte at `at` is in. */
function componentAt(path: Uint8Array, at: number): number {
  let start = at;
  while (start > 0 && path[start - 1] !== SLASH) start--;
  return start;
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
