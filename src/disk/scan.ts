import { assert } from "../wire/brand.ts";
import { PATH_BYTES_MAX } from "../wire/constants.ts";
import type { Entry } from "../wire/manifest.ts";
import { Directories } from "./directories.ts";
import type { Problem } from "./lines.ts";
import { type NameList, nameIn, nameListOf, namesIn } from "./name-list.ts";
import { join, mayBeNamed, nameOf, parentOf, STAGE_NAME, toBytes } from "./names.ts";
import { quietInNs } from "./quiet.ts";
import { Errno, errnoOf, type Failed, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";

/** What a name turned out to be. */
export type Seen =
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "problem"; readonly path: Latin1; readonly problem: Problem; readonly errno: number };

/**
 * One thing that a scan came across. The base comes first, if it is a root: it is no entry, but may be listed as a directory that is one. "gone":
 * a name of a listed directory that was gone when it was looked at; it may come back.
 */
export type Found =
  | Seen
  | { readonly kind: "base"; readonly listed: boolean }
  | { readonly kind: "gone"; readonly path: Latin1 };

/** What a scan looks at. */
export type ScanOptions = {
  /** In manifest order; none inside of another if `recursive`. */
  readonly roots: readonly Latin1[];
  readonly recursive: boolean;
  /** Whether directories say that they are listed. */
  readonly markListed?: boolean | undefined;
  /** Whether a name and all that is in it does not exist for this scan. Undefined: they all do. */
  readonly hidden?: ((path: Latin1, isDirectory: boolean) => boolean) | undefined;
  /** Only directories, and what belongs to this user; undefined: everything. */
  readonly owner?: number | undefined;
  /** Takes most names before they become entries that this scan yields; undefined: nobody does. Not where names are hidden, nor with an `owner`. */
  readonly takeRun?: TakeRun | undefined;
};

/** The entry that was yielded last, or that a run ended with. */
export type Last = Pick<Entry, "path" | "type">;

/**
 * Takes names in a directory, from index `next` on, that follow the entry `after` in it, for as long as there is nothing more to them than their entries. Nothing is
 * taken if it returns undefined; `stopped` is the status of the name behind those taken, if it is known.
 */
export type TakeRun = (
  dir: Fd,
  run: { readonly path: Latin1; readonly names: NameList; readonly next: number; readonly after: Last },
) => { readonly taken: number; readonly last: Last; readonly stopped: Stat | Failed | undefined } | undefined;

/** Names whose status is asked for at once. */
const BATCH = 256;
/** What nobody can be: as an id it means "none" (PROTOCOL §10.1 has no such id). */
const ID_NONE = 0xffff_ffff;
const NANOSECONDS = 1_000_000_000;
/** How often a directory is listed that changes all the time. */
const LISTINGS_MAX = 5;

/** A directory that is being walked: its names in order, and the status of some of them. */
type Walk = {
  readonly path: Latin1;
  readonly names: NameList;
  /** Whether that is to be said: they are all of the directory's, and each can be in a manifest. */
  readonly listed: boolean;
  next: number;
  batch: readonly Status[];
  /** Index in `names` of the batch's first. */
  batchFrom: number;
  /** The entry of the name before `next`, if it was yielded and nothing is in it. */
  last: Last | undefined;
};
/** Status of a name; of a link also its target. */
export type Status = { readonly stat: Stat | Failed; readonly target: Latin1 | Failed | undefined };
type Context = ScanOptions & { readonly sys: Sys; readonly directories: Directories };

/**
 * Walks the tree below `base` in manifest order (PROTOCOL §10.1). Yields lazily, so that a tree of any size needs little memory: only the names
 * of the directories on the way down are held. A directory has been listed when it is yielded, so that its entry can say whether all of its
 * names follow. Links are not followed, nor can anything outside of the base be reached. A name that goes away before its status is known is
 * as if it had never been there, unless its directory is listed.
 */
