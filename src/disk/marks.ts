import { setBit } from "../wire/bitmap.ts";
import { assert } from "../wire/brand.ts";
import type { Sections } from "./sections.ts";

/** What a receiver notes about an entry: bits of one byte. */
export const Mark = {
  /** It differs from the own tree. */
  update: 1,
  /** It is a file whose bytes are needed. */
  content: 2,
  /** Its directory is not there (yet): it is staged inside of a new one, and comes into place with it. */
  inside: 4,
  /** A new directory whose own directory is there: it is staged whole and renamed. */
  root: 8,
  /** It is there and only its metadata changes, at the commit. */
  inPlace: 16,
  /** It lies complete in the staging area. */
  staged: 32,
  /** A directory that is there, and in which names are changed at the commit: its time must be set afterwards. */
  touched: 64,
  /** The first entry below a directory that is neither there nor in the manifest (`Roots.implicit`). It is `inside`, too. */
  implicit: 128,
} as const;

/** The marks of all entries of a manifest, a byte each, in the shape of its sections. Sections without any take no memory. */
export class Marks {
  readonly #sections: Sections;
  readonly #bytes: (Uint8Array | undefined)[] = [];

  constructor(sections: Sections) {
    this.#sections = sections;
  }

  /** The marks of a section; undefined: no entry of it has any. */
  of(section: number): Uint8Array | undefined {
    return this.#bytes[section];
  }

  get(number: number): number {
    const { section, index } = this.#sections.locate(number);
    return this.#bytes[section]?.[index] ?? 0;
  }

  /** Adds bits of an entry. */
  add(number: number, bits: number): void {
    const { section, index } = this.#sections.locate(number);
    const bytes = this.#bytes[section];
    if (bytes === undefined) this.change(number, { set: bits });
    else bytes[index] = (bytes[index] ?? 0) | bits;
  }

  /** Adds and takes away bits of an entry. */
  change(number: number, { set, clear = 0 }: { set: number; clear?: number }): void {
    const { section, index } = this.#sections.locate(number);
    const bytes = this.#bytes[section] ?? new Uint8Array(this.#sections.length(section));
    bytes[index] = ((bytes[index] ?? 0) & ~clear) | set;
    this.#bytes[section] = bytes;
  }

  /** Sets the marks of a whole section; they become this object's. */
  put(section: number, bytes: Uint8Array): void {
    assert(bytes.length === this.#sections.length(section), "marks of a wrong length");
    this.#bytes[section] = bytes.some((mark) => mark !== 0) ? bytes : undefined;
  }

  /** Bitmap of the entries of a section that have `mark` (PROTOCOL §6.3); undefined: none. */
  bitmap(section: number, mark: number): Uint8Array | undefined {
    const bytes = this.#bytes[section];
    if (bytes === undefined || !bytes.some((bits) => (bits & mark) !== 0)) return undefined;
    const bitmap = new Uint8Array((bytes.length + 7) >>> 3);
    bytes.forEach((bits, index) => {
      if ((bits & mark) !== 0) setBit(bitmap, index);
    });
    return bitmap;
  }
}

/** New directories that are staged whole. Entries marked `inside` belong to the last one at or before them, as the manifest is in order. */
export class Roots {
  /** Entry numbers, ascending. */
  readonly #numbers: number[] = [];
  readonly #implicit = new Map<number, number>();

  /** Whether any root is not itself an entry. */
  get anyImplicit(): boolean {
    return this.#implicit.size > 0;
  }

  /** Entry `number` is a root; or, with `implicit`, the first `implicit` bytes of its path are. */
  add(number: number, implicit?: number): void {
    assert(number > (this.#numbers.at(-1) ?? -1), "roots out of order");
    this.#numbers.push(number);
    if (implicit !== undefined) this.#implicit.set(number, implicit);
  }

  /** Number of the root that entry `number` is, or is inside of. There must be one. */
  of(number: number): number {
    let low = 0;
    let high = this.#numbers.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#numbers[middle] ?? 0) <= number) low = middle;
      else high = middle - 1;
    }
    const root = this.#numbers[low];
    assert(root !== undefined && root <= number, "entry has no root");
    return root;
  }

  /** Bytes of the root's path at the start of entry `root`'s path; undefined: all of it. */
  implicit(root: number): number | undefined {
    return this.#implicit.get(root);
  }
}
