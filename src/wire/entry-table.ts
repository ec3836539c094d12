import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX, NAME_BYTES_MAX, SECTION_ENTRIES_MAX } from "./constants.ts";
import {
  checkEntry,
  type Entry,
  type EntryReader,
  type EntryType,
  entryAt,
  entrySizeAt,
  entryTypeAt,
  hasDigest,
  openReader,
} from "./entry.ts";
import type { Drop } from "./messages.ts";
import { SLASH } from "./path.ts";

/** What names, or paths of directories, get first. */
const TEXT_BYTES_FIRST = 32_768;

/**
 * The entries of one section in flat memory, which the next section may use again: of a million entries that are as they should be, nobody
 * needs an object. Indexes count in the section.
 */
export class EntryTable {
  /** The section's bytes, a copy. */
  #bytes = new Uint8Array(0);
  #reader: EntryReader = openReader(this.#bytes, 0);
  /** Where entries start; behind the last, where it ends. */
  readonly #at = new Uint32Array(SECTION_ENTRIES_MAX + 1);
  /** The last components of all paths, each with a NUL behind it, and where they start. */
  #names: Uint8Array = new Uint8Array(TEXT_BYTES_FIRST);
  readonly #nameAt = new Uint32Array(SECTION_ENTRIES_MAX + 1);
  /** The paths of their directories, one after the other, each once for entries that follow one another in it; and where an entry's starts. */
  #parents: Uint8Array = new Uint8Array(TEXT_BYTES_FIRST);
  readonly #parentAt = new Uint32Array(SECTION_ENTRIES_MAX);
  /** Bytes of it. */
  readonly #parentBytes = new Uint16Array(SECTION_ENTRIES_MAX);
  #parentsEnd = 0;
  /** 1: in the directory of the entry before. */
  readonly #sibling = new Uint8Array(SECTION_ENTRIES_MAX);
  #count = 0;

  /** Number of entries. */
  get count(): number {
    return this.#count;
  }

  /** The entries as they came (PROTOCOL §10.1), one after the other, and where each of them starts. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get starts(): Uint32Array {
    return this.#at;
  }

  /** The last components of all paths, one after the other, each with a NUL behind it. */
  get names(): Uint8Array {
    return this.#names;
  }

  /** The paths of directories that entries are in. */
  get parents(): Uint8Array {
    return this.#parents;
  }

