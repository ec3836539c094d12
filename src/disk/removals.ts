import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { Entry } from "../wire/manifest.ts";
import { Mark } from "./marks.ts";
import {
  inManifestOrder,
  inOrder,
  isInside,
  isReserved,
  join,
  nameOf,
  parentOf,
  toBytes,
  toLatin1,
} from "./names.ts";
import { liesIn, parentFault, removalFault } from "./obstacles.ts";
import { RemovalNotes, type RemovalRoot } from "./removal-notes.ts";
import { memoryFailure, protocolFailure, type StagePush } from "./stage-push.ts";
import {
  Errno,
  errnoOf,
  type Failed,
  type Fd,
  failed,
  isAbsence,
  type Latin1,
  type Stat,
  type Sys,
} from "./sys.ts";
import { type Trouble, walk } from "./walk.ts";

/** Names whose status is kept at a time. */
const STATS_AT_ONCE = 256;
/** Bytes that a listed name takes besides its own, about. */
const NAME_BYTES = 48;

/** A directory on the way down to the last entry. */
type Level = {
  readonly path: Latin1;
  /** Its entry; undefined: the base. */
  readonly number: number | undefined;
  /** What it has here, sorted, if what is no entry goes; undefined: the owner does not know all its names, or it is not here. */
  names: readonly Latin1[] | undefined;
  /** Of `names`: those before are dealt with. */
  next: number;
  /** What removing names in it would meet, as of `parentFault`; undefined while none was to be. */
  fault: number | undefined;
  held: number;
};

/**
 * Finds out what a push removes on a receiver: merges, as the manifest comes, the listing of each of its `listed` directories with what is here,
 * and the paths that the owner misses. Changes nothing. What is below a directory that something else replaces counts, and is named, as it goes, too.
 */
export class Removals {
  readonly #sys: Sys;
  readonly #push: StagePush;
  readonly #notes: RemovalNotes;
  readonly #missing: readonly Latin1[];
  #nextMissing = 0;
  /** From the base down; none before the first section. */
  readonly #way: Level[] = [];
  /** The last entry that is no directory: what would be inside of it is none of this push's. */
  #closed: Latin1 | undefined;

  /** The push's rules are known. */
  constructor(sys: Sys, push: StagePush) {
    this.#sys = sys;
    this.#push = push;
    const { terms } = push.rules;
    this.#notes = new RemovalNotes(push.budget, { names: terms.namesWanted, roots: !push.dryRun });
    this.#missing = terms.missing.map(toLatin1);
  }

  /** What the commit removes. */
  get roots(): readonly RemovalRoot[] {
    return this.#notes.roots;
  }

  /** Names that go, so far. */
  get count(): number {
    return this.#notes.count;
  }

