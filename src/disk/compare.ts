import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { EntryTable } from "../wire/entry-table.ts";
import type { Entry, EntryType } from "../wire/manifest.ts";
import type { Directories } from "./directories.ts";
import { Mark, type Marks, type Roots } from "./marks.ts";
import { isInside, isReserved, nameOf, parentOf, toLatin1 } from "./names.ts";
import { type Place, parentFault } from "./obstacles.ts";
import { replacementFault } from "./replacement.ts";
import type { Rules } from "./rules.ts";
import { tableParent, tablePath } from "./sections.ts";
import {
  Differs,
  Errno,
  errnoOf,
  type Failed,
  type Fd,
  failed,
  type Latin1,
  type Stat,
  type Sys,
} from "./sys.ts";

/** A directory of the manifest, or above it, on the way to the entry that is being compared. */
type Ground = {
  readonly path: Latin1;
  /** Its entry, if it is one. */
  readonly number: number | undefined;
  /** Whether it is there now; if not, it will be staged. */
  readonly here: boolean;
  /** Whether names in it may be changed: 0, an error number, or undefined while nobody has asked. */
  fault: number | undefined;
};

/** A section that is being compared. */
type Work = {
  readonly table: EntryTable;
  readonly firstEntry: number;
  readonly marks: Uint8Array;
  /** Directories in which names are changed. */
  readonly touched: number[];
};

/** What is known of some entries' directory. */
type Found = {
  ground: Ground | Failed | undefined;
  /** How its names differ, from index `first` on, until before `to`; undefined while nobody has asked. */
  differs: Uint8Array | undefined;
  first: number;
  readonly to: number;
};

export type CompareOptions = {
  readonly sys: Sys;
  /** Of the own tree. */
  readonly directories: Directories;
  /** Where staged names can be renamed into place. */
  readonly place: Place;
  readonly rules: Rules;
  readonly marks: Marks;
  readonly roots: Roots;
  /** Numbers of entries in whose place lies a directory while they are none, or the reverse. Made here. */
  readonly exchanged: Set<number>;
};

/** Compares a manifest, entry by entry, with the own tree, without changing anything, and marks what differs. */
export class Comparer {
  readonly #options: CompareOptions;
  /** From the base down to the directory of the last entry. The manifest's order makes a stack of it. */
  readonly #way: Ground[] = [{ path: "", number: undefined, here: true, fault: undefined }];

  constructor(options: CompareOptions) {
    this.#options = options;
  }

  /** Compares the next section, whose entries are numbered from `firstEntry`. Marks it, or says which entry cannot be taken, and why. */
  section(section: number, firstEntry: number, table: EntryTable): DiskFailure | undefined {
    const work: Work = { table, firstEntry, marks: new Uint8Array(table.count), touched: [] };
    for (let from = 0; from < table.count; ) {
      const to = table.siblingsEnd(from);
      const failure = this.#siblings(work, from, to);
      if (failure !== undefined) return failure;
      from = to;
    }
    this.#options.marks.put(section, work.marks);
    for (const number of work.touched) this.#options.marks.change(number, { set: Mark.touched });
    return undefined;
  }

