import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { Entry } from "../wire/manifest.ts";
import { FLUSHED_SINGLY_MAX, rootPath, stagedPath } from "./builder.ts";
import { Directories } from "./directories.ts";
import { Mark } from "./marks.ts";
import { nameOf, parentOf, toBytes, toLatin1 } from "./names.ts";
import { Placer, type Placing } from "./placer.ts";
import type { RemovalRoot } from "./removal-notes.ts";
import { currentEntry, metadataOf, type StagePush } from "./stage-push.ts";
import { Errno, errnoOf, failed, isAbsence, type Latin1, type Metadata, type Stat, type Sys } from "./sys.ts";
import { wholeFault } from "./walk.ts";

/**
 * Brings what is staged into place (PROTOCOL §8.2). Every directory is opened anew, from the base down, without following links: the tree may have
 * changed since it was compared. An error does not stop it, as a tree that is half new is better than a quarter; the first one is reported.
 */
export class Committer {
  readonly #sys: Sys;
  readonly #push: StagePush;
  readonly #removed: readonly RemovalRoot[];
  readonly #directories: Directories;
  readonly #placer: Placer;
  /**
   * What is to be flushed, and how it is opened for that: directories with new names or metadata, and files with new metadata; undefined: too
   * many. Links and FIFOs cannot be flushed: if a power failure undoes a change of their metadata, the next push makes it again.
   */
  #changed: Map<Latin1, "directory" | "read"> | undefined = new Map();
  #failure: DiskFailure | undefined;
  /** Directories that may be written to for the time of the renames, and their modes. */
  readonly #unlocked = new Map<Latin1, number>();