  /** Takes the next section, which has been compared. */
  section(firstEntry: number, entries: readonly Entry[]): DiskFailure | undefined {
    const begun = this.#begin();
    if (begun !== undefined) return begun;
    for (const [index, { type, path: bytes, listed }] of entries.entries()) {
      const path = toLatin1(bytes);
      const number = firstEntry + index;
      if (isReserved(path)) return { errno: Errno.EPERM, step: FailStep.manifest, entry: number };
      const failure =
        this.#missingUntil(path, number) ??
        this.#advance(path, { isEntry: true }) ??
        (type === "directory" ? this.#enter(path, number, listed === true) : this.#close(path, number));
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** The manifest has ended. What is to be removed: how many names, and their stream if the terms want it. */
  finish(): DiskFailure | { readonly count: number; readonly names: Uint8Array } {
    let failure = this.#begin() ?? this.#missingUntil(undefined, undefined);
    for (let level = this.#way.pop(); level !== undefined; level = this.#way.pop())
      failure ??= this.#leave(level);
    return failure ?? { count: this.#notes.count, names: this.#notes.takeNames() };
  }

  /** The base is the first directory. */
  #begin(): DiskFailure | undefined {
    if (this.#way.length > 0) return undefined;
    if (this.#missing.some(isReserved)) return protocolFailure();
    return this.#enter("", undefined, this.#push.rules.terms.baseListed);
  }

  #enter(path: Latin1, number: number | undefined, listed: boolean): DiskFailure | undefined {
    const names = listed ? this.#list(path) : undefined;
    if (typeof names === "number") return failureOf({ errno: errnoOf(names), path });
    const held = heldBy(names);
    this.#way.push({ path, number, names, next: 0, fault: undefined, held });
    return this.#notes.hold(held) < 0 ? memoryFailure(number) : undefined;
  }

  /** The names of a directory, sorted; undefined if there is none: something else is in its place, or nothing. */
  #list(path: Latin1): Latin1[] | Failed | undefined {
    const dir = this.#push.directories.get(path);
    if (isAbsence(dir)) return undefined;
    const fd = failed(dir) ? dir : this.#sys.open(dir, ".", "directory");
    if (failed(fd)) return fd;
    const names = this.#sys.list(fd);
    this.#sys.close(fd);
    return failed(names) ? names : inOrder(names);
  }

  #leave(level: Level): DiskFailure | undefined {
    const failure = this.#surplus(level, undefined);
    this.#notes.hold(-level.held);
    return failure;
  }

  /** An entry that is no directory. Where a directory makes room for it, all in there goes. */
  #close(path: Latin1, number: number): DiskFailure | undefined {
    this.#closed = path;
    if (!this.#push.exchanged.has(number)) return undefined;
    const parent = this.#push.directories.get(parentOf(path));
    if (isAbsence(parent)) return undefined;
    if (failed(parent)) return failureOf({ errno: errnoOf(parent), path });
    const [stat] = this.#sys.statMany(parent, [nameOf(path)]);
    if (stat === undefined || failed(stat) || stat.kind !== "directory") return undefined;
    const found = { parent, name: nameOf(path), path, stat, mayStay: undefined };
    const { place, rules } = this.#push;
    return failureOf(walk({ sys: this.#sys, place, spares: rules.spares }, this.#notes, found));
  }

  /** Goes on to `path`: all that comes before it in the listings, and is no entry, is removed. */
  #advance(path: Latin1, { isEntry }: { isEntry: boolean }): DiskFailure | undefined {
    let level = this.#way.at(-1);
    while (level !== undefined && !isInside(path, level.path)) {
      this.#way.pop();
      const failure = this.#leave(level);
      if (failure !== undefined) return failure;
      level = this.#way.at(-1);
    }
    if (level === undefined) return undefined;
    const from = level.path === "" ? 0 : level.path.length + 1;
    const slash = path.indexOf("/", from);
    const name = slash < 0 ? path.slice(from) : path.slice(from, slash);
    const failure = this.#surplus(level, name);
    if (failure !== undefined || !isEntry || level.names === undefined) return failure;
    const unseen = level.names[level.next] === name ? undefined : this.#lookFor(level, name);
    if (unseen === undefined && level.names[level.next] === name) level.next++;
    return unseen;
  }

  /**
   * Looks for the name of an entry that was not listed. If it is there all the same it came after that; or it is listed under another name, as
   * where case does not count: then nobody can tell what goes from what stays.
   */
  #lookFor(level: Level, name: Latin1): DiskFailure | undefined {
    const dir = this.#push.directories.get(level.path);
    const [stat] = failed(dir) ? [dir] : this.#sys.statMany(dir, [name]);
    if (stat === undefined || failed(stat)) return undefined;
    const names = this.#list(level.path);
    if (names === undefined) return undefined;
    if (typeof names === "number") return failureOf({ errno: errnoOf(names), path: level.path });
    const at = names.indexOf(name);
    if (at < 0) return failureOf({ errno: Errno.EEXIST, path: join(level.path, name) });
    const before = level.held;
    level.names = names;
    level.next = at;
    level.held = heldBy(names);
    return this.#notes.hold(level.held - before) < 0 ? memoryFailure() : undefined;
  }

  /** Removes the names of a directory that come before `until`, or the rest. */
  #surplus(level: Level, until: Latin1 | undefined): DiskFailure | undefined {
    const { names } = level;
    if (names === undefined) return undefined;
    for (;;) {
      const from = level.next;
      let to = from;
      const end = Math.min(names.length, from + STATS_AT_ONCE);
      while (to < end && (until === undefined || (names[to] ?? "") < until)) to++;
      if (to === from) return undefined;
      level.next = to;
      const failure = this.#removeAll(level, names.slice(from, to));
      if (failure !== undefined) return failure;
    }
  }

  #removeAll(level: Level, names: readonly Latin1[]): DiskFailure | undefined {
    const dir = this.#push.directories.get(level.path);
    // The whole directory is gone meanwhile.
    if (isAbsence(dir)) return undefined;
    if (failed(dir)) return failureOf({ errno: errnoOf(dir), path: level.path });
    const stats = this.#sys.statMany(dir, names);
    for (const [i, name] of names.entries()) {
      const path = join(level.path, name);
      const stat = stats[i];
      if (stat === undefined || isReserved(path) || stat === -Errno.ENOENT) continue;
      const trouble = failed(stat)
        ? { errno: errnoOf(stat), path }
        : this.#remove({ dir, name, path, stat, level });
      if (trouble !== undefined) return failureOf(trouble);
    }
    return undefined;
  }

  /** Notes a name, and all that is in it. `level`: the directory that it is in, if that is an entry or the base. */
  #remove(what: {
    dir: Fd;
    name: Latin1;
    path: Latin1;
    stat: Stat;
    level: Level | undefined;
  }): Trouble | undefined {
    const { dir, name, path, stat, level } = what;
    const { place, rules } = this.#push;
    if (rules.spares(path, stat)) return undefined;
    // What is mounted there is not the base's.
    if (!liesIn(place, stat)) return { errno: Errno.EBUSY, path };
    const fault = () => this.#parentFault(dir, level) || this.#nameFault(dir, stat);
    const before = this.#notes.roots.length;
    const trouble =
      stat.kind === "directory"
        ? walk({ sys: this.#sys, place, spares: rules.spares }, this.#notes, {
            parent: dir,
            name,
            path,
            stat,
            mayStay: { fault },
          })
        : this.#note(path, stat, fault());
    const last = this.#notes.roots.at(-1);
    if (this.#notes.roots.length > before && last?.path === path) this.#touch(level);
    return trouble;
  }

  #note(path: Latin1, stat: Stat, fault: number): Trouble | undefined {
    const noted = this.#notes.goes(path) < 0 ? -Errno.ENOMEM : this.#notes.root(path, stat);
    const errno = fault || errnoOf(noted);
    return errno === 0 ? undefined : { errno, path };
  }

