import type { Latin1 } from "../../src/disk/sys.ts";
import { RemovalNamesReader } from "../../src/wire/removal-names.ts";
import type { Node, Tree } from "./random-tree.ts";
import type { Outcome } from "./target.ts";

/** What a push has to remove, said in the plainest way. */

/** Whether a name does not exist for a push. */
export type Hides = (path: Latin1, isDirectory: boolean) => boolean;

export type Prediction = {
  /** In manifest order. */
  readonly names: readonly Latin1[];
  /** Something that must stay lies where a directory has to make room. */
  readonly conflict: boolean;
};

export type Question = {
  readonly hides: Hides;
  /** Only these names of the base are selected; undefined: all. */
  readonly selected?: readonly Latin1[] | undefined;
  /** Not only what was selected is removed, but also what is in it. */
  readonly deep: boolean;
  /** Something else may take the place of a directory. */
  readonly replaces: boolean;
};

/** What goes at a receiver that has `to`, when `from` is pushed. */
export function predict(from: Tree, to: Tree, { hides, selected, deep, replaces }: Question): Prediction {
  const names: Latin1[] = [];
  let conflict = false;
  const merge = (ours: Tree, theirs: Tree, directory: Latin1): void => {
    for (const name of Object.keys(theirs).sort()) {
      const path = directory + name;
      const there = theirs[name];
      const here = ours[name];
      const chosen = directory !== "" || (selected?.includes(name) ?? true);
      if (there === undefined || !chosen) continue;
      const kept = here !== undefined && !hides(path, isDirectory(here)) ? here : undefined;
      // What was selected by name, and is excluded, is not missing.
      if (kept === undefined && here !== undefined && directory === "" && selected !== undefined) continue;
      if (kept === undefined) {
        if (deep || (directory === "" && selected !== undefined))
          names.push(...fate(path, there, hides).names);
      } else if (isDirectory(there) && isDirectory(kept)) merge(kept.children, there.children, `${path}/`);
      else if (isDirectory(there) && replaces) {
        const { names: below, stays } = fate(path, there, hides);
        conflict ||= stays;
        names.push(...below.slice(1));
      }
    }
  };
  merge(from, to, "");
  return { names, conflict };
}

/** What goes of something that nobody wants. */
function fate(
  path: Latin1,
  node: Node,
  hides: Hides,
): { readonly names: readonly Latin1[]; readonly stays: boolean } {
  if (hides(path, isDirectory(node))) return { names: [], stays: true };
  const below = Object.keys(children(node))
    .sort()
    .flatMap((name) => {
      const child = children(node)[name];
      return child === undefined ? [] : [fate(`${path}/${name}`, child, hides)];
    });
  const names = below.flatMap((child) => child.names);
  const stays = below.some((child) => child.stays);
  return { names: stays ? names : [path, ...names], stays };
}

/** All paths of a tree that exist for a push, a directory before what is in it. */
export function visible(tree: Tree, hides: Hides, directory: Latin1 = ""): Latin1[] {
  return Object.keys(tree)
    .sort()
    .flatMap((name) => {
      const node = tree[name];
      const path = directory + name;
      if (node === undefined || hides(path, isDirectory(node))) return [];
      return [path, ...visible(children(node), hides, `${path}/`)];
    });
}

function isDirectory(node: Node): boolean {
  return node.kind === "directory";
}

function children(node: Node): Tree {
  return isDirectory(node) ? node.children : {};
}

/** What a receiver said that it removes: their number, and their names if it told them; undefined: nothing at all. */
export function removalsOf({ used }: Pick<Outcome, "used">): { count: number; names: Latin1[] } | undefined {
  const told = used.flatMap(({ removals }) => (removals === undefined ? [] : [removals]));
  const [only] = told;
  if (only === undefined) return undefined;
  if (told.length > 1) throw new Error("removals were told twice");
  const reader = new RemovalNamesReader();
  const names = reader.add(only.names);
  if (typeof names === "string" || !reader.complete) throw new Error("a stream of names that is none");
  return { count: only.count, names: names.map((name) => Buffer.from(name).toString("latin1")) };
}