  /** Takes `count` entries from the end of a section, from offset `at` on, checked by every rule of §10.1 that one section can break. */
  load(
    section: Uint8Array,
    { at, count, digests }: { at: number; count: number; digests: boolean },
  ): Drop | undefined {
    this.#count = 0;
    const { length } = section;
    assert(length <= EXPANDED_BYTES_MAX && count <= SECTION_ENTRIES_MAX, "section too large for a table");
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    this.#bytes.set(section);
    const reader = { ...openReader(this.#bytes.subarray(0, length), at), path: this.#reader.path };
    this.#reader = reader;
    this.#parentsEnd = 0;
    for (let index = 0; index < count; index++) {
      const { at: start } = reader;
      this.#at[index] = start;
      const fault = checkEntry(reader);
      if (fault !== undefined) return fault;
      if (reader.type === "file" && hasDigest(reader, start) !== digests) return "range";
      this.#takePath(index, reader.view.getUint16(start + 32));
    }
    this.#at[count] = reader.at;
    if (reader.at !== length) return "long";
    this.#count = count;
    return undefined;
  }

  type(index: number): EntryType {
    return entryTypeAt(this.#reader.view, this.#at[index] ?? 0);
  }

  /** Bytes of a file, or number of a device. */
  size(index: number): number {
    return entrySizeAt(this.#reader.view, this.#at[index] ?? 0);
  }

  mode(index: number): number {
    return this.#reader.view.getUint16((this.#at[index] ?? 0) + 2);
  }

  uid(index: number): number {
    return this.#reader.view.getUint32((this.#at[index] ?? 0) + 4);
  }

  gid(index: number): number {
    return this.#reader.view.getUint32((this.#at[index] ?? 0) + 8);
  }

  /** Seconds of the time of modification, as their upper and their lower 32 bits. */
  secondsHigh(index: number): number {
    return this.#reader.view.getInt32((this.#at[index] ?? 0) + 12);
  }

  secondsLow(index: number): number {
    return this.#reader.view.getUint32((this.#at[index] ?? 0) + 16);
  }

  nanoseconds(index: number): number {
    return this.#reader.view.getUint32((this.#at[index] ?? 0) + 20);
  }

  /** Offset in `names` at which an entry's name starts; of `count`: behind the last. */
  nameStart(index: number): number {
    return this.#nameAt[index] ?? 0;
  }

  /** Offset in `names` behind it, where its NUL is. */
  nameEnd(index: number): number {
    return (this.#nameAt[index + 1] ?? 0) - 1;
  }

  /** Offset in `parents` at which the path of the directory starts that an entry is in. */
  parentStart(index: number): number {
    return this.#parentAt[index] ?? 0;
  }

  /** Bytes of that path; 0: it is directly below the base. */
  parentBytes(index: number): number {
    return this.#parentBytes[index] ?? 0;
  }

  /** An entry's path, in memory of its own. */
  path(index: number): Uint8Array {
    const parent = this.parentBytes(index);
    const start = parent === 0 ? 0 : parent + 1;
    const [from, to] = [this.nameStart(index), this.nameEnd(index)];
    const path = new Uint8Array(start + to - from);
    if (parent > 0) {
      const at = this.parentStart(index);
      path.set(this.#parents.subarray(at, at + parent));
      path[parent] = SLASH;
    }
    path.set(this.#names.subarray(from, to), start);
    return path;
  }

  /** Index behind the entries that follow one and are in the same directory, itself included. */
  siblingsEnd(index: number): number {
    let end = index + 1;
    while (end < this.#count && this.#sibling[end] === 1) end++;
    return end;
  }

  /** Whether all entries from one to a later one, both included, are in one directory. */
  inOneDirectory(from: number, to: number): boolean {
    for (let index = from + 1; index <= to; index++) if (this.#sibling[index] !== 1) return false;
    return true;
  }

  /** An entry as a value that shares no memory with the table. */
  entry(index: number): Entry {
    assert(index >= 0 && index < this.#count, "entry outside its section");
    return entryAt(this.#reader, this.#at[index] ?? 0, this.path(index));
  }

  /** All of them. */
  entries(): Entry[] {
    return Array.from({ length: this.#count }, (_, index) => this.entry(index));
  }

  /** Keeps the path that the reader has, of which `shared` bytes are of the one before. */
  #takePath(index: number, shared: number): void {
    const { path, pathLength, parentBytes } = this.#reader;
    const before = index === 0 ? -1 : (this.#parentBytes[index - 1] ?? 0);
    // Of one directory are two paths with as many bytes before the last slash, if they share those.
    const sibling = parentBytes === before && (parentBytes === 0 || shared > parentBytes);
    this.#sibling[index] = sibling ? 1 : 0;
    this.#parentBytes[index] = parentBytes;
    if (sibling) this.#parentAt[index] = this.#parentAt[index - 1] ?? 0;
    else this.#takeParent(index, path, parentBytes);
    let end = index === 0 ? 0 : (this.#nameAt[index] ?? 0);
    this.#names = withRoom(this.#names, end, NAME_BYTES_MAX + 1);
    const names = this.#names;
    for (let i = parentBytes === 0 ? 0 : parentBytes + 1; i < pathLength; i++) names[end++] = path[i] ?? 0;
    names[end++] = 0;
    this.#nameAt[index + 1] = end;
  }

  #takeParent(index: number, path: Uint8Array, bytes: number): void {
    const at = this.#parentsEnd;
    this.#parents = withRoom(this.#parents, at, bytes);
    this.#parents.set(path.subarray(0, bytes), at);
    this.#parentAt[index] = at;
    this.#parentsEnd = at + bytes;
  }
}

/** The same memory, or a larger copy, so that behind its first `used` bytes there is room for `more`. */
function withRoom(bytes: Uint8Array, used: number, more: number): Uint8Array {
  if (used + more <= bytes.length) return bytes;
  const grown = new Uint8Array(2 * (used + more));
  grown.set(bytes.subarray(0, used));
  return grown;
}
