import type { Prng } from "../support/prng.ts";
import type { HostTree } from "./host-tree.ts";

/**
 * The model of a tree: what stands at each path. Contents are not stored; they follow from a number that is different for
 * every file content that ever existed in a run, so that a mix of two is always seen.
 */
export type Tree = Map<string, Version>;

export type Version = {
  readonly kind: "file" | "directory";
  /** Names the contents; 0 for a directory. */
  readonly content: number;
  readonly size: number;
  /** Stands for mode, owner and time. */
  readonly meta: number;
};

export type Entry = { readonly path: string; readonly version: Version };

/** Whether nothing at all is different; something that is not there is like nothing else. */
export function sameVersion(a: Version | undefined, b: Version | undefined): boolean {
  return a !== undefined && b !== undefined && sameContent(a, b) && a.meta === b.meta;
}

/** Whether the bytes of one can stand for the bytes of the other. */
export function sameContent(a: Version | undefined, b: Version | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.kind === b.kind && a.content === b.content && a.size === b.size
  );
}

/** A version in words, for failures. */
export function describeVersion(version: Version | undefined): string {
  if (version === undefined) return "nothing";
  return `${version.kind} content ${version.content} size ${version.size} meta ${version.meta}`;
}

/** The bytes of a file's contents. */
export function contentBytes(content: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = Math.imul(content, 0x9e37_79b1) | 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/** A 32-bit hash of bytes; `seed` tells blocks apart that hold the same. Catches any mix-up that a test has to see. */
export function bytesHash(bytes: Uint8Array, seed: number): number {
  let hash = 0x811c_9dc5 ^ Math.imul(seed + 1, 0x9e37_79b1);
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x0100_0193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Hands out numbers for new contents. */
export class ContentNumbers {
  #next = 1;

  next(): number {
    return this.#next++;
  }
}

/** Sizes around the borders of symbols and blocks, where mistakes live. */
export type SizeHint = { readonly symbolSize: number; readonly capacity: number };

/** Fills directory `folder` of a tree with about `files` files of at most `sizeMax` bytes. */
export function growFolder(
  tree: Tree,
  options: {
    folder: string;
    files: number;
    sizeMax: number;
    hint: SizeHint;
    numbers: ContentNumbers;
    prng: Prng;
  },
): void {
  const { folder, files, sizeMax, hint, numbers, prng } = options;
  tree.set(folder, { kind: "directory", content: 0, size: 0, meta: prng.below(4) });
  for (let i = 0; i < files; i++) {
    const nested = prng.below(4) === 0;
    if (nested) tree.set(`${folder}/sub`, { kind: "directory", content: 0, size: 0, meta: 1 });
    const path = `${folder}/${nested ? "sub/" : ""}f${i}`;
    tree.set(path, newFile({ sizeMax, hint, numbers, prng }));
  }
}

/** Changes some of what is below `folder`: contents, metadata, a new file. */
export function editFolder(
  tree: HostTree,
  options: { folder: string; sizeMax: number; hint: SizeHint; numbers: ContentNumbers; prng: Prng },
): void {
  const { folder, prng, numbers } = options;
  tree.begin();
  for (const [path, version] of tree.files) {
    if (!path.startsWith(`${folder}/`)) continue;
    const dice = prng.below(4);
    if (dice === 0 && version.kind === "file") tree.write(path, newFile(options));
    else if (dice === 1) tree.write(path, { ...version, meta: version.meta + 1 });
  }
  if (tree.get(folder) === undefined) tree.write(folder, { kind: "directory", content: 0, size: 0, meta: 1 });
  tree.write(`${folder}/new${numbers.next()}`, newFile(options));
}

/** Takes away some of what is below `folder`, or, seldom, all of it. */
export function clearFolder(tree: HostTree, folder: string, prng: Prng): void {
  tree.begin();
  if (prng.below(6) === 0) return tree.remove(folder);
  for (const path of [...tree.files.keys()]) {
    if (path.startsWith(`${folder}/`) && prng.below(4) === 0) tree.remove(path);
  }
}

/** The entries that a push of `paths` (none: everything) offers, ordered by path. */
export function selectEntries(tree: ReadonlyMap<string, Version>, paths: readonly string[]): Entry[] {
  const entries: Entry[] = [];
  for (const [path, version] of tree) {
    const wanted = paths.length === 0 || paths.some((root) => path === root || path.startsWith(`${root}/`));
    if (wanted) entries.push({ path, version });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function newFile(options: { sizeMax: number; hint: SizeHint; numbers: ContentNumbers; prng: Prng }): Version {
  const { sizeMax, hint, numbers, prng } = options;
  const borders = [0, 1, hint.symbolSize, hint.capacity - 1, hint.capacity, hint.capacity + 1];
  const size = prng.below(3) === 0 ? Math.min(sizeMax, prng.pick(borders)) : prng.below(sizeMax + 1);
  return { kind: "file", content: numbers.next(), size, meta: prng.below(1000) };
}
