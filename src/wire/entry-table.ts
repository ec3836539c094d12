import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX, SECTION_ENTRIES_MAX } from "./constants.ts";
import { type Entry, type EntryType, entryAt, entrySizeAt, entryTypeAt } from "./entry.ts";
import {
  columnReader,
  type EntriesPlace,
  type EntryColumns,
  type ReadColumns,
  withRoom,
} from "./entry-columns.ts";
import type { Drop } from "./messages.ts";
import { SLASH } from "./path.ts";

/**
 * The entries of one section in flat memory, which the next section may use again: of a million entries that are as they should be, nobody
 * needs an object. Indexes count in the section.
 */
export class EntryTable {
  readonly #readColumns: ReadColumns;
  /** The section's bytes, a copy, and more. */
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** As of `EntryColumns`. */
  readonly #at = new Uint32Array(SECTION_ENTRIES_MAX + 1);
  readonly #nameAt = new Uint32Array(SECTION_ENTRIES_MAX + 1);
  readonly #parentAt = new Uint32Array(SECTION_ENTRIES_MAX);
  readonly #parentBytes = new Uint16Array(SECTION_ENTRIES_MAX);
  readonly #sibling = new Uint8Array(SECTION_ENTRIES_MAX);
  #names: Uint8Array = new Uint8Array(0);
  #parents: Uint8Array = new Uint8Array(0);
  #count = 0;
  #loads = 0;

  /** `readColumns`: what sections are read with; one of its own if there is none. */
  constructor(readColumns: ReadColumns = columnReader()) {
    this.#readColumns = readColumns;
  }

  /** Number of entries. */
  get count(): number {
    return this.#count;
  }

  /** How often entries were put into it: while it stays the same, so do they. */
  get loads(): number {
    return this.#loads;
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

  /** Takes the entries of a section, checked by every rule of §10.1 that one section can break. */
  load(section: Uint8Array, place: EntriesPlace): Drop | undefined {
    const { count } = place;
    const { length } = section;
    this.#count = 0;
    this.#loads++;
    assert(length <= EXPANDED_BYTES_MAX && count <= SECTION_ENTRIES_MAX, "section too large for a table");
    const columns = this.#readColumns(section, place);
    if (typeof columns === "string") return columns;
    this.#take(columns, count);
    if (this.#bytes.length < length) {
      this.#bytes = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#bytes.set(section);
    this.#count = count;
    return undefined;
  }

  type(index: number): EntryType {
    return entryTypeAt(this.#view, this.#at[index] ?? 0);
  }

  /** Bytes of a file, or number of a device. */
  size(index: number): number {
    return entrySizeAt(this.#view, this.#at[index] ?? 0);
  }

  mode(index: number): number {
    return this.#view.getUint16((this.#at[index] ?? 0) + 2);
  }

  uid(index: number): number {
    return this.#view.getUint32((this.#at[index] ?? 0) + 4);
  }

  gid(index: number): number {
    return this.#view.getUint32((this.#at[index] ?? 0) + 8);
  }

  /** Seconds of the time of modification, as their upper and their lower 32 bits. */
  secondsHigh(index: number): number {
    return this.#view.getInt32((this.#at[index] ?? 0) + 12);
  }

  secondsLow(index: number): number {
    return this.#view.getUint32((this.#at[index] ?? 0) + 16);
  }

  nanoseconds(index: number): number {
    return this.#view.getUint32((this.#at[index] ?? 0) + 20);
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
    return entryAt({ bytes: this.#bytes, view: this.#view }, this.#at[index] ?? 0, this.path(index));
  }

  /** All of them. */
  entries(): Entry[] {
    return Array.from({ length: this.#count }, (_, index) => this.entry(index));
  }

  #take(columns: EntryColumns, count: number): void {
    this.#at.set(columns.starts.subarray(0, count + 1));
    this.#nameAt.set(columns.nameAt.subarray(0, count + 1));
    this.#parentAt.set(columns.parentAt.subarray(0, count));
    this.#parentBytes.set(columns.parentBytes.subarray(0, count));
    this.#sibling.set(columns.sibling.subarray(0, count));
    const namesBytes = columns.nameAt[count] ?? 0;
    this.#names = withRoom(this.#names, 0, namesBytes);
    this.#names.set(columns.names.subarray(0, namesBytes));
    this.#parents = withRoom(this.#parents, 0, columns.parentsBytes);
    this.#parents.set(columns.parents.subarray(0, columns.parentsBytes));
  }
}
