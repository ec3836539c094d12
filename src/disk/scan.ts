import { assert } from "../wire/brand.ts";
import { NAME_BYTES_MAX, PATH_BYTES_MAX } from "../wire/constants.ts";
import type { Entry } from "../wire/manifest.ts";
import { Directories } from "./directories.ts";
import type { Problem } from "./lines.ts";
import { join, nameOf, parentOf, STAGE_NAME, toBytes } from "./names.ts";
import { Errno, errnoOf, type Failed, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";

/** One thing that a scan came across. */
export type Found =
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "problem"; readonly path: Latin1; readonly problem: Problem; readonly errno: number };

/** Names whose status is asked for at once. */
const BATCH = 256;
/** What nobody can be: as an id it means "none" (PROTOCOL §10.1 has no such id). */
const ID_NONE = 0xffff_ffff;
const NANOSECONDS = 1_000_000_000;

/** A directory that is being walked: its names in order, and the status of some of them. */
type Walk = {
  readonly path: Latin1;
  readonly names: readonly Latin1[];
  next: number;
  batch: readonly Status[];
  /** Index in `names` of the batch's first. */
  batchFrom: number;
};
type Status = { readonly stat: Stat | Failed; readonly target: Latin1 | Failed | undefined };

/**
 * Walks the tree below `base` in manifest order (PROTOCOL §10.1): `roots` are paths in that order, none inside of another if `recursive`. Yields
 * lazily, so that a tree of any size needs little memory: only the names of the directories on the way down are held. Links are not followed,
 * nor can anything outside of the base be reached. A name that goes away before its status is known is as if it had never been there.
 */
export function* scan(
  sys: Sys,
  base: Fd,
  { roots, recursive }: { readonly roots: readonly Latin1[]; readonly recursive: boolean },
): Generator<Found, void, undefined> {
  const directories = new Directories(sys, base);
  try {
    for (const root of roots) {
      if (root !== "") yield* scanRoot(sys, directories, root);
      if (recursive) yield* scanBelow(sys, directories, root);
    }
  } finally {
    directories.release();
  }
}

/** Status of one path, and the target of a link. */
export function look(sys: Sys, directories: Directories, path: Latin1): Status {
  const parent = directories.get(parentOf(path));
  if (failed(parent)) return { stat: parent, target: undefined };
  const [status] = lookAt(sys, parent, [nameOf(path)]);
  assert(status !== undefined, "one name, one answer");
  return status;
}

/** An entry, or what keeps it from being one; nothing if it is not there. */
export function describe(path: Latin1, { stat, target }: Status): Found | undefined {
  if (failed(stat))
    return errnoOf(stat) === Errno.ENOENT ? undefined : problem(path, "unreadable", errnoOf(stat));
  if (stat.kind === "socket") return problem(path, "socket", 0);
  if (stat.kind === "unknown") return problem(path, "unsupported", 0);
  if (stat.kind === "block" || stat.kind === "character") return problem(path, "device", 0);
  if (path.length > PATH_BYTES_MAX || nameOf(path).length > NAME_BYTES_MAX) return problem(path, "long", 0);
  const size = stat.kind === "file" ? stat.size : 0;
  if (stat.uid === ID_NONE || stat.gid === ID_NONE || stat.nanoseconds >= NANOSECONDS)
    return problem(path, "unsupported", 0);
  if (!Number.isSafeInteger(size)) return problem(path, "unsupported", 0);
  const common = { path: toBytes(path), uid: stat.uid, gid: stat.gid, mode: stat.mode };
  const times = { seconds: stat.seconds, nanoseconds: stat.nanoseconds };
  if (stat.kind !== "symlink") return found({ type: stat.kind, ...common, ...times, size });
  if (typeof target !== "string")
    return problem(path, "unreadable", target === undefined ? 0 : errnoOf(target));
  if (target.length > PATH_BYTES_MAX) return problem(path, "long", 0);
  // No system call makes such a link, but file systems in user space are free to show one.
  if (target === "" || target.includes("\0")) return problem(path, "unsupported", 0);
  return found({ type: "symlink", ...common, ...times, size, target: toBytes(target) });
}

function found(entry: Entry): Found {
  return { kind: "entry", entry };
}

function problem(path: Latin1, what: Problem, errno: number): Found {
  return { kind: "problem", path, problem: what, errno };
}

function* scanRoot(sys: Sys, directories: Directories, root: Latin1): Generator<Found, void, undefined> {
  const what = describe(root, look(sys, directories, root));
  if (what !== undefined) yield what;
}

/** Everything inside of `root`, if that is a directory. */
function* scanBelow(sys: Sys, directories: Directories, root: Latin1): Generator<Found, void, undefined> {
  const stack: Walk[] = [];
  const enter = (path: Latin1): Found | undefined => {
    const walk = open(sys, directories, path);
    if (typeof walk === "number") return problem(path, "unlisted", errnoOf(walk));
    stack.push(walk);
    return undefined;
  };
  const first = enter(root);
  if (first !== undefined) yield first;
  for (let walk = stack.at(-1); walk !== undefined; walk = stack.at(-1)) {
    const name = walk.names[walk.next];
    if (name === undefined) {
      stack.pop();
      continue;
    }
    const path = join(walk.path, name);
    const status = take(sys, directories, walk);
    const what = describe(path, status);
    if (what === undefined) continue;
    yield what;
    const into = what.kind === "entry" && what.entry.type === "directory" ? enter(path) : undefined;
    if (into !== undefined) yield into;
  }
}

/** Reads a directory's names, and the status of the first of them while it is open. */
function open(sys: Sys, directories: Directories, path: Latin1): Walk | Failed {
  const parent = directories.get(path === "" ? "" : parentOf(path));
  if (failed(parent)) return parent;
  const fd = sys.open(parent, path === "" ? "." : nameOf(path), "directory");
  if (failed(fd)) return fd;
  const names = sys.list(fd);
  if (failed(names)) {
    sys.close(fd);
    return names;
  }
  // Names in the manifest's order are those in the order of their bytes, which Latin1 strings have by themselves.
  const sorted = names.filter((name) => path !== "" || name !== STAGE_NAME).sort();
  const batch = lookAt(sys, fd, sorted.slice(0, BATCH));
  sys.close(fd);
  return { path, names: sorted, next: 0, batch, batchFrom: 0 };
}

/** Status of the next name, which is thereby taken. */
function take(sys: Sys, directories: Directories, walk: Walk): Status {
  if (walk.next >= walk.batchFrom + walk.batch.length) {
    const dir = directories.get(walk.path);
    const names = walk.names.slice(walk.next, walk.next + BATCH);
    walk.batchFrom = walk.next;
    walk.batch = failed(dir) ? names.map(() => ({ stat: dir, target: undefined })) : lookAt(sys, dir, names);
  }
  const status = walk.batch[walk.next - walk.batchFrom];
  walk.next++;
  assert(status !== undefined, "no status for a name");
  return status;
}

/** Status of names in a directory, and the targets of the links among them. */
function lookAt(sys: Sys, dir: Fd, names: readonly Latin1[]): Status[] {
  return sys.statMany(dir, names).map((stat, i) => {
    const isLink = !failed(stat) && stat.kind === "symlink";
    return { stat, target: isLink ? sys.readLink(dir, names[i] ?? "") : undefined };
  });
}
