import { PATH_BYTES_MAX } from "../wire/constants.ts";
import { Directories } from "./directories.ts";
import { inOrder, join } from "./names.ts";
import { liesIn, movingFault, type Place, parentFault, removalFault } from "./obstacles.ts";
import type { Spares } from "./rules.ts";
import { Errno, errnoOf, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";

/** What is found out about directories that are to go, before anything is changed. */

/** Names whose status is kept at a time: a directory may have millions. */
const STATS_AT_ONCE = 256;
/** Bytes that a listed name takes besides its own, about. */
const NAME_BYTES = 48;

export type Ground = {
  readonly sys: Sys;
  readonly place: Place;
  readonly spares: Spares;
};

/** Why something cannot go: an error number, and the path that is to blame. */
export type Trouble = { readonly errno: number; readonly path: Latin1 };

/** Takes what a walk finds. Results below 0 are -errno, and end it. */
export type Finder = {
  /** The name `path` goes; in manifest order. Returns what `stays` is told if that turns out wrong. */
  readonly goes: (path: Latin1) => number;
  /** A directory that was told to go stays, as something in it does. */
  readonly stays: (token: number) => void;
  /**
   * `path`, which has that status, goes with all that is in it; what it is in stays. On an overlay, where directories cannot be moved, every name
   * comes here, a directory after what is in it.
   */
  readonly root: (path: Latin1, stat: Stat) => number;
  /** Memory that is wanted, in bytes; less than 0: that is given back. */
  readonly hold: (bytes: number) => number;
};

/** A directory that is to go. */
export type DoomedDirectory = {
  readonly parent: Fd;
  readonly name: Latin1;
  /** From the base. */
  readonly path: Latin1;
  readonly stat: Stat;
  /**
   * Whether it may stay if something in it is spared; then it is itself among the names that go, and `fault` is asked for the error number that
   * removing its own name would meet (0: none) if it does. Else anything spared is trouble: ENOTEMPTY.
   */
  readonly mayStay: { readonly fault: () => number } | undefined;
};

/** A directory on the way down to where a walk is. */
type Floor = {
  readonly path: Latin1;
  /** From the directory that the outermost one is in. */
  readonly inside: Latin1;
  readonly own: Stat;
  readonly names: readonly Latin1[];
  /** Of each name so far: what it is. */
  readonly kinds: Uint8Array;
  /** Status of the names from `first` on. */
  stats: readonly ReturnType<Sys["statMany"]>[number][];
  first: number;
  next: number;
  stays: boolean;
  /** Whether names in it may be removed, as of `parentFault`; undefined while none was to be. */
  fault: number | undefined;
  readonly token: number | undefined;
  readonly nameFault: () => number;
  readonly held: number;
};

const Kind = { gone: 0, plain: 1, directory: 2 } as const;

/**
 * Walks through a directory that is to go, in manifest order, and tells `finder` what goes. What is spared stays, and so do the directories on
 * the way to it. Never follows a link nor enters another mount, and needs little memory: lists of names on the way down. Returns why it cannot go.
 */
export function walk(ground: Ground, finder: Finder, doomed: DoomedDirectory): Trouble | undefined {
  const directories = new Directories(ground.sys, doomed.parent);
  try {
    return new Walk(ground, finder, directories).run(doomed);
  } finally {
    directories.release();
  }
}

/** Whether a directory has, at any depth, what is spared, or what cannot go; the error number: ENOTEMPTY, or that. */
export function wholeFault(
  ground: Ground,
  doomed: Omit<DoomedDirectory, "mayStay">,
  namesMax = Number.POSITIVE_INFINITY,
): number {
  let seen = 0;
  const goes = () => (++seen > namesMax ? -Errno.EBUSY : 0);
  const finder = { goes, stays: () => {}, root: () => 0, hold: () => 0 };
  return walk(ground, finder, { ...doomed, mayStay: undefined })?.errno ?? 0;
}

class Walk {
  readonly #ground: Ground;
  readonly #finder: Finder;
  readonly #directories: Directories;
  readonly #floors: Floor[] = [];
  #whole = false;
  /** Names go one by one, a directory after what is in it, as directories cannot be moved here (`Place.overlay`). */
  #singly = false;

  constructor(ground: Ground, finder: Finder, directories: Directories) {
    this.#ground = ground;
    this.#finder = finder;
    this.#directories = directories;
  }

  run({ name, path, stat, mayStay }: DoomedDirectory): Trouble | undefined {
    this.#whole = mayStay === undefined;
    this.#singly = this.#ground.place.overlay && !this.#whole;
    const token = mayStay === undefined ? undefined : this.#finder.goes(path);
    if (token !== undefined && token < 0) return { errno: errnoOf(token), path };
    const fault = mayStay?.fault ?? (() => 0);
    let trouble = this.#enter({ path, inside: name, own: stat, token, fault });
    for (let floor = this.#floors.at(-1); floor !== undefined; floor = this.#floors.at(-1)) {
      trouble ??= floor.next < floor.names.length ? this.#step(floor) : this.#leave(floor);
      if (trouble !== undefined) break;
    }
    for (const { held } of this.#floors) this.#finder.hold(-held);
    return trouble;
  }

  #enter(at: {
    path: Latin1;
    inside: Latin1;
    own: Stat;
    token: number | undefined;
    fault: () => number;
  }): Trouble | undefined {
    const { path, inside, own, token, fault } = at;
    const { sys } = this.#ground;
    const dir = this.#directories.get(inside);
    const fd = failed(dir) ? dir : sys.open(dir, ".", "directory");
    // It is gone again, which is fine.
    if (fd === -Errno.ENOENT) return undefined;
    if (failed(fd)) return { errno: errnoOf(fd), path };
    const listed = sys.list(fd);
    sys.close(fd);
    if (failed(listed)) return { errno: errnoOf(listed), path };
    const names = inOrder(listed);
    const held = names.reduce((sum, name) => sum + name.length + NAME_BYTES, 0);
    this.#floors.push({
      path,
      inside,
      own,
      names,
      kinds: new Uint8Array(names.length),
      stats: [],
      first: 0,
      next: 0,
      stays: false,
      fault: undefined,
      token,
      nameFault: fault,
      held,
    });
    const room = this.#finder.hold(held);
    return room < 0 ? { errno: errnoOf(room), path } : undefined;
  }

  /** The next name of a directory. */
  #step(floor: Floor): Trouble | undefined {
    const index = floor.next++;
    const name = floor.names[index] ?? "";
    const path = join(floor.path, name);
    const stat = this.#stat(floor, index);
    // It is gone again, which is fine.
    if (stat === -Errno.ENOENT) return undefined;
    if (failed(stat)) return { errno: errnoOf(stat), path };
    const { sys, place, spares } = this.#ground;
    if (spares(path, stat)) return this.#spare(path);
    if (path.length > PATH_BYTES_MAX) return { errno: Errno.ENAMETOOLONG, path: floor.path };
    // What is mounted there is not the base's.
    if (!liesIn(place, stat)) return { errno: Errno.EBUSY, path };
    const fault = () => this.#parentFault(floor) || removalFault(sys, stat, sys.root ? undefined : floor.own);
    const token = this.#finder.goes(path);
    if (token < 0) return { errno: errnoOf(token), path };
    if (stat.kind === "directory") {
      floor.kinds[index] = Kind.directory;
      return this.#enter({ path, inside: join(floor.inside, name), own: stat, token, fault });
    }
    floor.kinds[index] = Kind.plain;
    const errno = fault();
    if (errno !== 0) return { errno, path };
    return floor.stays || this.#singly ? this.#root(floor, index) : undefined;
  }

  /** A directory has been looked through. */
  #leave(floor: Floor): Trouble | undefined {
    this.#floors.pop();
    this.#finder.hold(-floor.held);
    if (floor.stays) return undefined;
    const errno = floor.nameFault();
    if (errno !== 0) return { errno, path: floor.path };
    if (this.#singly) return this.#note(floor.path, floor.own);
    const above = this.#floors.at(-1);
    if (above?.stays === true) return this.#root(above, above.next - 1);
    return above === undefined && !this.#whole ? this.#rootDirectory(floor) : undefined;
  }

  /** Something stays, and so does all that it is in; what else was found there goes by itself. */
  #spare(path: Latin1): Trouble | undefined {
    if (this.#whole) return { errno: Errno.ENOTEMPTY, path };
    for (const floor of this.#floors) {
      if (floor.stays) continue;
      floor.stays = true;
      if (floor.token !== undefined) this.#finder.stays(floor.token);
      // The last one so far is what stays, or is on the way to it.
      for (let index = 0; index < floor.next - 1 && !this.#singly; index++) {
        const trouble = this.#root(floor, index);
        if (trouble !== undefined) return trouble;
      }
    }
    return undefined;
  }

  /** A name goes while its directory stays. */
  #root(floor: Floor, index: number): Trouble | undefined {
    const name = floor.names[index] ?? "";
    const path = join(floor.path, name);
    const kind = floor.kinds[index];
    if (kind === Kind.gone) return undefined;
    const stat = this.#statAgain(floor, index);
    // It is gone again, which is fine.
    if (stat === -Errno.ENOENT) return undefined;
    if (failed(stat)) return { errno: errnoOf(stat), path };
    if ((stat.kind === "directory") !== (kind === Kind.directory)) return { errno: Errno.EBUSY, path };
    if (kind === Kind.plain) return this.#note(path, stat);
    return this.#rootDirectory({ path, inside: join(floor.inside, name), own: stat });
  }

  /** Status of a name that has been looked at, perhaps long ago. */
  #statAgain(floor: Floor, index: number): ReturnType<Sys["statMany"]>[number] {
    if (index >= floor.first) return this.#stat(floor, index);
    const dir = this.#directories.get(floor.inside);
    const [stat] = failed(dir) ? [dir] : this.#ground.sys.statMany(dir, [floor.names[index] ?? ""]);
    return stat ?? (-Errno.EIO as ReturnType<Sys["statMany"]>[number]);
  }

  #rootDirectory({ path, inside, own }: Pick<Floor, "path" | "inside" | "own">): Trouble | undefined {
    const { sys, place } = this.#ground;
    const errno = movingFault(sys, place, own, () => this.#directories.get(inside));
    return errno === 0 ? this.#note(path, own) : { errno, path };
  }

  #note(path: Latin1, stat: Stat): Trouble | undefined {
    const noted = this.#finder.root(path, stat);
    return noted < 0 ? { errno: errnoOf(noted), path } : undefined;
  }

  #parentFault(floor: Floor): number {
    if (floor.fault !== undefined) return floor.fault;
    const dir = this.#directories.get(floor.inside);
    floor.fault = failed(dir) ? errnoOf(dir) : parentFault(this.#ground.sys, this.#ground.place, dir);
    return floor.fault;
  }

  #stat(floor: Floor, index: number): ReturnType<Sys["statMany"]>[number] {
    if (index >= floor.first + floor.stats.length) {
      const dir = this.#directories.get(floor.inside);
      if (failed(dir)) return dir;
      floor.first = index;
      floor.stats = this.#ground.sys.statMany(dir, floor.names.slice(index, index + STATS_AT_ONCE));
    }
    const stat = floor.stats[index - floor.first];
    return stat ?? (-Errno.EIO as ReturnType<Sys["statMany"]>[number]);
  }
}
