import { getBit } from "../wire/bitmap.ts";
import { assert } from "../wire/brand.ts";
import { decodeSection, type Entry } from "../wire/manifest.ts";
import { comparePaths } from "../wire/path.ts";
import { NO_TERMS, type Terms } from "../wire/terms.ts";
import type { Zstd } from "./zstd.ts";

/** A file of the content stream (PROTOCOL §10.3). */
export type StreamFile = {
  readonly section: number;
  /** In the section. */
  readonly index: number;
  /** In the manifest. */
  readonly number: number;
  readonly size: number;
};

/** Entry of `sizes` that is not a file. */
export const NOT_A_FILE = -1;
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

/** A manifest in little memory: sections stay compressed and are expanded again when they are looked at. */
export class Sections {
  readonly #zstd: Zstd;
  readonly #kept: Kept[] = [];
  readonly #expanded = new Map<number, readonly Entry[]>();
  #entries = 0;
  /** Those of the push (PROTOCOL §10.6). */
  terms: Terms = NO_TERMS;

  constructor(zstd: Zstd) {
    this.#zstd = zstd;
  }

  /** Number of sections. */
  get count(): number {
    return this.#kept.length;
  }

  /** Number of entries in all sections. */
  get entries(): number {
    return this.#entries;
  }

  /** Adds the next section, which has been checked; the frame is copied. */
  add(frame: Uint8Array, entries: readonly Entry[]): void {
    const { length } = entries;
    this.#kept.push({
      frame: frame.slice(),
      firstEntry: this.#entries,
      length,
      sizes: undefined,
      plan: undefined,
    });
    this.#entries += entries.length;
    this.#remember(this.count - 1, entries);
  }

  firstEntry(section: number): number {
    return this.#at(section).firstEntry;
  }

  /** Number of entries of a section. */
  length(section: number): number {
    return this.#at(section).length;
  }

  /** The entries of a section. */
  read(section: number): readonly Entry[] {
    const known = this.#expanded.get(section);
    if (known !== undefined) return known;
    const expanded = this.#zstd.expand(this.#at(section).frame);
    const decoded = expanded === undefined ? "short" : decodeSection(expanded, this.terms);
    assert(typeof decoded !== "string", "a section that was good cannot be read again");
    this.#remember(section, decoded.entries);
    return decoded.entries;
  }

  entry(section: number, index: number): Entry {
    const entry = this.read(section)[index];
    assert(entry !== undefined, "entry outside its section");
    return entry;
  }

  /** Where an entry of the manifest is. The number must be one. */
  locate(number: number): { section: number; index: number } {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.firstEntry(middle) <= number) low = middle;
      else high = middle - 1;
    }
    const index = number - this.firstEntry(low);
    assert(number >= 0 && index < this.length(low), "no such entry");
    return { section: low, index };
  }

  /** Number of the entry with this path. */
  find(path: Uint8Array): number | undefined {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const first = this.read(middle)[0];
      if (first !== undefined && comparePaths(first.path, path) <= 0) low = middle;
      else high = middle - 1;
    }
    if (this.count === 0) return undefined;
    const index = this.read(low).findIndex((entry) => comparePaths(entry.path, path) === 0);
    return index < 0 ? undefined : this.firstEntry(low) + index;
  }

  /** Bytes of a file, or NOT_A_FILE. */
  size(section: number, index: number): number {
    return this.#sizes(section)[index] ?? NOT_A_FILE;
  }

  setPlan(section: number, plan: Uint8Array | undefined): void {
    this.#at(section).plan = plan;
  }

  plan(section: number): Uint8Array | undefined {
    return this.#at(section).plan;
  }

  /** The files of the plan in stream order. */
  *stream(): Generator<StreamFile, void, undefined> {
    for (let section = 0; section < this.count; section++) {
      const { plan, firstEntry } = this.#at(section);
      if (plan === undefined) continue;
      const sizes = this.#sizes(section);
      for (let index = 0; index < sizes.length; index++) {
        const size = sizes[index] ?? NOT_A_FILE;
        if (size >= 0 && getBit(plan, index)) yield { section, index, number: firstEntry + index, size };
      }
    }
  }

  #sizes(section: number): Float64Array {
    const kept = this.#at(section);
    kept.sizes ??= Float64Array.from(this.read(section), (entry) =>
      entry.type === "file" ? entry.size : NOT_A_FILE,
    );
    return kept.sizes;
  }

  #at(section: number): Kept {
    const kept = this.#kept[section];
    assert(kept !== undefined, "no such section");
    return kept;
  }

  #remember(section: number, entries: readonly Entry[]): void {
    this.#expanded.set(section, entries);
    for (const oldest of this.#expanded.keys()) {
      if (this.#expanded.size <= EXPANDED_KEPT) return;
      this.#expanded.delete(oldest);
    }
  }
}
