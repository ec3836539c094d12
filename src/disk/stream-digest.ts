import { assert } from "../wire/brand.ts";
import type { Digest, FileDigest } from "./digest.ts";
import type { Extent } from "./sys.ts";

/** Where a file lies in the content stream of a round: the first of its bytes, and how many there are. */
export type Stretch = { readonly from: number; readonly size: number };

/**
 * The digests that verdicts have (PROTOCOL §10.4), of one file of the content stream after the other. A file that lies in several blocks has a digest of its
 * parts' digests, of which most are those that the blocks have anyway: so no byte of a large file is digested twice.
 */
export class StreamDigest {
  readonly #digest: Digest;
  readonly #state: FileDigest;
  readonly #capacity: number;
  readonly #firstBlock: number;
  #at = 0;
  #left = 0;
  /** Whether the file has no more than one part. */
  #single = true;
  #whole: Uint8Array | undefined;

  /** For a round whose content blocks begin with number `firstBlock`; capacity as in PROTOCOL §5.4. Close it. */
  constructor(digest: Digest, { capacity, firstBlock }: { capacity: number; firstBlock: number }) {
    this.#digest = digest;
    this.#state = digest.open();
    this.#capacity = capacity;
    this.#firstBlock = firstBlock;
  }

  /** Starts a file. */
  reset({ from, size }: Stretch): void {
    this.#state.reset();
    this.#at = from;
    this.#left = size;
    this.#single = (from % this.#capacity) + size <= this.#capacity;
    this.#whole = undefined;
  }

  /**
   * Adds the file's next part: all of its bytes in one block. `ofBlock` is the digest that this block has (PROTOCOL §5.3), where that is one of its bytes as
   * they are here, known to be right.
   */
  update(part: Extent, ofBlock?: Uint8Array): void {
    const room = this.#capacity - (this.#at % this.#capacity);
    assert(
      part.bytes > 0 && part.bytes === Math.min(room, this.#left),
      "a part ends where its block or its file does",
    );
    const block = this.#firstBlock + Math.floor(this.#at / this.#capacity);
    const fills = part.bytes === this.#capacity;
    this.#at += part.bytes;
    this.#left -= part.bytes;
    this.#whole = undefined;
    if (this.#single) return this.#state.update(part);
    const own = (fills ? ofBlock : undefined) ?? this.#digest.block(part, block);
    this.#state.add(own);
    if (fills) this.#whole = own;
  }

  /** The digest of the whole block that was the last part, if it was one: the block's own, if it is sent as it is. Once only. */
  takeWhole(): Uint8Array | undefined {
    const whole = this.#whole;
    this.#whole = undefined;
    return whole;
  }

  /** Digest of the file, of which all parts have been added. 16 bytes, the caller's. */
  finish(): Uint8Array {
    assert(this.#left === 0, "a file's parts are missing");
    return this.#state.finish();
  }

  close(): void {
    this.#state.close();
  }
}
