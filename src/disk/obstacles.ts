import { Directories } from "./directories.ts";
import { join } from "./names.ts";
import { Errno, errnoOf, type Failed, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";

/** What would stop the commit halfway, found out before anything is changed. */

/** Names below a directory that is to be replaced that are looked at; one with more is not replaced. */
const WALK_MAX = 1 << 20;

/** The part of the file tree from which staged names can be renamed into place: where the base lies. */
export type Place = {
  readonly mount: bigint;
  readonly device: bigint;
  /** Its file system is an overlay (`Space.overlay`). */
  readonly overlay: boolean;
};

/** Where an open base lies. What cannot be found out fits nowhere. */
export function placeOf(sys: Sys, base: Fd): Place {
  const stat = sys.stat(base);
  const space = sys.space(base);
  const at = failed(stat) ? { mount: -1n, device: -1n } : { mount: stat.mount, device: stat.device };
  return { ...at, overlay: failed(space) || space.overlay };
}

/** Whether something lies in the same mount, and in the same subvolume of it. */
export function liesIn({ mount, device }: Place, stat: Stat): boolean {
  return stat.mount === mount && stat.device === device;
}

/** The error number that making or replacing names in a directory would meet; 0: none that can be foreseen. */
export function parentFault(sys: Sys, place: Place, parent: Fd): number {
  const stat = sys.stat(parent);
  if (failed(stat)) return errnoOf(stat);
  if (!liesIn(place, stat)) return Errno.EXDEV;
  if (stat.locked) return Errno.EPERM;
  const denied = errnoOf(sys.mayWrite(parent));
  // Its owner can give himself the right, and the commit does.
  return denied === Errno.EACCES && stat.uid === sys.uid ? 0 : denied;
}

/**
 * What replacing the name of `stat` in `parent` would meet; 0: nothing that can be foreseen. `whole`: it is a directory that makes room for
 * something else, so that all that is below it has to be removed.
 */
export function replacementFault(
  sys: Sys,
  place: Place,
  what: { readonly parent: Fd; readonly name: Latin1; readonly stat: Stat; readonly whole: boolean },
): number {
  const { parent, name, stat, whole } = what;
  // What another file system is mounted on cannot be renamed away.
  if (!liesIn(place, stat)) return Errno.EBUSY;
  const above = sys.root ? undefined : sys.stat(parent);
  if (failed(above)) return errnoOf(above);
  const removal = removalFault(sys, stat, above);
  if (removal !== 0 || !whole) return removal;
  // Only what the upper layer made itself could be moved, and that does not show.
  if (place.overlay) return Errno.EXDEV;
  const directories = new Directories(sys, parent);
  // Moving a directory changes its `..`.
  const fault =
    movingFault(sys, stat, directories.get(name)) || belowFault(sys, place, { directories, name });
  directories.release();
  return fault;
}

/** What removing a name would meet for its own sake. `above`: the directory that it is in; undefined for root. */
function removalFault(sys: Sys, stat: Stat, above: Stat | undefined): number {
  if (stat.locked) return Errno.EPERM;
  const sticky = above !== undefined && (above.mode & 0o1000) !== 0;
  return sticky && stat.uid !== sys.uid && above.uid !== sys.uid ? Errno.EPERM : 0;
}

function movingFault(sys: Sys, stat: Stat, fd: Fd | Failed): number {
  if (failed(fd)) return errnoOf(fd);
  return sys.root || stat.uid === sys.uid ? 0 : errnoOf(sys.mayWrite(fd));
}

/** What emptying directory `name` of `directories` would meet. */
function belowFault(
  sys: Sys,
  place: Place,
  { directories, name }: { directories: Directories; name: Latin1 },
): number {
  const waiting: Latin1[] = [name];
  let seen = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const dir = directories.get(path);
    if (failed(dir)) return errnoOf(dir);
    const own = sys.stat(dir);
    const fd = failed(own) ? own : sys.open(dir, ".", "directory");
    if (failed(own)) return errnoOf(own);
    if (failed(fd)) return errnoOf(fd);
    const names = sys.list(fd);
    const stats = failed(names) ? [] : sys.statMany(fd, names);
    sys.close(fd);
    if (failed(names)) return errnoOf(names);
    seen += names.length;
    if (seen > WALK_MAX) return Errno.EBUSY;
    if (names.length > 0) {
      const fault = parentFault(sys, place, dir);
      if (fault !== 0) return fault;
    }
    for (const [i, child] of names.entries()) {
      const stat = stats[i];
      // It is gone again, which is fine.
      if (stat === -Errno.ENOENT) continue;
      if (stat === undefined) return Errno.EIO;
      if (failed(stat)) return errnoOf(stat);
      const fault = liesIn(place, stat) ? removalFault(sys, stat, sys.root ? undefined : own) : Errno.EBUSY;
      if (fault !== 0) return fault;
      if (stat.kind === "directory") waiting.push(join(path, child));
    }
  }
  return 0;
}
