import type { Directories } from "./directories.ts";
import { join, nameOf, parentOf } from "./names.ts";
import type { Staging } from "./staging.ts";
import { Errno, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";

type Options = { readonly staging: Staging; readonly directories: Directories };

/**
 * Renames staged names over those of the tree, so that there is no moment without the old or the new one. What cannot be replaced by a rename (a
 * directory by a file, and the reverse) is exchanged, and the old one ends up in the staging area, which is removed afterwards.
 */
export class Placer {
  readonly #sys: Sys;
  readonly #staging: Staging;
  readonly #directories: Directories;

  /** `directories` are those of the tree. */
  constructor(sys: Sys, { staging, directories }: Options) {
    this.#sys = sys;
    this.#staging = staging;
    this.#directories = directories;
  }

  /** Brings `from` of the staging area to `to` in the tree; 0 or -errno. */
  place(from: Latin1, to: Latin1, { directory }: { directory: boolean }): number {
    const fromDir = this.#staging.get(parentOf(from));
    if (failed(fromDir)) return fromDir;
    const toDir = this.#directories.get(parentOf(to));
    if (failed(toDir)) return toDir;
    const at = { fromDir, fromName: nameOf(from), toDir, toName: nameOf(to) };
    const result = this.#sys.rename(fromDir, at.fromName, toDir, at.toName);
    if (directory && (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST)) return this.#merge(from, to);
    const inTheWay = result === (directory ? -Errno.ENOTDIR : -Errno.EISDIR);
    return inTheWay ? this.#exchange(at) : result;
  }

  #exchange(at: { fromDir: Fd; fromName: Latin1; toDir: Fd; toName: Latin1 }): number {
    const { fromDir, fromName, toDir, toName } = at;
    const result = this.#sys.exchange(fromDir, fromName, toDir, toName);
    if (result !== -Errno.EINVAL && result !== -Errno.ENOSYS) return result;
    // The file system cannot exchange: for a moment the name is missing.
    const parking = this.#staging.get("");
    if (failed(parking)) return parking;
    const parked = this.#staging.freeName();
    const moved = this.#sys.rename(toDir, toName, parking, parked);
    if (moved < 0) return moved;
    const placed = this.#sys.rename(fromDir, fromName, toDir, toName);
    if (placed < 0) this.#sys.rename(parking, parked, toDir, toName);
    return placed;
  }

  /**
   * The directory was missing when it was compared, but is there now: another push, or somebody on this host, made it meanwhile. What the
   * staged one has goes into it; what else is in it stays.
   */
  #merge(from: Latin1, to: Latin1): number {
    const staged = this.#staging.get(from);
    if (failed(staged)) return staged;
    const own = this.#sys.stat(staged);
    if (failed(own)) return own;
    const children = this.#list(staged);
    if (typeof children === "number") return children;
    let error = 0;
    for (const { name, kind } of children) {
      const result = this.place(join(from, name), join(to, name), { directory: kind === "directory" });
      if (error === 0) error = result;
    }
    const target = this.#directories.get(to);
    const set = failed(target) ? target : this.#copyMetadata(own, target);
    return error === 0 ? set : error;
  }

  #list(dir: Fd): { name: Latin1; kind: Stat["kind"] }[] | number {
    const fd = this.#sys.open(dir, ".", "directory");
    if (failed(fd)) return fd;
    const names = this.#sys.list(fd);
    const stats = failed(names) ? [] : this.#sys.statMany(fd, names);
    this.#sys.close(fd);
    if (failed(names)) return names;
    const children: { name: Latin1; kind: Stat["kind"] }[] = [];
    for (const [i, name] of names.entries()) {
      const stat = stats[i];
      if (stat !== undefined && !failed(stat)) children.push({ name, kind: stat.kind });
    }
    return children;
  }

  #copyMetadata(from: Stat, to: Fd): number {
    const owner = this.#sys.root ? { uid: from.uid, gid: from.gid } : undefined;
    return this.#sys.setMetadata(to, { owner, mode: from.mode, time: from });
  }
}
