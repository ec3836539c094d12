import { ByteQueue } from "./byte-queue.ts";

/** What comes next on a connection. "overlong": a line that has more than it may have; it is skipped, to its end. */
export type InputLine = { readonly kind: "line"; readonly text: string } | { readonly kind: "overlong" };

const LF = 10;

/** Splits input into lines, and keeps what has not been taken. */
export class LineReader {
  readonly #queue = new ByteQueue();
  /** So many of the first bytes are no line end. */
  #searched = 0;
  /** The rest of a line that is too long is on its way. */
  #skipping = false;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#queue.length;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
  }

  clear(): void {
    this.#queue.clear();
    this.#searched = 0;
  }

  /** Takes the next line, without its end and without carriage returns; undefined: it is not complete. A line has `bytesMax` bytes at most. */
  next(bytesMax: number): InputLine | undefined {
    while (this.#queue.length > 0) {
      const end = this.#queue.indexOf(LF, this.#searched);
      const length = end < 0 ? this.#queue.length : end;
      this.#searched = 0;
      if (this.#skipping) {
        this.#skipping = end < 0;
        this.#queue.drop(end < 0 ? length : length + 1);
      } else if (length > bytesMax) {
        this.#skipping = end < 0;
        this.#queue.drop(end < 0 ? length : length + 1);
        return { kind: "overlong" };
      } else if (end < 0) {
        this.#searched = length;
        return undefined;
      } else {
        const text = this.#queue.take(length).replaceAll("\r", "");
        this.#queue.drop(1);
        return { kind: "line", text };
      }
    }
    return undefined;
  }
}
