import { NAME_BYTES_MAX, SECTION_ENTRIES_MAX } from "./constants.ts";
import { checkEntry, type EntryReader, hasDigest, openReader } from "./entry.ts";
import type { Drop } from "./messages.ts";

/** What names, or paths of directories, get first. */
const TEXT_BYTES_FIRST = 32_768;

/** What a section's entries are in flat memory; indexes count in the section. Arrays may be longer than they need to be. */
export type EntryColumns = {
  /** Offsets in the section at which entries start; behind the last, where it ends. */
  readonly starts: Uint32Array;
  /** The last components of all paths, each with a NUL behind it. */
  readonly names: Uint8Array;
  /** Offsets in `names` at which they start; behind the last, where the next would. */
  readonly nameAt: Uint32Array;
  /** The paths of their directories, one after the other, each once for entries that follow one another in it, and their bytes in all. */
  readonly parents: Uint8Array;
  readonly parentsBytes: number;
  /** Offset in `parents` at which that of an entry starts, and its bytes; 0: it is directly below the base. */
  readonly parentAt: Uint32Array;
  readonly parentBytes: Uint16Array;
  /** 1: in the directory of the entry before. */
  readonly sibling: Uint8Array;
};

/** Where in a section its entries are: `count` of them, at most SECTION_ENTRIES_MAX, from offset `at` on until its end, and whether files must have a digest, else none has. */
export type EntriesPlace = { readonly at: number; readonly count: number; readonly digests: boolean };

/**
 * Checks the entries of a section, of at most EXPANDED_BYTES_MAX bytes, by every rule of §10.1 that one section can break, and makes columns of them, which are good until
 * the next call.
 */
export type ReadColumns = (section: Uint8Array, place: EntriesPlace) => EntryColumns | Drop;

/** A reader with memory of its own. The shim has another one, which does the same (native/entries.c). */
export function columnReader(): ReadColumns {
  const columns = new Columns();
  return (section, place) => columns.read(section, place);
}

class Columns {
  readonly #starts = new Uint32Array(SECTION_ENTRIES_MAX + 1);
  readonly #nameAt = new Uint32Array(SECTION_ENTRIES_MAX + 1);
  readonly #parentAt = new Uint32Array(SECTION_ENTRIES_MAX);
  readonly #parentBytes = new Uint16Array(SECTION_ENTRIES_MAX);
  readonly #sibling = new Uint8Array(SECTION_ENTRIES_MAX);
  #names: Uint8Array = new Uint8Array(TEXT_BYTES_FIRST);
  #parents: Uint8Array = new Uint8Array(TEXT_BYTES_FIRST);
  #parentsEnd = 0;

  read(section: Uint8Array, { at, count, digests }: EntriesPlace): EntryColumns | Drop {
    const reader = openReader(section, at);
    this.#parentsEnd = 0;
    for (let index = 0; index < count; index++) {
      const { at: start } = reader;
      this.#starts[index] = start;
      const fault = checkEntry(reader);
      if (fault !== undefined) return fault;
      if (reader.type === "file" && hasDigest(reader, start) !== digests) return "range";
      this.#takePath(reader, index, reader.view.getUint16(start + 32));
    }
    this.#starts[count] = reader.at;
    if (reader.at !== section.length) return "long";
    return {
      starts: this.#starts,
      names: this.#names,
      nameAt: this.#nameAt,
      parents: this.#parents,
      parentsBytes: this.#parentsEnd,
      parentAt: this.#parentAt,
      parentBytes: this.#parentBytes,
      sibling: this.#sibling,
    };
  }

  /** Keeps the path that the reader has, of which `shared` bytes are of the one before. */
  #takePath({ path, pathLength, parentBytes }: EntryReader, index: number, shared: number): void {
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
export function withRoom(bytes: Uint8Array, used: number, more: number): Uint8Array {
  if (used + more <= bytes.length) return bytes;
  const grown = new Uint8Array(2 * (used + more));
  grown.set(bytes.subarray(0, used));
  return grown;
}
