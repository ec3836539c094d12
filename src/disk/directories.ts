import { nameOf, parentOf } from "./names.ts";
import { type Failed, type Fd, failed, type Latin1, type Sys } from "./sys.ts";

/** Two such sets for each of a dozen pushes stay far below the usual limit of 1,024 descriptors, and few trees are deeper. */
const HELD_MAX = 32;
/** The kernel takes paths of up to this many bytes at once. */
const PATH_AT_ONCE_MAX = 4095;

/**
 * Directories below a base, opened once and held while they are in use: the most recently used stay open. Every opening goes down from the
 * base without following a link. A held directory stays the one that it was, even if it is renamed meanwhile: `release` before a step that
 * must see the tree as it is now.
 */
export class Directories {
  readonly #sys: Sys;
  readonly #base: Fd;
  /** From the least to the most recently used. */
  readonly #held = new Map<Latin1, Fd>();
  /** The most recently used: most names are in the directory of the one before. */
  #last: { readonly path: Latin1; readonly fd: Fd } | undefined;

  /** `base` stays the caller's. */
  constructor(sys: Sys, base: Fd) {
    this.#sys = sys;
    this.#base = base;
  }

  /**
   * The directory `path`, for naming what is in it; "" is the base. The descriptor is this object's, and good until HELD_MAX - 1 others have
   * been asked for. -ELOOP or -ENOTDIR: on the way lies something that is not a directory.
   */
  get(path: Latin1): Fd | Failed {
    if (path === "") return this.#base;
    if (this.#last?.path === path) return this.#last.fd;
    const known = this.#held.get(path);
    const fd = known ?? this.#open(path);
    if (failed(fd)) return fd;
    this.#held.delete(path);
    this.#held.set(path, fd);
    this.#trim();
    this.#last = { path, fd };
    return fd;
  }

  /** Closes all. */
  release(): void {
    for (const fd of this.#held.values()) this.#sys.close(fd);
    this.#held.clear();
    this.#last = undefined;
  }

  #open(path: Latin1): Fd | Failed {
    if (path.length <= PATH_AT_ONCE_MAX) return this.#sys.open(this.#base, path, "parent");
    const parent = this.get(parentOf(path));
    return failed(parent) ? parent : this.#sys.open(parent, nameOf(path), "parent");
  }

  #trim(): void {
    for (const [path, fd] of this.#held) {
      if (this.#held.size <= HELD_MAX) return;
      this.#held.delete(path);
      this.#sys.close(fd);
    }
  }
}