  /** Compares entries that follow one another in one directory. Nothing is made of those that are as they should be. */
  #siblings(work: Work, from: number, to: number): DiskFailure | undefined {
    const { table, firstEntry, marks } = work;
    const { rules } = this.#options;
    const directory = tableParent(table, from);
    const reserved = isReserved(directory);
    const found: Found = { ground: undefined, differs: undefined, first: 0, to };
    for (let index = from; index < to; index++) {
      // Nearly all that there is to do in a tree that did not change. In the base there is a name that no entry may have.
      if (directory !== "" && found.differs?.[index - found.first] === 0) continue;
      const number = firstEntry + index;
      if (reserved || (directory === "" && isReserved(tablePath(table, index))))
        return { errno: Errno.EPERM, step: FailStep.manifest, entry: number };
      const type = table.type(index);
      if (rules.leavesAlone(type)) continue;
      found.ground ??= this.#groundOf(directory);
      const mark = this.#compare(work, found.ground, { index, found });
      if (mark < 0) return { errno: errnoOf(mark), step: FailStep.compare, entry: number };
      marks[index] = mark;
      if (type !== "directory") continue;
      const here = (mark & (Mark.inside | Mark.root)) === 0;
      this.#way.push({ path: tablePath(table, index), number, here, fault: undefined });
    }
    return undefined;
  }

  /** The marks of one entry, or -errno. */
  #compare(work: Work, ground: Ground | Failed, { index, found }: { index: number; found: Found }): number {
    if (typeof ground === "number") return ground;
    const { table, firstEntry, touched } = work;
    const { sys, directories, place, roots } = this.#options;
    const what = { type: table.type(index), size: table.size(index) };
    const number = firstEntry + index;
    if (!ground.here) return inside(what) | (this.#newRoot(number) ? Mark.implicit : 0);
    const parent = directories.get(ground.path);
    if (failed(parent)) return parent;
    if (found.differs === undefined) {
      found.differs = sys.compare(parent, { table, from: index, to: found.to });
      found.first = index;
    }
    const differs = found.differs[index - found.first] ?? Differs.unknown;
    if ((differs & ~Differs.more) === 0 && saysAll(sys, what.type, table.mode(index))) return 0;
    const mark = differs === Differs.missing ? anew(what) : this.#decide(parent, number, table.entry(index));
    if (mark < 0 || !moves(mark)) return mark;
    ground.fault ??= parentFault(sys, place, parent);
    if (ground.fault !== 0) return -ground.fault;
    if (ground.number !== undefined) touched.push(ground.number);
    if ((mark & Mark.root) !== 0) roots.add(number);
    return mark;
  }

  #decide(parent: Fd, number: number, entry: Entry): number {
    const path = toLatin1(entry.path);
    const [stat] = this.#options.sys.statMany(parent, [nameOf(path)]);
    if (stat === undefined) return -Errno.EIO;
    return decide(this.#options, { entry, number, stat, parent, path });
  }

  /** The root of a missing directory that is no entry, noted when its first entry comes by. */
  #pendingRoot: Latin1 | undefined;

  #newRoot(number: number): boolean {
    if (this.#pendingRoot === undefined) return false;
    this.#options.roots.add(number, this.#pendingRoot.length);
    this.#pendingRoot = undefined;
    return true;
  }

  /** What is known of a directory, after a look at the own tree if it is not an entry; -errno if something else is in its place. */
  #groundOf(path: Latin1): Ground | Failed {
    let last = this.#way.at(-1);
    while (last !== undefined && last.path !== path && !isInside(path, last.path)) {
      this.#way.pop();
      last = this.#way.at(-1);
    }
    if (last === undefined || last.path === path) return last ?? (-Errno.EIO as Failed);
    if (!last.here) return this.#push(path, false);
    // Component by component, as the first one that is missing becomes a new directory.
    for (let slash = path.indexOf("/", last.path.length + 1); ; slash = path.indexOf("/", slash + 1)) {
      const ancestor = slash < 0 ? path : path.slice(0, slash);
      const fd = this.#options.directories.get(ancestor);
      if (fd === -Errno.ENOENT) return this.#missing(ancestor, path);
      if (failed(fd)) return fd;
      const ground = this.#push(ancestor, true);
      if (slash < 0) return ground;
    }
  }

  #missing(root: Latin1, path: Latin1): Ground | Failed {
    const above = this.#way.at(-1);
    const parent = this.#options.directories.get(parentOf(root));
    if (failed(parent)) return parent;
    const fault = above?.fault ?? parentFault(this.#options.sys, this.#options.place, parent);
    if (above !== undefined) above.fault = fault;
    if (fault !== 0) return -fault as Failed;
    this.#pendingRoot = root;
    const ground = this.#push(root, false);
    return root === path ? ground : this.#push(path, false);
  }

  #push(path: Latin1, here: boolean): Ground {
    const ground: Ground = { path, number: undefined, here, fault: undefined };
    this.#way.push(ground);
    return ground;
  }
}

/**
 * Compares a single entry anew (PROTOCOL §10.5); `before` are the marks that it has. Returns its new marks, or -errno. Where an entry is staged
 * does not change: its directory is what it was.
 */
export function compareAgain(
  options: CompareOptions,
  { entry, number, before }: { entry: Entry; number: number; before: number },
): number {
  if ((before & Mark.inside) !== 0) return inside(entry) | (before & Mark.implicit);
  const path = toLatin1(entry.path);
  const parent = options.directories.get(parentOf(path));
  if (failed(parent)) return parent;
  const [stat] = options.sys.statMany(parent, [nameOf(path)]);
  if (stat === undefined) return -Errno.EIO;
  const mark = decide(options, { entry, number, stat, parent, path });
  if (mark < 0 || !moves(mark)) return mark;
  const fault = parentFault(options.sys, options.place, parent);
  return fault === 0 ? mark : -fault;
}

