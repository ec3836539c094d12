import { Errno, type Fd, failed, type Latin1, type Sys } from "./sys.ts";

/**
 * Removes a name and everything below it, without following links. Works through trees of any depth with two descriptors: directories
 * that are not empty are first brought up beside the one that is being emptied. 0, or the first -errno; what can be removed is removed.
 */
export function removeTree(sys: Sys, dir: Fd, name: Latin1): number {
  const direct = removeName(sys, dir, name);
  if (direct === 0 || direct === -Errno.ENOENT) return 0;
  if (direct !== -Errno.ENOTEMPTY) return direct;
  allow(sys, dir, name);
  const top = sys.open(dir, name, "directory");
  if (failed(top)) return top;
  const error = empty(sys, top);
  sys.close(top);
  const last = removeName(sys, dir, name);
  return last === 0 ? 0 : error === 0 ? last : error;
}

/** Empties a directory; the first -errno that it cannot do anything about, else 0. */
function empty(sys: Sys, top: Fd): number {
  let error = 0;
  let parked = 0;
  const park = (from: Fd, name: Latin1): number => {
    for (;;) {
      const result = sys.rename(from, name, top, `+${parked++}`);
      const taken = result === -Errno.ENOTEMPTY || result === -Errno.EEXIST || result === -Errno.ENOTDIR;
      if (!taken) return result;
    }
  };
  for (let progress = true; progress; ) {
    progress = false;
    const names = listAt(sys, top, ".");
    if (failed(names)) return names;
    for (const name of names) {
      let result = removeName(sys, top, name);
      if (result === -Errno.ENOTEMPTY) result = hollow(sys, { top, name, park });
      if (result === 0) progress = true;
      else if (error === 0) error = result;
    }
  }
  return error;
}

/** Removes directory `name` of `top` after its directories have been parked in `top` and all else in it is gone. */
function hollow(
  sys: Sys,
  { top, name, park }: { top: Fd; name: Latin1; park: (from: Fd, name: Latin1) => number },
): number {
  allow(sys, top, name);
  const sub = sys.open(top, name, "directory");
  if (failed(sub)) return sub;
  const names = sys.list(sub);
  let error = failed(names) ? names : 0;
  for (const child of failed(names) ? [] : names) {
    let result = removeName(sys, sub, child);
    if (result === -Errno.ENOTEMPTY) {
      allow(sys, sub, child);
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

/** A directory's owner may have to give himself the right to empty it. */
function allow(sys: Sys, dir: Fd, name: Latin1): void {
  if (sys.root) return;
  const fd = sys.open(dir, name, "handle");
  if (failed(fd)) return;
  sys.setMetadata(fd, { owner: undefined, mode: 0o700, time: undefined });
  sys.close(fd);
}
