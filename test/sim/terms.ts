import type { Task } from "../../src/wire/disk-port.ts";
import type { Tree, Version } from "./tree.ts";

/** What a push asks beyond its entries, in the form that the simulated disks give each other. */
export type SimTerms = {
  readonly mode: Task["mode"];
  readonly removes: boolean;
  readonly removesMax: number | undefined;
  readonly names: boolean;
  /** Paths below which every name is an entry, "" for all; and paths that are to go, with all below. */
  readonly listed: readonly string[];
  readonly missing: readonly string[];
};

/** The terms of a push of `paths` (none: everything) out of a tree. */
export function termsOf(
  task: Task,
  push: {
    readonly paths: readonly string[];
    readonly names: boolean;
    readonly files: ReadonlyMap<string, Version>;
  },
): SimTerms {
  const { mode, removesMax } = task;
  const removes = mode !== "check" && task.removes !== "nothing";
  const has = (path: string) => push.files.has(path);
  const everything = push.paths.length === 0 ? [""] : push.paths.filter(has);
  return {
    mode,
    removes,
    removesMax,
    names: push.names,
    listed: removes && task.removes === "extra" ? everything : [],
    missing: removes ? push.paths.filter((path) => !has(path)) : [],
  };
}

/** Whether a path is to go from a tree if the owner does not have it. */
export function isCovered({ listed, missing }: SimTerms, path: string): boolean {
  return (
    listed.some((root) => root === "" || path.startsWith(`${root}/`)) ||
    missing.some((root) => path === root || path.startsWith(`${root}/`))
  );
}

/** The names of a tree that would be removed, in the order of a manifest: `/` below all other bytes. */
export function removalsFrom(
  tree: ReadonlyMap<string, Version>,
  terms: SimTerms,
  entries: ReadonlySet<string>,
): readonly string[] {
  const extra = [...tree.keys()].filter((path) => isCovered(terms, path) && !entries.has(path));
  const key = (path: string) => path.replaceAll("/", "\0");
  return extra.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** The stream of such names (PROTOCOL §6.2), by a second hand. */
export function nameStream(paths: readonly string[]): Uint8Array {
  const stream: number[] = [];
  for (const path of paths) {
    const bytes = new TextEncoder().encode(path);
    stream.push(bytes.length >> 8, bytes.length & 0xff, ...bytes);
  }
  return Uint8Array.from(stream);
}

/** Adds names that only one host has to `folder` of its tree: files, and directories with files in them; some names are long. */
export function addExtras(
  tree: Tree,
  options: {
    readonly folder: string;
    readonly count: number;
    readonly host: number;
    below(bound: number): number;
  },
): void {
  const { folder, count, host, below } = options;
  const file = (content: number): Version => ({ kind: "file", content, size: 3, meta: 1 });
  if (count > 0 && !tree.has(folder)) tree.set(folder, { kind: "directory", content: 0, size: 0, meta: 1 });
  for (let i = 0; i < count; i++) {
    const path = `${folder}/x${i}${"-".repeat(below(3) === 0 ? below(240) : 0)}`;
    // Numbers that no other content of the run has.
    const content = -(host * 1_000_000 + tree.size * 10 + i + 1);
    if (below(3) > 0) tree.set(path, file(content));
    else {
      tree.set(path, { kind: "directory", content: 0, size: 0, meta: 1 });
      tree.set(`${path}/y`, file(content));
    }
  }
}
