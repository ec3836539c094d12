import { getBit } from "../wire/bitmap.ts";
import type { Sections } from "./sections.ts";

/**
 * Goes through the files of the content stream (PROTOCOL §10.3). It has no object for each, as a push may have a million of them, and goes through
 * them several times.
 */
export class StreamWalk {
  readonly #sections: Sections;
  #section = -1;
  #index = 0;
  #firstEntry = 0;
  #sizes: Float64Array = new Float64Array(0);
  #plan: Uint8Array | undefined;
  #size = 0;

  constructor(sections: Sections) {
    this.#sections = sections;
  }

  /** Goes to the next file; false: there is none. */
  next(): boolean {
    for (;;) {
      while (++this.#index < this.#sizes.length) {
        this.#size = this.#sizes[this.#index] ?? 0;
        if (this.#size >= 0 && this.#plan !== undefined && getBit(this.#plan, this.#index)) return true;
      }
      if (!this.#enter()) return false;
    }
  }

  get section(): number {
    return this.#section;
  }

  /** In the section. */
  get index(): number {
    return this.#index;
  }

  /** In the manifest. */
  get number(): number {
    return this.#firstEntry + this.#index;
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** Goes to the start of the next section that has a plan. */
  #enter(): boolean {
    const sections = this.#sections;
    do {
      if (this.#section + 1 >= sections.count) return false;
      this.#section++;
      this.#plan = sections.plan(this.#section);
    } while (this.#plan === undefined);
    this.#firstEntry = sections.firstEntry(this.#section);
    this.#sizes = sections.sizes(this.#section);
    this.#index = -1;
    return true;
  }
}
