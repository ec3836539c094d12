import type { EntryType } from "../wire/entry.ts";
import { Excludes } from "../wire/excludes.ts";
import { rawBytesMax, termsRoom } from "../wire/manifest.ts";
import { EXCLUDE_BYTES_MAX, EXCLUDES_MAX, type Terms, termsBytes } from "../wire/terms.ts";
import { display, toBytes, toLatin1 } from "./names.ts";
import type { ScanOptions } from "./scan.ts";
import { resolveSelection } from "./selection.ts";
import { ownerOf, type SourcePush, type SourceTools } from "./source-push.ts";
import type { Latin1 } from "./sys.ts";

/** What a push is about, before anything has been scanned. */
export type Outline = {
  /** But for `baseListed`, which the scan finds out. */
  readonly terms: Terms;
  readonly scan: ScanOptions;
  /** Paths that were selected and are excluded. */
  readonly excluded: readonly Latin1[];
  /** Whether names that exist but are not sent are entries all the same, so that receivers leave them alone. */
  readonly keepsOthers: boolean;
};

/** The largest number on the wire that is a limit (PROTOCOL §10.6); who allows more sets none. */
const REMOVES_LIMIT_MAX = 0xffff_fffe;

/** What the selection and the task of a push come to, or a complete message for the user of what is wrong with them. */
export function outlineOf(tools: SourceTools, push: SourcePush): Outline | { readonly message: string } {
  const { selection, task, capacity } = push;
  const fault = patternFault(task.excludes);
  if (fault !== undefined) return { message: fault };
  const removes = task.mode === "check" ? "nothing" : task.removes;
  const excludes = new Excludes({ base: toBytes(tools.shownBase), excludes: task.excludes });
  const excluded = (path: Latin1, isDirectory: boolean) => excludes.covers(path, typeFor(isDirectory));
  const chosen = resolveSelection(tools.sys, push.base, selection, { removes, excluded });
  if ("message" in chosen) return chosen;
  const terms = termsOf(tools, push, chosen.missing);
  const room = termsRoom(rawBytesMax(capacity));
  const bytes = termsBytes(terms);
  if (bytes > room) return { message: tooMuch(terms, bytes, room) };
  const { roots } = chosen;
  const { recursive } = selection;
  const keepsOthers = recursive && removes === "extra";
  const missing = new Set(chosen.missing);
  // What was missing a moment ago stays so: it cannot be sent and removed.
  const hides = (path: Latin1, isDirectory: boolean) =>
    missing.has(path) || excludes.matches(path, typeFor(isDirectory));
  const hidden = missing.size === 0 && task.excludes.length === 0 ? undefined : hides;
  const scan = { roots, recursive, markListed: keepsOthers, hidden, owner: ownerOf(tools) };
  return { terms, scan, excluded: chosen.excluded, keepsOthers };
}

/** Patterns only ask whether it is a directory. */
function typeFor(isDirectory: boolean): EntryType {
  return isDirectory ? "directory" : "file";
}

function termsOf({ shownBase }: SourceTools, { task, names }: SourcePush, missing: readonly Latin1[]): Terms {
  const { mode, removesMax, excludes } = task;
  const removes = mode !== "check" && (mode === "prune" || task.removes !== "nothing");
  const isLimit = removes && removesMax !== undefined && removesMax <= REMOVES_LIMIT_MAX;
  return {
    mode,
    removes,
    baseListed: false,
    namesWanted: removes && names,
    unflushed: mode !== "check" && task.unflushed,
    removesMax: isLimit ? removesMax : undefined,
    missing: missing.map(toBytes),
    base: excludes.length === 0 ? new Uint8Array() : toBytes(shownBase),
    excludes,
  };
}

/** What is wrong with the patterns, if anything. */
function patternFault(excludes: readonly Uint8Array[]): string | undefined {
  if (excludes.length > EXCLUDES_MAX)
    return `${excludes.length} exclude patterns are too many: ${EXCLUDES_MAX} at most`;
  for (const pattern of excludes) {
    const shown = `exclude pattern ${display(toLatin1(pattern.subarray(0, 60)))}`;
    if (pattern.length === 0) return "an exclude pattern is empty: it would match nothing";
    if (pattern.includes(0)) return `${shown} contains a NUL byte`;
    if (pattern.length > EXCLUDE_BYTES_MAX) return `${shown}… is longer than ${EXCLUDE_BYTES_MAX} bytes`;
  }
  return undefined;
}

function tooMuch({ excludes, missing }: Terms, bytes: number, room: number): string {
  const what = `${excludes.length} exclude patterns and ${missing.length} paths that do not exist here`;
  return `${what} take ${bytes} bytes, and a push has room for ${room}: use fewer patterns, or select fewer paths at a time`;
}
