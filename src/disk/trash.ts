import { Errno, type Failed, type Fd, failed, type Latin1, type Sys } from "./sys.ts";

/**
 * Removes a name and everything below it, without following links or entering another mount (-EBUSY: that stays, and what it lies in).
 * Works through trees of any depth with two descriptors: directories that are not empty are first brought up beside the one that is being
 * emptied. 0, or the first -errno; what can be removed is removed.
 */
export function removeTree(sys: Sys, dir: Fd, name: Latin1): number {
  const direct = removeName(sys, dir, name);
  if (direct === 0 || direct === -Errno.ENOENT) return 0;
  if (direct !== -Errno.ENOTEMPTY) return direct;
  const above = sys.stat(dir);
  if (failed(above)) return above;
  const top = openIn(sys, { dir, name, mount: above.mount });
  if (failed(top)) return top;
  const error = empty(sys, top, above.mount);
  sys.close(top);
  const last = removeName(sys, dir, name);
  return last === 0 ? 0 : error === 0 ? last : error;
}

/** Empties a directory; the first -errno that it cannot do anything about, else 0. */
function empty(sys: Sys, top: Fd, mount: bigint): number {
  let error = 0;
  let parked = 0;
  let moved = false;
  const park = (from: Fd, name: Latin1): number => {
    for (;;) {
      const result = sys.rename(from, name, top, `+${parked++}`);
      const taken = result === -Errno.ENOTEMPTY || result === -Errno.EEXIST || result === -Errno.ENOTDIR;
      if (taken) continue;
      // The directory that it came from can be removed in the next round, even if this one is to stay.
      if (result === 0) moved = true;
      return result;
    }
  };
  for (let progress = true; progress; ) {
    progress = false;
    moved = false;
    const names = listAt(sys, top, ".");
    if (failed(names)) return names;
    for (const name of names) {
      let result = removeName(sys, top, name);
      if (result === -Errno.ENOTEMPTY) result = hollow(sys, { top, name, mount, park });
      if (result === 0) progress = true;
      else if (error === 0) error = result;
    }
    progress ||= moved;
  }
  return error;
}

type Doomed = { readonly top: Fd; readonly name: Latin1; readonly mount: bigint };

/** Removes directory `name` of `top` after its directories have been parked in `top` and all else in it is gone. */
function hollow(
  sys: Sys,
  { top, name, mount, park }: Doomed & { readonly park: (from: Fd, name: Latin1) => number },
): number {
  const sub = openIn(sys, { dir: top, name, mount });
  if (failed(sub)) return sub;
  const names = sys.list(sub);
  let error = failed(names) ? names : 0;
  for (const child of failed(names) ? [] : names) {
    let result = removeName(sys, sub, child);
    if (result === -Errno.ENOTEMPTY) {
      allow(sys, { dir: sub, name: child, mount });
      result = park(sub, child);
    }
    if (result < 0 && error === 0) error = result;
  }
  sys.close(sub);
  const last = removeName(sys, top, name);
  return last === 0 || error === 0 ? last : error;
}

/** Removes a file or an empty directory; -ENOTEMPTY for one that is not. */
function removeName(sys: Sys, dir: Fd, name: Latin1): number {
  const result = sys.removeFile(dir, name);
  // Linux says EISDIR of a directory, POSIX and some file systems EPERM.
  if (result !== -Errno.EISDIR && result !== -Errno.EPERM) return result;
  const removed = sys.removeDirectory(dir, name);
  return removed === -Errno.ENOTDIR ? result : removed === -Errno.EEXIST ? -Errno.ENOTEMPTY : removed;
}

function listAt(sys: Sys, dir: Fd, name: Latin1): Latin1[] | ReturnType<Sys["list"]> {
  const fd = sys.open(dir, name, "directory");
  if (failed(fd)) return fd;
  const names = sys.list(fd);
  sys.close(fd);
  return names;
}

type Inside = { readonly dir: Fd; readonly name: Latin1; readonly mount: bigint };

/** Opens directory `name` of `dir`, to empty it; -EBUSY if it is another mount than `dir`. */
export function openToEmpty(sys: Sys, dir: Fd, name: Latin1): Fd | Failed {
  const above = sys.stat(dir);
  return failed(above) ? above : openIn(sys, { dir, name, mount: above.mount });
}

/** Opens a directory that is to be emptied; -EBUSY if it lies in another mount. */
function openIn(sys: Sys, { dir, name, mount }: Inside): Fd | Failed {
  allow(sys, { dir, name, mount });
  const fd = sys.open(dir, name, "directory");
  const stat = failed(fd) ? fd : sys.stat(fd);
  if (failed(fd) || (!failed(stat) && stat.mount === mount)) return fd;
  sys.close(fd);
  return failed(stat) ? stat : (-Errno.EBUSY as Failed);
}

/** A directory's owner may have to give himself the right to empty it. */
function allow(sys: Sys, { dir, name, mount }: Inside): void {
  if (sys.root) return;
  const fd = sys.open(dir, name, "handle");
  if (failed(fd)) return;
  const stat = sys.stat(fd);
  if (!failed(stat) && stat.mount === mount)
    sys.setMetadata(fd, { owner: undefined, mode: 0o700, time: undefined });
  sys.close(fd);
}
