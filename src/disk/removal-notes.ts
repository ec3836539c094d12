import type { Budget } from "./budget.ts";
import { grownTo } from "./grow.ts";
import { toBytes } from "./names.ts";
import { Errno, type Latin1, type Stat } from "./sys.ts";
import type { Finder } from "./walk.ts";

/** A name that is removed with all that is in it, and what it was when it was looked at; what it is in stays. */
export type RemovalRoot = Pick<Stat, "inode" | "changedNs"> & {
  readonly path: Latin1;
  readonly isDirectory: boolean;
};

/** Bytes that a root takes besides its path, about. */
const ROOT_BYTES = 160;
const LENGTH_BYTES = 2;
/** In the upper byte of a name's length, which is below 2^12: the name stays after all. */
const STAYS = 0x80;

/** What a push is to remove on a receiver, as it is found, within the push's memory. */
export class RemovalNotes implements Finder {
  readonly #budget: Budget;
  readonly #wanted: { readonly names: boolean; readonly roots: boolean };
  readonly #roots: RemovalRoot[] = [];
  #count = 0;
  /** The stream of names (PROTOCOL §6.2), but for those that are marked. */
  #stream = new Uint8Array(0);
  #length = 0;

  /** `names`: not only their number is to be known; `roots`: they are to be removed at the commit. */
  constructor(budget: Budget, wanted: { readonly names: boolean; readonly roots: boolean }) {
    this.#budget = budget;
    this.#wanted = wanted;
  }

  /** Names that go, in all. */
  get count(): number {
    return this.#count;
  }

  /** What is to be removed, none inside of another. */
  get roots(): readonly RemovalRoot[] {
    return this.#roots;
  }

  goes(path: Latin1): number {
    this.#count++;
    if (!this.#wanted.names) return 0;
    const token = this.#length;
    const end = token + LENGTH_BYTES + path.length;
    if (end > this.#stream.length && !this.#grow(end)) return -Errno.ENOMEM;
    this.#stream[token] = path.length >>> 8;
    this.#stream[token + 1] = path.length & 0xff;
    this.#stream.set(toBytes(path), token + LENGTH_BYTES);
    this.#length = end;
    return token;
  }

  stays(token: number): void {
    this.#count--;
    if (this.#wanted.names) this.#stream[token] = (this.#stream[token] ?? 0) | STAYS;
  }

  root(path: Latin1, { kind, inode, changedNs }: Stat): number {
    if (!this.#wanted.roots) return 0;
    if (!this.#budget.take(ROOT_BYTES + path.length)) return -Errno.ENOMEM;
    this.#roots.push({ path, isDirectory: kind === "directory", inode, changedNs });
    return 0;
  }

  hold(bytes: number): number {
    if (bytes > 0) return this.#budget.take(bytes) ? 0 : -Errno.ENOMEM;
    this.#budget.give(-bytes);
    return 0;
  }

  /** Makes room for `bytes` of the stream. */
  #grow(bytes: number): boolean {
    const before = this.#stream.length;
    // While it grows there are two.
    if (!this.#budget.take(Math.max(bytes, 2 * before))) return false;
    this.#stream = grownTo(this.#stream, bytes);
    this.#budget.give(before);
    return true;
  }

  /** The stream of the names that go, which this object forgets. Empty unless names are wanted. */
  takeNames(): Uint8Array {
    const stream = this.#stream;
    let to = 0;
    for (let at = 0; at < this.#length; ) {
      const high = stream[at] ?? 0;
      const bytes = LENGTH_BYTES + (high & ~STAYS) * 0x100 + (stream[at + 1] ?? 0);
      if ((high & STAYS) === 0) {
        stream.copyWithin(to, at, at + bytes);
        to += bytes;
      }
      at += bytes;
    }
    this.#budget.give(stream.length);
    this.#stream = new Uint8Array(0);
    this.#length = 0;
    return stream.slice(0, to);
  }
}
