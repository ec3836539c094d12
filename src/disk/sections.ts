import { sameBytes } from "../wire/bitmap.ts";
import { assert } from "../wire/brand.ts";
import type { ReadColumns } from "../wire/entry-columns.ts";
import { EntryTable } from "../wire/entry-table.ts";
import { decodeTable, type Entry, type TableSection } from "../wire/manifest.ts";
import type { Drop } from "../wire/messages.ts";
import { comparePaths } from "../wire/path.ts";
import { NO_TERMS, type Terms } from "../wire/terms.ts";
import { join } from "./names.ts";
import { StreamWalk } from "./stream-walk.ts";
import type { Latin1 } from "./sys.ts";
import type { Zstd } from "./zstd.ts";

/** Entry of `sizes` that is not a file. */
export const NOT_A_FILE = -1;
/** After so many sections have been gone through, what was made of their entries may be freed: about a hundred megabytes. */
const FREE_AFTER_SECTIONS = 48;
/** Expanded sections that are kept, for a walk and a look back. */
const EXPANDED_KEPT = 2;

type Kept = {
  /** Compressed: about 15 bytes an entry, where the entries as objects would be 500. */
  readonly frame: Uint8Array;
  readonly firstEntry: number;
  /** Number of entries. */
  readonly length: number;
  /** For each entry the size of a file, or NOT_A_FILE; undefined while nobody has asked: most sections of most pushes have nothing to send. */
  sizes: Float64Array | undefined;
  /** Which entries are in the content stream; undefined: none. */
  plan: Uint8Array | undefined;
};

export type SectionsTools = {
  readonly zstd: Zstd;
  /** Reads entries; undefined: each table by itself. */
  readonly readColumns?: ReadColumns | undefined;
  readonly freeMemory: () => void;
};

/** A manifest in little memory: sections stay compressed and are expanded again when they are looked at. */
export class Sections {
  readonly #zstd: Zstd;
  readonly #readColumns: ReadColumns | undefined;
  readonly #freeMemory: () => void;
  #gone = 0;
  readonly #kept: Kept[] = [];
  readonly #expanded = new Map<number, EntryTable>();
  /** A table that is not in use. */
  #spare: EntryTable | undefined;
  #entries = 0;
  /** The section in which an entry was found last: most look-ups are in the same. */
  #located = 0;
  /** Those of the push (PROTOCOL §10.6). */
  terms: Terms = NO_TERMS;

  constructor({ zstd, readColumns, freeMemory }: SectionsTools) {
    this.#zstd = zstd;
    this.#readColumns = readColumns;
    this.#freeMemory = freeMemory;
  }

  /** Number of sections. */
  get count(): number {
    return this.#kept.length;
  }

  /** Number of entries in all sections. */
  get entries(): number {
    return this.#entries;
  }

  /** Looks at a section, which `add` may take then. The table is good until another section is looked at. */
  decode(raw: Uint8Array): (TableSection & { readonly table: EntryTable }) | Drop {
    const table = this.#spare ?? new EntryTable(this.#readColumns);
    this.#spare = table;
    const section = decodeTable(raw, table, this.terms);
    return typeof section === "string" ? section : { ...section, table };
  }

