import type { Entry } from "../wire/manifest.ts";
import type { Directories } from "./directories.ts";
import { nameOf, parentOf, toLatin1 } from "./names.ts";
import { describe, look, type Seen } from "./scan.ts";
import { ownerOf, type SourcePush, type SourceTools, tellProblem } from "./source-push.ts";
import { Errno, errnoOf, type Fd, failed, type Latin1 } from "./sys.ts";

/**
 * Gives the file of an entry the group that the task names, here, and returns what it is then, as a scan would have seen it; nothing if it is
 * gone. Where that cannot be done the user is told, and the file is sent as it is. In a dry run only the entry changes.
 */
export function regroup(
  tools: SourceTools,
  push: SourcePush,
  { entry, directories }: { entry: Entry; directories: Directories },
): Seen | undefined {
  const { gid, mode } = push.task;
  if (gid === undefined || mode !== "send" || entry.gid === gid) return { kind: "entry", entry };
  const path = toLatin1(entry.path);
  const errno = push.dryRun ? foresee(tools, entry, gid) : change(tools, directories, { path, entry, gid });
  if (errno !== 0) tellProblem(tools, push, { path, problem: "group", errno });
  if (push.dryRun) return { kind: "entry", entry: errno === 0 ? { ...entry, gid } : entry };
  const seen = describe(path, look(tools.sys, directories, path), ownerOf(tools));
  if (seen?.kind !== "entry") return seen;
  if (seen.entry.type !== entry.type) return { kind: "problem", path, problem: "changed", errno: 0 };
  return { kind: "entry", entry: entry.listed === true ? { ...seen.entry, listed: true } : seen.entry };
}

/** What would keep this process from changing the group: only a file's owner may, and only to a group of his own. */
function foresee({ sys }: SourceTools, { uid }: Entry, gid: number): number {
  return sys.root || (uid === sys.uid && sys.groups.includes(gid)) ? 0 : Errno.EPERM;
}

type Change = { readonly path: Latin1; readonly entry: Entry; readonly gid: number };

/** Changes the group, if the path still is what the entry says; 0 or an error number. */
function change(tools: SourceTools, directories: Directories, { path, entry, gid }: Change): number {
  const { sys } = tools;
  const parent = directories.get(parentOf(path));
  const fd = failed(parent) ? parent : sys.open(parent, nameOf(path), "handle");
  // What is gone needs no group.
  if (failed(fd)) return errnoOf(fd) === Errno.ENOENT ? 0 : errnoOf(fd);
  try {
    const owner = ownerOf(tools);
    const before = sys.stat(fd);
    if (failed(before)) return errnoOf(before);
    if (before.kind !== entry.type || before.gid === gid) return 0;
    if (owner !== undefined && before.uid !== owner && before.kind !== "directory") return 0;
    const changed = sys.setMetadata(fd, { ...NOTHING, owner: { uid: undefined, gid } });
    if (changed < 0) return errnoOf(changed);
    return before.kind === "symlink" ? 0 : restoreMode(tools, fd, before.mode);
  } finally {
    sys.close(fd);
  }
}

const NOTHING = { owner: undefined, mode: undefined, time: undefined };

/** A change of the group takes the set-id bits of a file away, even from root. */
function restoreMode({ sys }: SourceTools, fd: Fd, mode: number): number {
  for (let tried = false; ; tried = true) {
    const stat = sys.stat(fd);
    if (failed(stat)) return errnoOf(stat);
    if (stat.mode === mode) return 0;
    // The kernel may leave a bit out without a word.
    if (tried) return Errno.EPERM;
    const restored = sys.setMetadata(fd, { ...NOTHING, mode });
    if (restored < 0) return errnoOf(restored);
  }
}