/** Whether marks say that a name will be made or replaced. */
function moves(mark: number): boolean {
  return (mark & Mark.update) !== 0 && (mark & Mark.inPlace) === 0;
}

/**
 * Whether there is no more to an entry than what `Sys.compare` looks at. Set-group-id is more for those who may not set it: they want it off
 * where the entry has it on.
 */
function saysAll(sys: Sys, type: EntryType, mode: number): boolean {
  return (type === "file" || type === "directory" || type === "fifo") && (sys.root || (mode & 0o2000) === 0);
}

type What = Pick<Entry, "type" | "size">;

/** Marks of an entry whose directory is not there. */
function inside(entry: What): number {
  return Mark.update | Mark.inside | contentOf(entry);
}

/** Files without bytes need none. */
function contentOf(entry: What): number {
  return entry.type === "file" && entry.size > 0 ? Mark.content : 0;
}

/** What makes the own tree's name equal to the entry: marks, or -errno. */
function decide(options: CompareOptions, found: Candidate): number {
  const { entry, number, stat } = found;
  options.exchanged.delete(number);
  if (failed(stat)) return errnoOf(stat) === Errno.ENOENT ? anew(entry) : stat;
  const { sys, rules } = options;
  // A device in the way stays, where devices are none of ours; only what comes into a directory cannot do without it.
  if (rules.leavesAlone(stat.kind)) return entry.type === "directory" ? -Errno.ENOTDIR : 0;
  if (stat.kind !== entry.type) return replace(options, found, stat);
  const ours = sys.root || stat.uid === sys.uid;
  const sameTime = stat.seconds === entry.seconds && stat.nanoseconds === entry.nanoseconds;
  const sameOwner = !sys.root || (stat.uid === entry.uid && stat.gid === entry.gid);
  const sameMode = entry.type === "symlink" || stat.mode === attainableMode(sys, entry.mode, stat.gid);
  if (entry.type === "directory") {
    // Only its owner can set a directory's time. Where that is somebody else, its mode counts alone.
    if (sameMode && sameOwner && (sameTime || !ours)) return 0;
    return ours && !stat.locked ? Mark.update | Mark.inPlace : -Errno.EPERM;
  }
  if (entry.type === "file") {
    if (stat.size !== entry.size || (!sameTime && entry.size > 0)) return replace(options, found, stat);
  } else if (entry.type === "symlink") {
    const target = sys.readLink(found.parent, nameOf(found.path));
    if (typeof target !== "string") return target;
    if (target !== toLatin1(entry.target ?? new Uint8Array())) return replace(options, found, stat);
  } else if (stat.number !== numberOf(entry)) {
    return replace(options, found, stat);
  }
  if (sameTime && sameOwner && sameMode) return 0;
  // Another user's file can be replaced, but not changed. One with other names would change under those, too, which may lie outside of the base.
  if (!ours || stat.links > 1) return replace(options, found, stat);
  return stat.locked ? -Errno.EPERM : Mark.update | Mark.inPlace;
}

type Candidate = {
  readonly entry: Entry;
  readonly number: number;
  readonly stat: Stat | Failed;
  readonly parent: Fd;
  /** From the base. */
  readonly path: Latin1;
};

/** Marks of an entry that comes into a directory that is there. */
function anew(entry: What): number {
  return Mark.update | contentOf(entry) | (entry.type === "directory" ? Mark.root : 0);
}

/** The number of a device, as `Stat` has it. */
function numberOf({ type, size }: Entry): number {
  return type === "block" || type === "character" ? size : 0;
}

/** Marks of an entry that takes the place of what is there, or -errno. */
function replace(
  { sys, place, rules, exchanged }: CompareOptions,
  { entry, number, parent, path }: Candidate,
  stat: Stat,
): number {
  // A file system says ENOTDIR or EISDIR to a rename of the one over the other.
  const exchange = (stat.kind === "directory") !== (entry.type === "directory");
  const whole = exchange && stat.kind === "directory";
  const fault = replacementFault(sys, place, rules.spares, { parent, name: nameOf(path), path, stat, whole });
  if (fault !== 0) return -fault;
  if (exchange) exchanged.add(number);
  return anew(entry);
}

/** The mode that chmod(2) makes of `mode`: it drops set-group-id for a group that the caller is not in, without an error. */
function attainableMode(sys: Sys, mode: number, gid: number): number {
  return sys.root || sys.groups.includes(gid) ? mode : mode & ~0o2000;
}
