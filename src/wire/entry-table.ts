import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX, SECTION_ENTRIES_MAX } from "./constants.ts";
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

const PATHS_BYTES_FIRST = 65_536;

/**
 * The entries of one section in flat memory, which the next section may use again: of a million entries that are as they should be, nobody
 * needs an object. Indexes count in the section.
 */
export class EntryTable {
  /** The section's bytes, a copy. */
  #bytes = new Uint8Array(0);
  #reader: EntryReader = openReader(this.#bytes, 0);
  /** Where entries start. */
  readonly #at = new Uint32Array(SECTION_ENTRIES_MAX);
  /** Where paths end, each behind the one before. */
  readonly #pathEnd = new Uint32Array(SECTION_ENTRIES_MAX);
  /** Of each path its bytes before the last slash. */
  readonly #parentBytes = new Uint16Array(SECTION_ENTRIES_MAX);
  /** 1: in the directory of the entry before. */
  readonly #sibling = new Uint8Array(SECTION_ENTRIES_MAX);
  #paths = new Uint8Array(PATHS_BYTES_FIRST);
  #count = 0;

  /** Number of entries. */
  get count(): number {
    return this.#count;
  }

  /** All paths, one after the other. */
  get paths(): Uint8Array {
    return this.#paths;
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
    let pathsEnd = 0;
    for (let index = 0; index < count; index++) {
      const { at: start } = reader;
      this.#at[index] = start;
      const fault = checkEntry(reader);
      if (fault !== undefined) return fault;
      if (reader.type === "file" && hasDigest(reader, start) !== digests) return "range";
      pathsEnd = this.#takePath(index, pathsEnd, reader.view.getUint16(start + 32));
    }
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

  /** Offset in `paths` at which an entry's path starts. */
  pathStart(index: number): number {
    return index === 0 ? 0 : (this.#pathEnd[index - 1] ?? 0);
  }

  /** Offset behind it. */
  pathEnd(index: number): number {
    return this.#pathEnd[index] ?? 0;
  }

  /** Bytes of the path of the directory that an entry is in; 0: it is directly below the base. */
  parentBytes(index: number): number {
    return this.#parentBytes[index] ?? 0;
  }

  /** Offset in `paths` at which the last component of an entry's path starts. */
  nameStart(index: number): number {
    const parent = this.parentBytes(index);
    return this.pathStart(index) + (parent === 0 ? 0 : parent + 1);
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
    const path = this.#paths.slice(this.pathStart(index), this.pathEnd(index));
    return entryAt(this.#reader, this.#at[index] ?? 0, path);
  }

  /** All of them. */
  entries(): Entry[] {
    return Array.from({ length: this.#count }, (_, index) => this.entry(index));
  }

  /** Keeps the path that the reader has, of which `shared` bytes are of the one before; returns where it ends. */
  #takePath(index: number, start: number, shared: number): number {
    const { path, pathLength } = this.#reader;
    const end = start + pathLength;
    if (end > this.#paths.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.#paths.subarray(0, start));
      this.#paths = grown;
    }
    const paths = this.#paths;
    let parent = 0;
    for (let i = 0; i < pathLength; i++) {
      const byte = path[i] ?? 0;
      paths[start + i] = byte;
      if (byte === SLASH) parent = i;
    }
    this.#pathEnd[index] = end;
    this.#parentBytes[index] = parent;
    const before = index === 0 ? -1 : (this.#parentBytes[index - 1] ?? 0);
    // Of one directory are two paths with as many bytes before the last slash, if they share those.
    this.#sibling[index] = parent === before && (parent === 0 || shared > parent) ? 1 : 0;
    return end;
  }
}