export function* scan(sys: Sys, base: Fd, options: ScanOptions): Generator<Found, void, undefined> {
  const directories = new Directories(sys, base);
  const context: Context = { ...options, sys, directories };
  try {
    for (const root of options.roots) {
      if (root === "") yield* walk(context, "");
      else yield* arrive(context, root, look(sys, directories, root));
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

/** An entry, or what keeps it from being one; nothing if it is not there. `owner` as in ScanOptions. */
export function describe(
  path: Latin1,
  { stat, target }: Status,
  owner: number | undefined,
): Seen | undefined {
  if (failed(stat))
    return errnoOf(stat) === Errno.ENOENT ? undefined : problem(path, "unreadable", errnoOf(stat));
  if (owner !== undefined && stat.uid !== owner && stat.kind !== "directory")
    return problem(path, "foreign", 0);
  if (stat.kind === "socket") return problem(path, "socket", 0);
  if (stat.kind === "unknown") return problem(path, "unsupported", 0);
  if (!mayBeNamed(path)) return problem(path, "long", 0);
  const size = sizeOf(stat);
  if (stat.uid === ID_NONE || stat.gid === ID_NONE || stat.nanoseconds >= NANOSECONDS)
    return problem(path, "unsupported", 0);
  if (!Number.isSafeInteger(size)) return problem(path, "unsupported", 0);
  const { uid, gid, mode, seconds, nanoseconds } = stat;
  if (stat.kind !== "symlink")
    return found({ type: stat.kind, path: toBytes(path), mode, uid, gid, seconds, nanoseconds, size });
  if (typeof target !== "string")
    return problem(path, "unreadable", target === undefined ? 0 : errnoOf(target));
  if (target.length > PATH_BYTES_MAX) return problem(path, "long", 0);
  // No system call makes such a link, but file systems in user space are free to show one.
  if (target === "" || target.includes("\0")) return problem(path, "unsupported", 0);
  const itself = { path: toBytes(path), mode, uid, gid, seconds, nanoseconds, size };
  return found({ type: "symlink", ...itself, target: toBytes(target) });
}

/** What an entry has as its size: of a device its number. */
function sizeOf({ kind, size, number }: Stat): number {
  if (kind === "file") return size;
  return kind === "block" || kind === "character" ? number : 0;
}

function found(entry: Entry): Seen {
  return { kind: "entry", entry };
}

function problem(path: Latin1, what: Problem, errno: number): Seen {
  return { kind: "problem", path, problem: what, errno };
}

/** One name, and everything inside of it if it is a directory. */
function* arrive(context: Context, path: Latin1, status: Status): Generator<Found, void, undefined> {
  const seen = see(context, path, status);
  if (seen === undefined) return;
  if (context.recursive && isDirectory(seen)) yield* walk(context, path, seen.entry);
  else yield seen;
}

/** A name, unless it is none for this scan. */
function see({ hidden, owner }: Context, path: Latin1, status: Status): Seen | undefined {
  const seen = describe(path, status, owner);
  if (seen === undefined || hidden === undefined) return seen;
  return hidden(path, !failed(status.stat) && status.stat.kind === "directory") ? undefined : seen;
}

/** Whether it is no other reason that there is nothing to see. */
function isGone({ hidden }: Context, path: Latin1, { stat }: Status): boolean {
  return failed(stat) && mayBeNamed(path) && hidden?.(path, false) !== true;
}

function isDirectory(
  seen: Seen,
): seen is Extract<Seen, { kind: "entry" }> & { readonly entry: { readonly type: "directory" } } {
  return seen.kind === "entry" && seen.entry.type === "directory";
}

/** The directory `root`, which has that entry unless it is the base, and everything inside of it. */
function* walk(context: Context, root: Latin1, entry?: Entry): Generator<Found, void, undefined> {
  const { sys, directories, markListed = false } = context;
  const stack: Walk[] = [];
  // Who takes names himself looks at them himself.
  const batch = context.takeRun === undefined ? BATCH : 1;
  const enter = function* (path: Latin1, itself: Entry | undefined): Generator<Found, void, undefined> {
    const opened = open(sys, directories, { path, markListed, batch });
    const listed = typeof opened !== "number" && opened.listed;
    yield itself === undefined ? { kind: "base", listed } : found(listed ? { ...itself, listed } : itself);
    if (typeof opened === "number") yield problem(path, "unlisted", errnoOf(opened));
    else stack.push(opened);
  };
  yield* enter(root, entry);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (takeMany(context, top)) continue;
    const name = nameIn(top.names, top.next);
    if (name === undefined) {
      stack.pop();
      continue;
    }
    const path = join(top.path, name);
    const status = take(sys, directories, { from: top, batch });
    const seen = see(context, path, status);
    if (seen === undefined) {
      if (top.listed && isGone(context, path, status)) yield { kind: "gone", path };
    } else if (isDirectory(seen)) yield* enter(path, seen.entry);
    else {
      if (seen.kind === "entry") top.last = seen.entry;
      yield seen;
    }
  }
}

/** Lets names be taken that follow the last entry; false: the next one is to be looked at. */
function takeMany({ sys, directories, takeRun }: Context, top: Walk): boolean {
  const { last, path, names, next } = top;
  top.last = undefined;
  if (takeRun === undefined || last === undefined || next >= namesIn(names)) return false;
  const dir = directories.get(path);
  const run = failed(dir) ? undefined : takeRun(dir, { path, names, next, after: last });
  if (failed(dir) || run === undefined) return false;
  top.next += run.taken;
  if (run.stopped !== undefined) {
    top.batch = [withTarget(sys, dir, { name: nameIn(names, top.next) ?? "", stat: run.stopped })];
    top.batchFrom = top.next;
    return false;
  }
  if (run.taken > 0) top.last = run.last;
  return run.taken > 0;
}

/** Reads a directory's names, and the status of the first of them while it is open. */
function open(
  sys: Sys,
  directories: Directories,
  { path, markListed, batch }: { path: Latin1; markListed: boolean; batch: number },
): Walk | Failed {
  const parent = directories.get(path === "" ? "" : parentOf(path));
  if (failed(parent)) return parent;
  const fd = sys.open(parent, path === "" ? "." : nameOf(path), "directory");
  if (failed(fd)) return fd;
  const all = listNames(sys, fd, { path, markListed });
  if (failed(all)) {
    sys.close(fd);
    return all;
  }
  const { names, listed } = all;
  const first = lookAt(sys, fd, someNames(names, 0, batch));
  sys.close(fd);
  return { path, names, listed, next: 0, batch: first, batchFrom: 0, last: undefined };
}

/** The names of a directory, in order, and whether it is to be said that they are all of them. */
function listNames(
  sys: Sys,
  fd: Fd,
  { path, markListed }: { path: Latin1; markListed: boolean },
): Pick<Walk, "names" | "listed"> | Failed {
  const simply = !markListed && path !== "";
  const inOrder = simply ? sys.listInOrder(fd) : undefined;
  if (inOrder !== undefined) return failed(inOrder) ? inOrder : { names: inOrder, listed: false };
  const all = markListed ? listAll(sys, fd) : simply ? listAgain(sys, fd) : sys.list(fd);
  if (failed(all)) return all;
  const { names, complete } = "names" in all ? all : { names: all, complete: false };
  // Names in the manifest's order are those in the order of their bytes, which Latin1 strings have by themselves.
  const sorted = names.filter((name) => path !== "" || name !== STAGE_NAME).sort();
  const listed = complete && sorted.every((name) => mayBeNamed(join(path, name)));
  return { names: nameListOf(sorted), listed };
}

function someNames(list: NameList, from: number, count: number): Latin1[] {
  const to = Math.min(namesIn(list), from + count);
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => nameIn(list, from + i) ?? "");
}

/**
 * All names of a directory, each once. A listing in pieces may miss a name that is renamed meanwhile, under both names: if the directory changes, or
 * did so shortly before, it is listed until no name is new, unless that does not come to an end.
 */
function listAll(sys: Sys, fd: Fd): { readonly names: Latin1[]; readonly complete: boolean } | Failed {
  const names = new Set<Latin1>();
  for (let turn = 0; turn < LISTINGS_MAX; turn++) {
    const now = sys.nowNs();
    const before = sys.stat(fd);
    const found = turn === 0 ? sys.list(fd) : listAgain(sys, fd);
    const after = sys.stat(fd);
    if (failed(before)) return before;
    if (failed(found)) return found;
    if (failed(after)) return after;
    const known = names.size;
    for (const name of found) names.add(name);
    const quiet = after.changedNs === before.changedNs && quietInNs(before, now) === 0n;
    if (quiet || (turn > 0 && names.size === known)) return { names: [...names], complete: true };
  }
  return { names: [...names], complete: false };
}

/** What has been listed is at its end; from the start it is listed by another descriptor. */
function listAgain(sys: Sys, fd: Fd): Latin1[] | Failed {
  const again = sys.open(fd, ".", "directory");
  if (failed(again)) return again;
  const names = sys.list(again);
  sys.close(again);
  return names;
}

/** Status of the next name, which is thereby taken. */
function take(sys: Sys, directories: Directories, { from, batch }: { from: Walk; batch: number }): Status {
  if (from.next >= from.batchFrom + from.batch.length) {
    const dir = directories.get(from.path);
    const names = someNames(from.names, from.next, batch);
    from.batchFrom = from.next;
    from.batch = failed(dir) ? names.map(() => ({ stat: dir, target: undefined })) : lookAt(sys, dir, names);
  }
  const status = from.batch[from.next - from.batchFrom];
  from.next++;
  assert(status !== undefined, "no status for a name");
  return status;
}

/** Status of names in a directory, and the targets of the links among them. */
function lookAt(sys: Sys, dir: Fd, names: readonly Latin1[]): Status[] {
  return sys.statMany(dir, names).map((stat, i) => withTarget(sys, dir, { name: names[i] ?? "", stat }));
}

function withTarget(sys: Sys, dir: Fd, { name, stat }: { name: Latin1; stat: Stat | Failed }): Status {
  const isLink = !failed(stat) && stat.kind === "symlink";
  return { stat, target: isLink ? sys.readLink(dir, name) : undefined };
}
