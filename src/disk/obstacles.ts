import { Errno, errnoOf, type Failed, type Fd, failed, type Stat, type Sys } from "./sys.ts";

/** What would stop the commit halfway, found out before anything is changed. */

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

/**
 * Whether something lies in the same mount, and in the same subvolume of it. An overlay has no subvolumes, but its files may have other
 * device numbers than its directories.
 */
export function liesIn({ mount, device, overlay }: Place, stat: Stat): boolean {
  return stat.mount === mount && (overlay || stat.device === device);
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

/** What removing a name would meet for its own sake; 0: nothing. `above`: the directory that it is in; undefined for root. */
export function removalFault(sys: Sys, stat: Stat, above: Stat | undefined): number {
  if (stat.locked) return Errno.EPERM;
  const sticky = above !== undefined && (above.mode & 0o1000) !== 0;
  return sticky && stat.uid !== sys.uid && above.uid !== sys.uid ? Errno.EPERM : 0;
}

/** What moving a directory, which `open` opens, would meet besides: its `..` changes. 0: nothing. */
export function movingFault(sys: Sys, place: Place, stat: Stat, open: () => Fd | Failed): number {
  // Only what the upper layer made itself could be moved, and that does not show.
  if (place.overlay) return Errno.EXDEV;
  const fd = open();
  if (failed(fd)) return errnoOf(fd);
  return sys.root || stat.uid === sys.uid ? 0 : errnoOf(sys.mayWrite(fd));
}
