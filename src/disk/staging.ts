import { Directories } from "./directories.ts";
import { nameOf, parentOf, STAGE_NAME } from "./names.ts";
import { Errno, type Failed, type Fd, failed, type Latin1, type Sys } from "./sys.ts";
import { removeTree } from "./trash.ts";

/** Mode of directories that have to be made but are not in the manifest. */
const IMPLICIT_MODE = 0o755;

/**
 * Where a push is staged: a directory of its own in STAGE_NAME directly below the base, hence in the same file system, to which only this
 * daemon's user has access. Paths here are relative to it. Nothing is made on disk before `make`.
 */
export class Staging {
  readonly #sys: Sys;
  readonly #base: Fd;
  readonly #name: Latin1;
  #area: { readonly stage: Fd; readonly flush: Fd; readonly directories: Directories } | undefined;
  #parked = 0;

  /** `base` stays the caller's; `name` is the push's. */
  constructor(sys: Sys, base: Fd, name: Latin1) {
    this.#sys = sys;
    this.#base = base;
    this.#name = name;
  }

  get made(): boolean {
    return this.#area !== undefined;
  }

  /** Makes the directory, unless it is there; 0 or -errno. */
  make(): number {
    if (this.#area !== undefined) return 0;
    const sys = this.#sys;
    const stage = this.#openStage();
    if (failed(stage)) return stage;
    // What a dead process left under this very name is of no use.
    removeTree(sys, stage, this.#name);
    const made = sys.makeDirectory(stage, this.#name);
    const own = made < 0 ? (made as Failed) : sys.open(stage, this.#name, "directory");
    if (failed(own)) {
      sys.close(stage);
      this.#removeStage();
      return own;
    }
    this.#area = { stage, flush: own, directories: new Directories(sys, own) };
    return 0;
  }

  /** The directory `path` of the staging area, held by this object. "" is the push's own. */
  get(path: Latin1): Fd | Failed {
    return this.#area === undefined ? (-Errno.ENOENT as Failed) : this.#area.directories.get(path);
  }

  /** As `get`; directories that are missing are made, as those of a manifest that does not mention them. */
  getOrMake(path: Latin1): Fd | Failed {
    const known = this.get(path);
    if (known !== -Errno.ENOENT || path === "") return known;
    const parent = this.getOrMake(parentOf(path));
    if (failed(parent)) return parent;
    const made = this.#sys.makeDirectory(parent, nameOf(path));
    if (made < 0) return made as Failed;
    const fd = this.get(path);
    if (failed(fd)) return fd;
    const moded = this.#sys.setMetadata(fd, { owner: undefined, mode: IMPLICIT_MODE, time: undefined });
    return moded < 0 ? (moded as Failed) : fd;
  }

  /** A name in the push's own directory that nothing has, for what has to get out of the way. */
  freeName(): Latin1 {
    return `-${this.#parked++}`;
  }

  /** Flushes the file system, if anything was staged on it; 0 or -errno, also of writes that failed earlier. */
  flush(): number {
    return this.#area === undefined ? 0 : this.#sys.syncAll(this.#area.flush);
  }

  /** Flushes the push's own directory. */
  flushDirectory(): number {
    return this.#area === undefined ? 0 : this.#sys.sync(this.#area.flush);
  }

  /** Removes all that is staged, and STAGE_NAME as well unless another push is in it. */
  remove(): void {
    if (this.#area === undefined) return;
    const { stage, flush, directories } = this.#area;
    directories.release();
    this.#sys.close(flush);
    removeTree(this.#sys, stage, this.#name);
    this.#sys.close(stage);
    this.#area = undefined;
    this.#removeStage();
  }

  #openStage(): Fd | Failed {
    const sys = this.#sys;
    const made = sys.makeDirectory(this.#base, STAGE_NAME);
    if (made < 0 && made !== -Errno.EEXIST) return made as Failed;
    const stage = sys.open(this.#base, STAGE_NAME, "parent");
    if (failed(stage)) return stage;
    // Had somebody else made it, he could put his own files in the place of staged ones.
    const stat = sys.stat(stage);
    const wrong = failed(stat) ? stat : stat.uid !== sys.uid || (stat.mode & 0o077) !== 0 ? -Errno.EPERM : 0;
    if (wrong === 0) return stage;
    sys.close(stage);
    return wrong as Failed;
  }

  #removeStage(): void {
    this.#sys.removeDirectory(this.#base, STAGE_NAME);
  }
}

/** Removes what dead processes left of their pushes, if anything; 0 or -errno. Whatever has that name is removed, and no link is followed. */
export function removeLeftovers(sys: Sys, base: Fd): number {
  return removeTree(sys, base, STAGE_NAME);
}
