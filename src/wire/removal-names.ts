import { assert } from "./brand.ts";
import { PATH_BYTES_MAX } from "./constants.ts";
import type { Drop } from "./messages.ts";
import { comparePaths, pathFault } from "./path.ts";

/**
 * The stream of the names that a receiver removes (PROTOCOL §6.2): `u16` length and path, one name after the other, in the order of the
 * manifest. It crosses in the records REMOVALS, cut anywhere.
 */

const LENGTH_BYTES = 2;

/** Bytes of a name in the stream. */
export function removalNameBytes(path: Uint8Array): number {
  return LENGTH_BYTES + path.length;
}

/** The stream of these paths. They are in order and right: others are our own mistake. */
export function encodeRemovalNames(paths: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(paths.reduce((sum, path) => sum + removalNameBytes(path), 0));
  let at = 0;
  for (const [i, path] of paths.entries()) {
    assert(mayFollow(paths[i - 1], path), "names to remove out of order, or no paths");
    bytes[at] = path.length >>> 8;
    bytes[at + 1] = path.length & 0xff;
    bytes.set(path, at + LENGTH_BYTES);
    at += removalNameBytes(path);
  }
  return bytes;
}

/** Reads the stream piece by piece, and keeps of it what it has of one name, and the last name. */
export class RemovalNamesReader {
  /** What has come of the name under way, its length first. */
  readonly #name = new Uint8Array(LENGTH_BYTES + PATH_BYTES_MAX);
  #have = 0;
  #previous: Uint8Array | undefined;
  #count = 0;
  #broken = false;

  /** Names so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether the stream may end here: nothing was wrong with it, and no name is under way. */
  get complete(): boolean {
    return !this.#broken && this.#have === 0;
  }

  /** The names that end in the next piece; "range" if it is not one of such a stream, from then on for ever. */
  add(piece: Uint8Array): readonly Uint8Array[] | Drop {
    const names: Uint8Array[] = [];
    let at = 0;
    while (at < piece.length && !this.#broken) {
      const wanted = this.#wanted();
      const taken = Math.min(wanted - this.#have, piece.length - at);
      this.#name.set(piece.subarray(at, at + taken), this.#have);
      this.#have += taken;
      at += taken;
      if (this.#have < wanted) break;
      if (wanted === LENGTH_BYTES) this.#broken = this.#length() === 0 || this.#length() > PATH_BYTES_MAX;
      else this.#end(names);
    }
    return this.#broken ? "range" : names;
  }

  /** Bytes of the name under way, its length included, as far as is known. */
  #wanted(): number {
    return this.#have < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + this.#length();
  }

  #length(): number {
    return (this.#name[0] ?? 0) * 0x100 + (this.#name[1] ?? 0);
  }

  #end(names: Uint8Array[]): void {
    const path = this.#name.slice(LENGTH_BYTES, this.#have);
    if (!mayFollow(this.#previous, path)) {
      this.#broken = true;
      return;
    }
    names.push(path);
    this.#previous = path;
    this.#count++;
    this.#have = 0;
  }
}

function mayFollow(previous: Uint8Array | undefined, path: Uint8Array): boolean {
  if (path.length > PATH_BYTES_MAX || pathFault(path, 0, path.length) !== undefined) return false;
  return previous === undefined || comparePaths(previous, path) < 0;
}