  /** Adds the next section, of `length` entries, which has been checked; the frame is copied. `table`: what `decode` has made of it. */
  add(frame: Uint8Array, length: number, table?: EntryTable): void {
    assert(
      table === undefined || (table === this.#spare && table.count === length),
      "another section's table",
    );
    this.#kept.push({
      frame: frame.slice(),
      firstEntry: this.#entries,
      length,
      sizes: undefined,
      plan: undefined,
    });
    this.#entries += length;
    this.#goOn();
    if (table !== undefined) this.#remember(this.count - 1, table);
  }

  firstEntry(section: number): number {
    return this.#at(section).firstEntry;
  }

  /** Number of entries of a section. */
  length(section: number): number {
    return this.#at(section).length;
  }

  /** The entries of a section. The table is good until another section is read. */
  read(section: number): EntryTable {
    const known = this.#expanded.get(section);
    if (known !== undefined) return known;
    const expanded = this.#zstd.expand(this.#at(section).frame);
    const decoded = expanded === undefined ? "short" : this.decode(expanded);
    assert(typeof decoded !== "string", "a section that was good cannot be read again");
    this.#remember(section, decoded.table);
    this.#goOn();
    return decoded.table;
  }

  entry(section: number, index: number): Entry {
    return this.read(section).entry(index);
  }

  /** Path of an entry. */
  path(section: number, index: number): Latin1 {
    return tablePath(this.read(section), index);
  }

  /** Where an entry of the manifest is. The number must be one. */
  locate(number: number): { section: number; index: number } {
    const last = this.#kept[this.#located];
    const inLast = last !== undefined && number >= last.firstEntry && number - last.firstEntry < last.length;
    if (!inLast) this.#located = this.#search(number);
    const { firstEntry, length } = this.#at(this.#located);
    const index = number - firstEntry;
    assert(index >= 0 && index < length, "no such entry");
    return { section: this.#located, index };
  }

  /** The last section that starts at an entry or before it. */
  #search(number: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.firstEntry(middle) <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Number of the entry with this path. */
  find(path: Uint8Array): number | undefined {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const table = this.read(middle);
      if (table.count > 0 && comparePaths(table.entry(0).path, path) <= 0) low = middle;
      else high = middle - 1;
    }
    if (this.count === 0) return undefined;
    const table = this.read(low);
    for (let index = 0; index < table.count; index++) {
      if (sameBytes(table.path(index), path)) return this.firstEntry(low) + index;
    }
    return undefined;
  }

  /** Bytes of a file, or NOT_A_FILE. */
  size(section: number, index: number): number {
    return this.sizes(section)[index] ?? NOT_A_FILE;
  }

  setPlan(section: number, plan: Uint8Array | undefined): void {
    this.#at(section).plan = plan;
  }

  plan(section: number): Uint8Array | undefined {
    return this.#at(section).plan;
  }

  /** A walk over the files of the plan, in stream order. */
  stream(): StreamWalk {
    return new StreamWalk(this);
  }

  /** Another section: what was made of earlier ones is not needed any more. */
  #goOn(): void {
    if (++this.#gone % FREE_AFTER_SECTIONS === 0) this.#freeMemory();
  }

  /** For each entry of a section the bytes of a file, or NOT_A_FILE. */
  sizes(section: number): Float64Array {
    const kept = this.#at(section);
    kept.sizes ??= sizesOf(this.read(section));
    return kept.sizes;
  }

  #at(section: number): Kept {
    const kept = this.#kept[section];
    assert(kept !== undefined, "no such section");
    return kept;
  }

  #remember(section: number, table: EntryTable): void {
    this.#spare = undefined;
    this.#expanded.set(section, table);
    for (const [oldest, unused] of this.#expanded) {
      if (this.#expanded.size <= EXPANDED_KEPT) return;
      this.#expanded.delete(oldest);
      this.#spare = unused;
    }
  }
}

/** Path of an entry of a table. */
export function tablePath(table: EntryTable, index: number): Latin1 {
  return join(tableParent(table, index), tableName(table, index));
}

/** Path of the directory that it is in. */
export function tableParent(table: EntryTable, index: number): Latin1 {
  const at = table.parentStart(index);
  return latin1(table.parents, at, at + table.parentBytes(index));
}

/** The last component of its path. */
export function tableName(table: EntryTable, index: number): Latin1 {
  return latin1(table.names, table.nameStart(index), table.nameEnd(index));
}

function latin1(bytes: Uint8Array, from: number, to: number): Latin1 {
  return Buffer.prototype.toString.call(bytes, "latin1", from, to);
}

function sizesOf(table: EntryTable): Float64Array {
  const sizes = new Float64Array(table.count);
  for (let index = 0; index < sizes.length; index++)
    sizes[index] = table.type(index) === "file" ? table.size(index) : NOT_A_FILE;
  return sizes;
}
