import { isEmpty, orInto, popcount } from "../wire/bitmap.ts";
import type { ReportRecord } from "../wire/messages.ts";

/** What the targets need: the union of their answers, section by section (PROTOCOL §6.3). */
export class Needs {
  /** Entries of each manifest section read so far. */
  readonly #entries: number[] = [];
  readonly #union: (Uint8Array | undefined)[] = [];
  /** Whether all sections are known. */
  complete = false;

  get sections(): number {
    return this.#entries.length;
  }

  /** An empty manifest's only section has no entries and gets no answer. */
  addSection(entries: number): void {
    if (entries === 0) return;
    this.#entries.push(entries);
    this.#union.push(undefined);
  }

  /** Takes in one target's answer to section number `expected`. Returns how many entries would change there, or undefined if the answer does not fit. */
  onNeed(need: ReportRecord & { readonly kind: "need" }, expected: number): number | undefined {
    if (need.section !== expected || this.#entries[expected] !== need.entries) return undefined;
    if (need.content !== undefined && !isEmpty(need.content)) {
      const union = this.#union[expected];
      if (union === undefined) this.#union[expected] = need.content.slice();
      else orInto(union, need.content);
    }
    return need.update === undefined ? 0 : popcount(need.update);
  }

  union(section: number): Uint8Array | undefined {
    return this.#union[section];
  }
}
