const blockBytesMin = 1 << 10;
const blockBytesMax = 64 << 10;

type Block = { readonly bytes: Buffer; start: number; end: number };

/** Bytes that wait, first in, first out. It takes little more memory than they do, in whatever pieces they come. */
export class ByteQueue {
  readonly #blocks: Block[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a copy of `bytes`. */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const block = this.#roomy();
      const copied = bytes.copy(block.bytes, block.end, at);
      block.end += copied;
      this.#length += copied;
      at += copied;
    }
  }

  /** Offset of the first `byte` at or behind offset `from`; -1: there is none. */
  indexOf(byte: number, from: number): number {
    let before = 0;
    for (const { bytes, start, end } of this.#blocks) {
      const length = end - start;
      if (before + length > from) {
        const inside = Math.max(0, from - before);
        const found = bytes.subarray(start, end).indexOf(byte, inside);
        if (found >= 0) return before + found;
      }
      before += length;
    }
    return -1;
  }

  /** The first bytes, as many as lie together: good until the next `push` or `drop`. Empty if there are none. */
  peek(): Buffer {
    const [block] = this.#blocks;
    return block === undefined ? Buffer.alloc(0) : block.bytes.subarray(block.start, block.end);
  }

  /** Removes the first `count` bytes, which there are, and returns them, one character each. */
  take(count: number): string {
    let text = "";
    for (let left = count; left > 0; ) {
      const part = this.peek().subarray(0, left);
      text += part.toString("latin1");
      left -= part.length;
      this.drop(part.length);
    }
    return text;
  }

  /** Removes the first `count` bytes, which there are. */
  drop(count: number): void {
    this.#length -= count;
    let emptied = 0;
    for (let left = count; left > 0; ) {
      const block = this.#blocks[emptied];
      if (block === undefined) return;
      const part = Math.min(left, block.end - block.start);
      block.start += part;
      left -= part;
      if (block.start === block.end) emptied++;
    }
    if (emptied > 0) this.#blocks.splice(0, emptied);
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#length = 0;
  }

  /** The last block, if it has room, else a new one: small ones first, as most have little to hold. */
  #roomy(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.end < last.bytes.length) return last;
    const size = Math.min(blockBytesMax, last === undefined ? blockBytesMin : 2 * last.bytes.length);
    const block = { bytes: Buffer.allocUnsafeSlow(size), start: 0, end: 0 };
    this.#blocks.push(block);
    return block;
  }
}
