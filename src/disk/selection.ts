import type { Selection } from "../wire/disk-port.ts";
import { Directories } from "./directories.ts";
import { errorText } from "./errno.ts";
import { display, inManifestOrder, isInside, normalise, toLatin1 } from "./names.ts";
import { look } from "./scan.ts";
import { Errno, errnoOf, type Fd, failed, type Latin1, type Sys } from "./sys.ts";

/**
 * What a user chose, as the roots of a scan: existing paths in manifest order, none twice, and none inside of another where the push is
 * recursive. Otherwise a complete message for the user.
 */
export function resolveSelection(
  sys: Sys,
  base: Fd,
  { paths, recursive }: Selection,
): { readonly roots: readonly Latin1[] } | { readonly message: string } {
  if (paths.length === 0) return recursive ? { roots: [""] } : { message: "nothing to send: no path given" };
  const chosen: Latin1[] = [];
  for (const given of paths) {
    const normal = normalise(given);
    if ("fault" in normal) return { message: `${display(toLatin1(given))}: the path ${normal.fault}` };
    if (normal.path === "" && !recursive)
      return { message: `${display(toLatin1(given))}: the base directory is sent only recursively` };
    chosen.push(normal.path);
  }
  chosen.sort(inManifestOrder);
  const message = firstMissing(sys, base, chosen);
  if (message !== undefined) return { message };
  const roots: Latin1[] = [];
  for (const path of chosen) {
    const last = roots.at(-1);
    if (last !== undefined && (path === last || (recursive && isInside(path, last)))) continue;
    roots.push(path);
  }
  return { roots };
}

/** Says which of the paths cannot be found, if any. */
function firstMissing(sys: Sys, base: Fd, paths: readonly Latin1[]): string | undefined {
  const directories = new Directories(sys, base);
  try {
    for (const path of paths) {
      if (path === "") continue;
      const { stat } = look(sys, directories, path);
      if (!failed(stat)) continue;
      const errno = errnoOf(stat);
      if (errno === Errno.ELOOP || errno === Errno.ENOTDIR)
        return `${display(path)}: not in a directory (symbolic links are not followed)`;
      return `${display(path)}: ${errorText(errno)}`;
    }
    return undefined;
  } finally {
    directories.release();
  }
}
