import { FailStep } from "../wire/constants.ts";
import type { DiskFailure, PushKey } from "../wire/disk-port.ts";
import type { ReadColumns } from "../wire/entry-columns.ts";
import type { Entry } from "../wire/manifest.ts";
import type { Arena } from "./arena.ts";
import type { Budget } from "./budget.ts";
import type { Digest } from "./digest.ts";
import type { Directories } from "./directories.ts";
import type { Marks, Roots } from "./marks.ts";
import type { Place } from "./obstacles.ts";
import type { Rules } from "./rules.ts";
import type { Sections } from "./sections.ts";
import type { Log, Staging } from "./staging.ts";
import { Errno, errnoOf, type Fd, type Metadata, type Sys } from "./sys.ts";
import type { Zstd } from "./zstd.ts";

/** What the parts of a receiver's side share. */

export type StageTools = {
  readonly sys: Sys;
  readonly arena: Arena;
  readonly digest: Digest;
  readonly zstd: Zstd;
  /** As of `SectionsTools`. */
  readonly readColumns?: ReadColumns | undefined;
  /** Called in the middle of long work: much that nobody uses any more may be there. */
  readonly freeMemory: () => void;
  /** Device nodes are made, replaced and removed here. */
  readonly devices: boolean;
  /** What is received is flushed to the disk, unless the push says otherwise. */
  readonly fsync: boolean;
  /** Takes what the operator of this host should know. */
  readonly log: Log;
};

/** A push as its receiver knows it: what was announced, what is different here, and where it is staged. */
export type StagePush = {
  readonly key: PushKey;
  readonly dryRun: boolean;
  /** Contents are compared, and nothing else is done. */
  readonly check: boolean;
  readonly rules: Rules;
  /** Bytes of a full block without its digest (PROTOCOL §5.4). */
  readonly capacity: number;
  readonly base: Fd;
  /** Where the base lies. */
  readonly place: Place;
  /** Of the own tree. */
  readonly directories: Directories;
  readonly sections: Sections;
  readonly marks: Marks;
  readonly roots: Roots;
  readonly staging: Staging;
  readonly budget: Budget;
  /** Entries that the comparison saw something of another kind in the place of (`CompareOptions.exchanged`). */
  readonly exchanged: Set<number>;
  /** Entries that replaced those of the manifest (PROTOCOL §10.5), by number. */
  readonly amended: Map<number, Entry>;
  /** The first file that was to come here, and that its owner could not read because of some trouble: nothing is removed then. */
  readonly unread: DiskFailure[];
};

/** The entry of that number as it is now. */
export function currentEntry({ sections, amended }: StagePush, number: number): Entry {
  const newer = amended.get(number);
  if (newer !== undefined) return newer;
  const { section, index } = sections.locate(number);
  return sections.entry(section, index);
}

/** A failed result of a system call as the failure of a step. */
export function failure(step: FailStep, result: number, entry: number | undefined): DiskFailure {
  return { errno: errnoOf(result), step, entry };
}

/** The sender's blocks contradict PROTOCOL §10 or each other. */
export function protocolFailure(entry?: number): DiskFailure {
  return { errno: Errno.EPROTO, step: FailStep.manifest, entry };
}

/** The push is more than this host wants to keep in memory. */
export function memoryFailure(entry?: number): DiskFailure {
  return { errno: Errno.ENOMEM, step: FailStep.manifest, entry };
}

/** What an entry says of owner, mode and time, as far as this process may set it. */
export function metadataOf(sys: Sys, entry: Entry): Metadata {
  return {
    owner: sys.root ? { uid: entry.uid, gid: entry.gid } : undefined,
    mode: entry.type === "symlink" ? undefined : entry.mode,
    time: { seconds: entry.seconds, nanoseconds: entry.nanoseconds },
  };
}
