import type { Selection } from "../wire/disk-port.ts";
import { Directories } from "./directories.ts";
import { errorText } from "./errno.ts";
import { display, inManifestOrder, isInside, normalise, toLatin1 } from "./names.ts";
import { look, type Status } from "./scan.ts";
import { Errno, errnoOf, type Fd, failed, type Latin1, type Sys } from "./sys.ts";

/** What a user chose. All are in manifest order, none twice. */
export type Chosen = {
  /** Existing paths, none inside of another where the push is recursive: the roots of a scan. */
  readonly roots: readonly Latin1[];
  /** Paths that do not exist here, none inside of another. */
  readonly missing: readonly Latin1[];
  /** Paths that are left out. */
  readonly excluded: readonly Latin1[];
};

export type ChoiceOptions = {
  /** As `Task.removes`: whether a path may be missing. */
  readonly removes: "nothing" | "missing" | "extra";
  /** Whether a path is left out, or one of the directories that it is in. */
  readonly excluded: (path: Latin1, isDirectory: boolean) => boolean;
};

/** What a user chose, or a complete message for the user of what is wrong with it. */
export function resolveSelection(
  sys: Sys,
  base: Fd,
  { paths, recursive }: Selection,
  options: ChoiceOptions,
): Chosen | { readonly message: string } {
  const nothing = { missing: [], excluded: [] };
  if (paths.length === 0)
    return recursive ? { roots: [""], ...nothing } : { message: "nothing to send: no path given" };
  const given: Latin1[] = [];
  for (const path of paths) {
    const normal = normalise(path);
    if ("fault" in normal) return { message: `${display(toLatin1(path))}: the path ${normal.fault}` };
    if (normal.path === "" && !recursive)
      return { message: `${display(toLatin1(path))}: the base directory is sent only recursively` };
    given.push(normal.path);
  }
  given.sort(inManifestOrder);
  const directories = new Directories(sys, base);
  try {
    const unique = given.filter((path, i) => path !== given[i - 1]);
    const sorted = sortOut(unique, (path) => look(sys, directories, path), options);
    return "message" in sorted ? sorted : { ...sorted, ...apart(sorted, { recursive, ...options }) };
  } finally {
    directories.release();
  }
}

/** Which of the paths exist, which do not, and which are left out. */
function sortOut(
  paths: readonly Latin1[],
  status: (path: Latin1) => Status,
  { removes, excluded }: ChoiceOptions,
): Chosen | { readonly message: string } {
  const roots: Latin1[] = [];
  const missing: Latin1[] = [];
  const leftOut: Latin1[] = [];
  for (const path of paths) {
    if (path === "") {
      roots.push(path);
      continue;
    }
    const { stat } = status(path);
    const errno = failed(stat) ? errnoOf(stat) : 0;
    const mayBeMissing = errno === Errno.ENOENT && removes !== "nothing";
    if (errno !== 0 && !mayBeMissing) return { message: `${display(path)}: ${reason(errno)}` };
    const isDirectory = !failed(stat) && stat.kind === "directory";
    if (excluded(path, isDirectory)) leftOut.push(path);
    else (mayBeMissing ? missing : roots).push(path);
  }
  return { roots, missing, excluded: leftOut };
}

function reason(errno: number): string {
  if (errno === Errno.ELOOP || errno === Errno.ENOTDIR)
    return "not in a directory (symbolic links are not followed)";
  return errorText(errno);
}

/** Leaves out what is inside of another, in manifest order, where everything inside of a path comes right after it. */
function apart(
  { roots, missing }: Chosen,
  { recursive, removes }: { readonly recursive: boolean; readonly removes: ChoiceOptions["removes"] },
): Pick<Chosen, "roots" | "missing"> {
  const kept = { roots: [] as Latin1[], missing: [] as Latin1[] };
  const all = [
    ...roots.map((path) => ({ path, exists: true })),
    ...missing.map((path) => ({ path, exists: false })),
  ].sort((a, b) => inManifestOrder(a.path, b.path));
  for (const { path, exists } of all) {
    // Something may have appeared below what was missing a moment ago: the next push will see it.
    const gone = kept.missing.at(-1);
    if (gone !== undefined && isInside(path, gone)) continue;
    const root = kept.roots.at(-1);
    const inRoot = recursive && root !== undefined && isInside(path, root);
    // What is missing below a root is removed as every other name that is not there.
    if (inRoot && (exists || removes === "extra")) continue;
    (exists ? kept.roots : kept.missing).push(path);
  }
  return kept;
}