  #parentFault(dir: Fd, level: Level | undefined): number {
    const fault = level?.fault ?? parentFault(this.#sys, this.#push.place, dir);
    if (level !== undefined) level.fault = fault;
    return fault;
  }

  #nameFault(dir: Fd, stat: Stat): number {
    const above = this.#sys.root ? undefined : this.#sys.stat(dir);
    return failed(above) ? errnoOf(above) : removalFault(this.#sys, stat, above);
  }

  /** Removing names changes their directory's time, which is to be the entry's. */
  #touch(level: Level | undefined): void {
    if (level?.number !== undefined) this.#push.marks.change(level.number, { set: Mark.touched });
  }

  /** Removes what the owner misses, as far as it comes before `path`, or all. */
  #missingUntil(path: Latin1 | undefined, number: number | undefined): DiskFailure | undefined {
    for (; ; this.#nextMissing++) {
      const missing = this.#missing[this.#nextMissing];
      if (missing === undefined) return undefined;
      // A path that the owner misses is no entry, nor is one in it.
      if (path !== undefined && (missing === path || isInside(path, missing))) return protocolFailure(number);
      if (path !== undefined && inManifestOrder(missing, path) > 0) return undefined;
      const failure = this.#advance(missing, { isEntry: false }) ?? this.#removeMissing(missing);
      if (failure !== undefined) return failure;
    }
  }

  #removeMissing(path: Latin1): DiskFailure | undefined {
    const level = this.#way.at(-1);
    // Where all that is no entry goes it is found anyway.
    if (level?.names !== undefined || (this.#closed !== undefined && isInside(path, this.#closed)))
      return undefined;
    if (this.#push.rules.hidesAbove(path)) return undefined;
    const parent = parentOf(path);
    const dir = this.#push.directories.get(parent);
    if (isAbsence(dir)) return undefined;
    if (failed(dir)) return failureOf({ errno: errnoOf(dir), path });
    const [stat] = this.#sys.statMany(dir, [nameOf(path)]);
    if (stat === undefined || isAbsence(stat)) return undefined;
    if (failed(stat)) return failureOf({ errno: errnoOf(stat), path });
    const at = { dir, name: nameOf(path), path, stat };
    return failureOf(this.#remove({ ...at, level: level?.path === parent ? level : undefined }));
  }
}

/** Bytes that a list of names takes, about. */
function heldBy(names: readonly Latin1[] | undefined): number {
  return names?.reduce((sum, name) => sum + name.length + NAME_BYTES, 0) ?? 0;
}

function failureOf(trouble: Trouble | undefined): DiskFailure | undefined {
  if (trouble === undefined) return undefined;
  const { errno, path } = trouble;
  if (errno === Errno.ENOMEM) return memoryFailure();
  // The base has no path of its own.
  return { errno, step: FailStep.remove, entry: undefined, path: path === "" ? undefined : toBytes(path) };
}