  /** `removed`: what goes, besides. */
  constructor(sys: Sys, push: StagePush, removed: readonly RemovalRoot[]) {
    this.#sys = sys;
    this.#push = push;
    this.#removed = removed;
    this.#directories = new Directories(sys, push.base);
    this.#placer = new Placer(sys, {
      staging: push.staging,
      directories: this.#directories,
      merging: () => {
        this.#changed = undefined;
      },
    });
  }

  /** Does it; undefined if all went well. */
  run(): DiskFailure | undefined {
    const { sections, marks } = this.#push;
    for (let section = 0; section < sections.count; section++) {
      const first = sections.firstEntry(section);
      marks.of(section)?.forEach((mark, index) => {
        if (mark !== 0) this.#note(first + index, this.#bringIn(first + index, mark));
      });
    }
    // Where something new is missing, nothing old vanishes: it may be the same under its old name.
    if (this.#removed.length > 0) this.#failure ??= this.#push.unread[0];
    if (this.#failure === undefined)
      for (const root of this.#removed) this.#noteRemoval(root, this.#remove(root));
    for (const [path, mode] of this.#unlocked) this.#note(undefined, this.#setMode(path, mode));
    // The times of directories come last, from the deepest up, as each rename changed that of the directory around it.
    for (let section = sections.count - 1; section >= 0; section--) {
      const first = sections.firstEntry(section);
      const bits = marks.of(section);
      for (let index = (bits?.length ?? 0) - 1; index >= 0; index--) {
        const mark = bits?.[index] ?? 0;
        if (mark !== 0) this.#note(first + index, this.#finishDirectory(first + index, mark));
      }
    }
    this.#note(undefined, this.#flush());
    this.#directories.release();
    return this.#failure;
  }

  #note(entry: number | undefined, result: number): void {
    if (result >= 0 || this.#failure !== undefined) return;
    this.#failure = { errno: errnoOf(result), step: FailStep.rename, entry };
  }

  #noteRemoval({ path }: RemovalRoot, result: number): void {
    if (result >= 0 || this.#failure !== undefined) return;
    this.#failure = { errno: errnoOf(result), step: FailStep.remove, entry: undefined, path: toBytes(path) };
  }

  /**
   * Moves a name out of the tree, with all that is in it; 0 or -errno. It is fine if it is gone. What has taken its place since it was compared,
   * and what must stay that has come into it since, stays: -EBUSY, -ENOTEMPTY.
   */
  #remove(root: RemovalRoot): number {
    const { rules, place, staging } = this.#push;
    const { path, isDirectory } = root;
    const sys = this.#sys;
    const dir = this.#directories.get(parentOf(path));
    if (isAbsence(dir)) return 0;
    if (failed(dir)) return dir;
    const name = nameOf(path);
    const [stat] = sys.statMany(dir, [name]);
    if (stat === undefined || isAbsence(stat)) return 0;
    if (failed(stat)) return stat;
    if (rules.spares(path, stat)) return 0;
    // Where directories cannot be moved they are empty by now.
    const emptied = isDirectory && place.overlay;
    if (!isSame(root, stat) && !(emptied && stat.kind === "directory")) return -Errno.EBUSY;
    const kept = isDirectory && !emptied ? this.#keeps({ parent: dir, name, path, stat }) : 0;
    if (kept < 0) return kept;
    this.#remember(parentOf(path), "directory");
    const away = () => (emptied ? sys.removeDirectory(dir, name) : staging.discard(dir, name));
    const result = away();
    if (result !== -Errno.EACCES || sys.root) return result === -Errno.ENOENT ? 0 : result;
    this.#unlock(parentOf(path));
    this.#unlock(path);
    return away();
  }

  /** Whether a directory that goes holds what must stay, which may have come since the comparison: -ENOTEMPTY, another -errno, or 0. */
  #keeps(directory: Parameters<typeof wholeFault>[1]): number {
    const { rules, place } = this.#push;
    if (!rules.excluding) return 0;
    return -wholeFault({ sys: this.#sys, place, spares: rules.spares }, directory);
  }

  /** The same of what is at `path`, which makes room for something else. */
  #keepsAt(path: Latin1): number {
    const parent = this.#directories.get(parentOf(path));
    if (failed(parent)) return parent;
    const name = nameOf(path);
    const [stat] = this.#sys.statMany(parent, [name]);
    if (stat === undefined || failed(stat) || stat.kind !== "directory") return 0;
    return this.#keeps({ parent, name, path, stat });
  }

  /** Renames one entry into place, or changes its metadata; 0 or -errno. What comes with its directory needs nothing. */
  #bringIn(number: number, mark: number): number {
    if ((mark & Mark.implicit) !== 0) {
      return this.#place(String(number), rootPath(this.#push, number), { directory: true, exchange: false });
    }
    if ((mark & Mark.inside) !== 0 || (mark & Mark.update) === 0) return 0;
    const entry = currentEntry(this.#push, number);
    const directory = entry.type === "directory";
    if ((mark & Mark.inPlace) !== 0) return directory ? 0 : this.#change(entry);
    // A file without a good version stays what it is; the sender has reported it.
    if ((mark & Mark.staged) === 0) return 0;
    const path = toLatin1(entry.path);
    const exchange = this.#push.exchanged.has(number);
    const kept = exchange && !directory ? this.#keepsAt(path) : 0;
    return kept < 0 ? kept : this.#place(stagedPath(this.#push, number), path, { directory, exchange });
  }

  #place(from: Latin1, to: Latin1, what: Placing): number {
    this.#remember(parentOf(to), "directory");
    const result = this.#placer.place(from, to, what);
    if (result !== -Errno.EACCES || this.#sys.root) return result;
    // Names can be changed only in a directory that may be written to, and a directory can be moved only if it may be.
    this.#unlock(parentOf(to));
    this.#unlock(to);
    return this.#placer.place(from, to, what);
  }

  /** Lets the owner of a directory write to it until the renames are done. */
  #unlock(path: Latin1): void {
    if (path === "") return;
    this.#withHandle(path, (fd, stat) => {
      if (stat.kind !== "directory" || (stat.mode & 0o300) === 0o300) return 0;
      const result = this.#sys.setMetadata(fd, modeOnly(stat.mode | 0o300));
      if (result === 0) this.#unlocked.set(path, stat.mode);
      return result;
    });
  }

  #setMode(path: Latin1, mode: number): number {
    const result = this.#withHandle(path, (fd, stat) =>
      stat.kind === "directory" ? this.#sys.setMetadata(fd, modeOnly(mode)) : 0,
    );
    // What was in the way is gone; it needs no mode.
    return result === -Errno.ENOENT || result === -Errno.ENOTDIR ? 0 : result;
  }

  #remember(path: Latin1, way: "directory" | "read"): void {
    this.#changed?.set(path, way);
    if ((this.#changed?.size ?? 0) > FLUSHED_SINGLY_MAX) this.#changed = undefined;
  }

  /** Changes the metadata of something that is not a directory, if it is still what was compared. */
  #change(entry: Entry): number {
    if (entry.type === "file") this.#remember(toLatin1(entry.path), "read");
    return this.#withHandle(toLatin1(entry.path), (fd, stat) => {
      const same = stat.kind === entry.type && isStill(entry, stat);
      return same ? this.#sys.setMetadata(fd, metadataOf(this.#sys, entry)) : -Errno.EBUSY;
    });
  }

  /** Sets mode, owner and time of a directory that was there before, where something of them or in it changed. */
  #finishDirectory(number: number, mark: number): number {
    const sys = this.#sys;
    const isNew = (mark & Mark.root) !== 0 && (mark & Mark.staged) !== 0 && !sys.root;
    const isOld = (mark & Mark.touched) !== 0 || (mark & Mark.inPlace) !== 0;
    if (!isNew && !isOld) return 0;
    const entry = currentEntry(this.#push, number);
    if (entry.type !== "directory") return 0;
    if ((mark & Mark.inPlace) !== 0) this.#remember(toLatin1(entry.path), "directory");
    return this.#withHandle(toLatin1(entry.path), (fd, stat) => {
      if (stat.kind !== "directory") return -Errno.ENOTDIR;
      // Only its owner may set a directory's time (as in the comparison).
      if (!sys.root && stat.uid !== sys.uid) return 0;
      const metadata = metadataOf(sys, entry);
      const { mode } = this.#push.rules.terms;
      return sys.setMetadata(
        fd,
        mode === "prune" ? { ...metadata, owner: undefined, mode: undefined } : metadata,
      );
    });
  }

  #withHandle(path: Latin1, use: (fd: Parameters<Sys["stat"]>[0], stat: Stat) => number): number {
    const parent = this.#directories.get(parentOf(path));
    if (failed(parent)) return parent;
    const fd = this.#sys.open(parent, nameOf(path), "handle");
    if (failed(fd)) return fd;
    const stat = this.#sys.stat(fd);
    const result = failed(stat) ? stat : use(fd, stat);
    this.#sys.close(fd);
    return result;
  }

  /** The renames are to survive a power failure before the sender hears of them. */
  #flush(): number {
    if (!this.#push.rules.flushes) return 0;
    if (this.#changed === undefined) return this.#flushAll();
    let error = 0;
    for (const [path, way] of this.#changed) {
      const parent = this.#directories.get(parentOf(path));
      const fd = failed(parent) ? parent : this.#sys.open(parent, path === "" ? "." : nameOf(path), way);
      // What may not be read cannot be flushed alone.
      if (failed(fd)) return this.#flushAll();
      const flushed = this.#sys.sync(fd);
      if (error === 0) error = flushed;
      this.#sys.close(fd);
    }
    return error;
  }

  #flushAll(): number {
    if (this.#push.staging.made) return this.#push.staging.flush();
    const fd = this.#sys.open(this.#push.base, ".", "directory");
    if (failed(fd)) return fd;
    const flushed = this.#sys.syncAll(fd);
    this.#sys.close(fd);
    return flushed;
  }
}

/** Whether what goes is what was looked at. Not all file systems keep the number of a file; one in its place has another time besides. */
function isSame({ isDirectory, inode, changedNs }: RemovalRoot, stat: Stat): boolean {
  if ((stat.kind === "directory") !== isDirectory) return false;
  return stat.inode === inode || stat.changedNs === changedNs;
}

function modeOnly(mode: number): Metadata {
  return { owner: undefined, mode, time: undefined };
}

/** Whether a file's bytes are still those that were compared: a later change must not be hidden by the entry's time. A device is the same one. */
function isStill(entry: Entry, stat: Stat): boolean {
  if (entry.type === "block" || entry.type === "character") return stat.number === entry.size;
  if (entry.type !== "file") return true;
  if (stat.size !== entry.size) return false;
  return entry.size === 0 || (stat.seconds === entry.seconds && stat.nanoseconds === entry.nanoseconds);
}
