import { BlockKind, isContent } from "../wire/constants.ts";
import type { SourceReply } from "../wire/disk-port.ts";

/** Content blocks that follow each other: all are full but the last (PROTOCOL §5.6). */
type Run = {
  readonly first: number;
  /** The block after the last. */
  readonly end: number;
  /** Content bytes before the run, and in it. */
  readonly before: number;
  readonly bytes: number;
};

/** Where the content stream lies in the sequence of blocks: one run after the plan, and one after each round of amendments (PROTOCOL §5.5). */
export class ContentMap {
  readonly #capacity: number;
  readonly #runs: Run[] = [];

  /** `capacity`: bytes of a full block without its digest. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The block after the last content block that is known of; 0 before the plan. */
  get end(): number {
    return this.#runs.at(-1)?.end ?? 0;
  }

  /** Content bytes in all, as far as is known. */
  get bytes(): number {
    const last = this.#runs.at(-1);
    return last === undefined ? 0 : last.before + last.bytes;
  }

  /** Takes in a block that the source has given. */
  onBlock({ blockKind, block, lastOfKind, contentBytes }: SourceReply & { readonly kind: "block" }): void {
    if (blockKind === BlockKind.plan && lastOfKind) this.#add(block + 1, contentBytes);
    if (isContent(blockKind) && block >= this.end) this.#add(block, contentBytes);
  }

  /** Content bytes in the blocks below `next`. */
  below(next: number): number {
    const run = this.#runs.findLast(({ first }) => first < next);
    return run === undefined ? 0 : run.before + Math.min(run.bytes, (next - run.first) * this.#capacity);
  }

  #add(first: number, contentBytes: number): void {
    const before = this.bytes;
    const bytes = contentBytes - before;
    if (bytes > 0) this.#runs.push({ first, end: first + Math.ceil(bytes / this.#capacity), before, bytes });
  }
}
