import { Directories } from "./directories.ts";
import { errorText } from "./errno.ts";
import { display, join, nameOf, parentOf, STAGE_NAME } from "./names.ts";
import { Errno, errnoOf, type Failed, type Fd, failed, type Latin1, type Sys } from "./sys.ts";
import { openToEmpty, removeTree } from "./trash.ts";

/** Mode of directories that have to be made but are not in the manifest. */
const IMPLICIT_MODE = 0o755;

/** Starts the names of what was moved out of the way and must not be lost before the new name is in place. */
const PARKED = "-";
/** Starts those of what may go: replaced, or removed from the tree. */
const REPLACED = "=";

/** Takes a line for the operator. */
export type Log = (text: string) => void;

/**
 * Where a push is staged: a directory of its own in STAGE_NAME directly below the base, hence in the same file system, to which only this
 * daemon's user has access. Paths here are relative to it. Nothing is made on disk before `make`.
 */
export class Staging {
  readonly #sys: Sys;
  readonly #base: Fd;
  readonly #name: Latin1;
  readonly #log: Log;
  #area: { readonly stage: Fd; readonly flush: Fd; readonly directories: Directories } | undefined;
  #parked = 0;

  /** `base` stays the caller's; `name` is the push's. */
  constructor({ sys, log }: { readonly sys: Sys; readonly log: Log }, base: Fd, name: Latin1) {
    this.#sys = sys;
    this.#base = base;
    this.#name = name;
    this.#log = log;
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
    removePush(sys, stage, this.#name);
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

  /**
   * Moves a name of the tree out of the way, into the push's own directory; from there it is not removed before `release`, not even by a later
   * process. Returns where it is, for the other two, or -errno.
   */
  park(dir: Fd, name: Latin1): Latin1 | Failed {
    const area = this.get("");
    if (failed(area)) return area;
    const parked = `${PARKED}${this.#parked++}`;
    const moved = this.#sys.rename(dir, name, area, parked);
    return moved < 0 ? (moved as Failed) : parked;
  }

  /** Something else has taken the place of what was parked, which may be removed now. */
  release(parked: Latin1): void {
    const area = this.get("");
    if (!failed(area)) this.#sys.rename(area, parked, area, REPLACED + parked.slice(PARKED.length));
  }

  /** Moves a name out of the tree for good; 0 or -errno. It is removed with what is staged, or at the next start. */
  discard(dir: Fd, name: Latin1): number {
    const area = this.get("");
    return failed(area) ? area : this.#sys.rename(dir, name, area, `${REPLACED}${this.#parked++}`);
  }

  /** Puts what was parked back to where it was. If that fails it stays where it is, and the log says where; `path` is its name in the tree. */
  putBack(parked: Latin1, at: { readonly dir: Fd; readonly name: Latin1; readonly path: Latin1 }): void {
    const area = this.get("");
    const result = failed(area) ? area : this.#sys.rename(area, parked, at.dir, at.name);
    if (result === 0) return;
    const kept = display(join(join(STAGE_NAME, this.#name), parked));
    this.#log(`${display(at.path)} is now ${kept}: it could not be put back: ${errorText(errnoOf(result))}`);
  }

  /** Flushes the file system, if anything was staged on it; 0 or -errno, also of writes that failed earlier. */
  flush(): number {
    return this.#area === undefined ? 0 : this.#sys.syncAll(this.#area.flush);
  }

  /** Flushes the push's own directory. */
  flushDirectory(): number {
    return this.#area === undefined ? 0 : this.#sys.sync(this.#area.flush);
  }

  /** Removes all that is staged, and STAGE_NAME as well unless another push is in it. What cannot be removed is in the log, and tried again at the next start. */
  remove(): void {
    if (this.#area === undefined) return;
    const { stage, flush, directories } = this.#area;
    directories.release();
    this.#sys.close(flush);
    const removed = removePush(this.#sys, stage, this.#name);
    if (removed < 0)
      this.#log(`cannot remove ${join(STAGE_NAME, this.#name)}: ${errorText(errnoOf(removed))}`);
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

/**
 * Removes what dead processes left of their pushes, if anything; 0 or -errno. Whatever has that name is removed, and no link is followed. Only
 * what a push had moved out of the way without putting anything in its place is kept: `log` says where it is.
 */
export function removeLeftovers({ sys, log }: { readonly sys: Sys; readonly log: Log }, base: Fd): number {
  const stage = openToEmpty(sys, base, STAGE_NAME);
  // On a file system that is read-only even the removal of nothing would fail.
  if (stage === -Errno.ENOENT) return 0;
  if (failed(stage)) return removeTree(sys, base, STAGE_NAME);
  let error = 0;
  const pushes = sys.list(stage);
  for (const name of failed(pushes) ? [] : pushes) {
    const result = removePush(sys, stage, name);
    if (result === -Errno.ENOTEMPTY)
      log(`${display(join(STAGE_NAME, name))} holds what an interrupted push was replacing: put it back`);
    else if (error === 0) error = result;
  }
  sys.close(stage);
  const removed = sys.removeDirectory(base, STAGE_NAME);
  return error !== 0 || removed === -Errno.ENOTEMPTY ? error : removed;
}

/** Removes a push's directory but for what is parked in it: -ENOTEMPTY then. */
function removePush(sys: Sys, stage: Fd, name: Latin1): number {
  const fd = openToEmpty(sys, stage, name);
  if (failed(fd)) return removeTree(sys, stage, name);
  const names = sys.list(fd);
  const parked = failed(names) ? [] : names.filter((child) => child.startsWith(PARKED));
  let error = 0;
  if (parked.length > 0 && !failed(names)) {
    for (const child of names) if (!child.startsWith(PARKED)) error ||= removeTree(sys, fd, child);
    error ||= -Errno.ENOTEMPTY;
  }
  sys.close(fd);
  return failed(names) ? names : parked.length > 0 ? error : removeTree(sys, stage, name);
}
