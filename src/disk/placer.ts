import type { Directories } from "./directories.ts";
import { join, nameOf, parentOf } from "./names.ts";
import type { Staging } from "./staging.ts";
import { Errno, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";

type Options = {
  readonly staging: Staging;
  readonly directories: Directories;
  /** Names are about to be brought into more directories than the one that was asked for. */
  readonly merging: () => void;
};

type Child = { readonly name: Latin1; readonly stat: Stat };

/** What is brought in: whether it is a directory, and whether the comparison saw that only an exchange can bring it to its place. */
export type Placing = { readonly directory: boolean; readonly exchange: boolean };

/**
 * Renames staged names over those of the tree, so that there is no moment without the old or the new one. What cannot be replaced by a rename (a
 * directory by a file, and the reverse) is exchanged, and the old one ends up in the staging area, which is removed afterwards. Only where the
 * file system cannot exchange, the name is missing between two renames.
 */
export class Placer {
  readonly #sys: Sys;
  readonly #staging: Staging;
  readonly #directories: Directories;
  readonly #merging: () => void;

  /** `directories` are those of the tree. */
  constructor(sys: Sys, { staging, directories, merging }: Options) {
    this.#sys = sys;
    this.#staging = staging;
    this.#directories = directories;
    this.#merging = merging;
  }

  /** Brings `from` of the staging area to `to` in the tree; 0 or -errno, -EBUSY if something unexpected is in the way. */
  place(from: Latin1, to: Latin1, { directory, exchange }: Placing): number {
    const fromDir = this.#staging.get(parentOf(from));
    if (failed(fromDir)) return fromDir;
    const toDir = this.#directories.get(parentOf(to));
    if (failed(toDir)) return toDir;
    const at = { fromDir, fromName: nameOf(from), toDir, toName: nameOf(to) };
    const result = this.#sys.rename(fromDir, at.fromName, toDir, at.toName);
    if (directory && (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST)) return this.#merge(from, to);
    const inTheWay = result === (directory ? -Errno.ENOTDIR : -Errno.EISDIR);
    if (!inTheWay) return result;
    // Nobody has looked at what would be lost: it came after the comparison.
    return exchange ? this.#exchange(at, to) : -Errno.EBUSY;
  }

  #exchange(at: { fromDir: Fd; fromName: Latin1; toDir: Fd; toName: Latin1 }, path: Latin1): number {
    const { fromDir, fromName, toDir, toName } = at;
    const result = this.#sys.exchange(fromDir, fromName, toDir, toName);
    if (result !== -Errno.EINVAL && result !== -Errno.ENOSYS) return result;
    // The file system cannot exchange: for a moment the name is missing.
    const parked = this.#staging.park(toDir, toName);
    if (failed(parked)) return parked;
    const placed = this.#sys.rename(fromDir, fromName, toDir, toName);
    if (placed < 0) this.#staging.putBack(parked, { dir: toDir, name: toName, path });
    else this.#staging.release(parked);
    return placed;
  }

  /**
   * The directory was missing when it was compared, but is there now: another push, or somebody on this host, made it meanwhile. What the
   * staged one has goes into it; what else is in it stays.
   */
  #merge(from: Latin1, to: Latin1): number {
    this.#merging();
    const staged = this.#staging.get(from);
    if (failed(staged)) return staged;
    const own = this.#sys.stat(staged);
    if (failed(own)) return own;
    // Taking names out of a directory takes the right to write to it, which its final mode may not have.
    let error = this.#unlock(staged, own);
    const children = this.#list(staged);
    if (typeof children === "number") return children;
    for (const child of children) {
      const result = this.#mergeChild(child, join(from, child.name), join(to, child.name));
      if (error === 0) error = result;
    }
    const target = this.#directories.get(to);
    const set = failed(target) ? target : this.#copyMetadata(own, target);
    return error === 0 ? set : error;
  }

  #mergeChild({ stat }: Child, from: Latin1, to: Latin1): number {
    const directory = stat.kind === "directory";
    const what = { directory, exchange: false };
    const dir = directory && !this.#sys.root ? this.#staging.get(from) : undefined;
    if (dir === undefined) return this.place(from, to, what);
    if (failed(dir)) return dir;
    // Moving it changes its `..`, for which it must be writable.
    const unlocked = this.#unlock(dir, stat);
    const placed = unlocked < 0 ? unlocked : this.place(from, to, what);
    if (placed < 0) return placed;
    const target = this.#directories.get(to);
    return failed(target) ? target : this.#copyMetadata(stat, target);
  }

  /** Lets this user write to a staged directory, which is his. */
  #unlock(dir: Fd, { mode }: Stat): number {
    if (this.#sys.root || (mode & 0o300) === 0o300) return 0;
    return this.#sys.setMetadata(dir, { owner: undefined, mode: mode | 0o300, time: undefined });
  }

  #list(dir: Fd): Child[] | number {
    const fd = this.#sys.open(dir, ".", "directory");
    if (failed(fd)) return fd;
    const names = this.#sys.list(fd);
    const stats = failed(names) ? [] : this.#sys.statMany(fd, names);
    this.#sys.close(fd);
    if (failed(names)) return names;
    const children: Child[] = [];
    for (const [i, name] of names.entries()) {
      const stat = stats[i];
      if (stat !== undefined && !failed(stat)) children.push({ name, stat });
    }
    return children;
  }

  #copyMetadata(from: Stat, to: Fd): number {
    const owner = this.#sys.root ? { uid: from.uid, gid: from.gid } : undefined;
    return this.#sys.setMetadata(to, { owner, mode: from.mode, time: from });
  }
}
