import type { Brand } from "../wire/brand.ts";
import type { EntryTable } from "../wire/entry-table.ts";
import type { NameList } from "./name-list.ts";

/**
 * The system calls that the disk side needs, as an interface: `io/sys.ts` has the real ones, through the shim. Everything here is synchronous.
 *
 * Results: a number below 0 is `-errno` (`failed` tells), anything else is what the function says. Names and paths are `Latin1` strings.
 * Directories are named by descriptors that the caller holds and closes; any way of opening but "read" and "create" gives one that will do
 * where a `Fd` is called `dir`.
 */

/** Bytes as a string: each character is one byte. Unlike a Uint8Array it can be compared, sorted and used as a key. Never shown to people. */
export type Latin1 = string;

/** An open file or directory. */
export type Fd = Brand<number, "Fd">;

/** A result below 0: minus an error number. */
export type Failed = Brand<number, "Failed">;

/** Kinds of a directory entry, all but the last two as in the manifest (PROTOCOL §10.1). "unknown": one that Linux has not got today. */
export type NodeKind =
  | "file"
  | "directory"
  | "symlink"
  | "fifo"
  | "block"
  | "character"
  | "socket"
  | "unknown";

/** Status of a file. */
export type Stat = {
  readonly kind: NodeKind;
  /** Permission bits, 0..0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; what the system says for anything but files means nothing here. */
  readonly size: number;
  /** Time of modification since 1970. */
  readonly seconds: bigint;
  readonly nanoseconds: number;
  /** Time of the last change of anything, metadata included; nanoseconds since 1970. */
  readonly changedNs: bigint;
  /** Which mount it lies on. Names cannot be moved from one to another. */
  readonly mount: bigint;
  readonly inode: bigint;
  /** The file system, or the subvolume of it: names cannot be moved from one to another either. */
  readonly device: bigint;
  /** Which device a block or character device is: major · 2^32 + minor, which may be no safe integer; 0 of all else. */
  readonly number: number;
  /** Names that it has; for a directory this means nothing. */
  readonly links: number;
  /** Immutable or append-only (chattr(1)): not even root can replace it or change its metadata. */
  readonly locked: boolean;
};

/**
 * How a path is opened. "parent": a directory, to name what is in it; "handle": whatever it is, links too, for its metadata; "directory":
 * a directory, to list or flush it; "read": a file; "create": a new file with mode 0600, -EEXIST if the name is taken. No way goes through
 * a symbolic link anywhere, and none leaves the directory it starts from.
 */
export type OpenWay = "parent" | "handle" | "directory" | "read" | "create";

/** Part of the arena: the memory of the slots, in bytes from its start. */
export type Extent = { readonly at: number; readonly bytes: number };

/** Room on a file system: bytes and inodes that this process may take; inodes is Infinity where they are not counted. */
export type Space = {
  readonly bytes: number;
  readonly inodes: number;
  readonly readOnly: boolean;
  /** Several file systems in one (overlayfs), where directories of the lower ones cannot be renamed. */
  readonly overlay: boolean;
};

/** What is undefined is left alone. Links have no mode. */
export type Metadata = {
  readonly owner: { readonly uid: number | undefined; readonly gid: number } | undefined;
  readonly mode: number | undefined;
  /** Time of modification. */
  readonly time: { readonly seconds: bigint; readonly nanoseconds: number } | undefined;
};

/** Files of one call of `makeFiles` or `readFiles` at most. */
export const BULK_FILES_MAX = 256;

/** Files of a table that are in one directory, and where their bytes go or come from: one behind the other in this order, but perhaps with gaps. */
export type TableFiles = {
  readonly table: EntryTable;
  /** Of files; the rest of both arrays is not looked at. */
  readonly count: number;
  /** Their indexes in the table, ascending. */
  readonly indexes: Uint32Array;
  /** Where the bytes of each are, counted from `at` in the arena. */
  readonly offsets: Uint32Array;
  readonly at: number;
};

/** Files that are made whole, with the metadata of their entries. */
export type NewFiles = TableFiles & {
  /** The names that they get are the numbers of their entries, as text, of which this is the table's first; undefined: their own. */
  readonly numberedFrom: number | undefined;
  /** Whether owners are set. */
  readonly owned: boolean;
};

/** How far `makeFiles` came: all, or `made` files and an error of the next one. */
export type MadeFiles = {
  readonly made: number;
  /** XXH3-128 (seed 0, canonical) of each file's bytes, one after the other. Good until the next call. */
  readonly digests: Uint8Array;
  readonly failed: { readonly step: "create" | "write" | "metadata"; readonly result: Failed } | undefined;
};

/** What `readFiles` found of each file, by its position in `TableFiles.indexes`. Good until the next call. */
export type TakenFiles = {
  /** "changed": it was not what its entry says, or did not stay so while it was read. */
  health(i: number): "good" | "changed" | Failed;
  /** XXH3-128 (seed 0, canonical) of the bytes of each, one after the other; zeros unless it is good. */
  readonly digests: Uint8Array;
  /** Whether it changed, or says that it was modified, at `Ages.freshNs` or later. */
  isFresh(i: number): boolean;
  /** As of `Stat`, when it was opened; 0 unless it was such a file then. */
  changedNs(i: number): bigint;
  /** As `Sys.atRest`, before it was read and after, between the two looks; false unless it was young. */
  atRest(i: number): boolean;
};

/** Files that changed at `youngNs` or later are young, at `freshNs` or later fresh; nanoseconds since 1970. */
export type Ages = { readonly youngNs: bigint; readonly freshNs: bigint };

/**
 * How a name differs from its entry: bits. `size`: of two files. `more`: there is more to the entry than is compared, as it is neither a file nor a FIFO, or
 * has set-group-id. `unknown`: its status cannot be had, for another reason than that it is missing.
 */
export const Differs = {
  type: 1,
  mode: 2,
  owner: 4,
  time: 8,
  size: 16,
  more: 32,
  missing: 64,
  unknown: 128,
} as const;

/** Entries of a table that are in one directory: from index `from` on, until before `to`. */
export type Siblings = { readonly table: EntryTable; readonly from: number; readonly to: number };

/** Names of a directory for which entries are wanted: those behind index `from`, which is that of the entry before, until before `to`. */
export type NameRun = {
  readonly names: NameList;
  readonly from: number;
  readonly to: number;
  /** Bytes of the directory's path; 0: the base. */
  readonly pathBytes: number;
  /** Bytes that they may take. */
  readonly room: number;
};

/** Entries of one directory, one after the other, as a section has them behind another entry of that directory (PROTOCOL §10.1). */
export type WrittenEntries = {
  readonly count: number;
  /** Good until the next call. */
  readonly bytes: Uint8Array;
  /** Status of the name behind them, if they end because of that. */
  readonly stopped: Stat | Failed | undefined;
};

export interface Sys {
  /** Whether this process may give files away: it runs as root. */
  readonly root: boolean;
  /** The user as whom it creates files. */
  readonly uid: number;
  /** Its groups: files of others lose the set-group-id bit when it sets their mode, without an error (unless it is root). */
  readonly groups: readonly number[];

  /** Opens the base directory, for naming, by an operator's path: links are followed. */
  openBase(path: Latin1): Fd | Failed;
  open(dir: Fd, path: Latin1, way: OpenWay): Fd | Failed;
  close(fd: Fd): void;

  /** All names in a directory opened as "directory", but `.` and `..`, in no order. */
  list(fd: Fd): Latin1[] | Failed;
  /** As `list`, in the manifest's order; undefined if there are too many for that. */
  listInOrder(fd: Fd): NameList | Failed | undefined;
  stat(fd: Fd): Stat | Failed;
  /** Status of names in a directory, links not followed; one answer for each, in order. */
  statMany(dir: Fd, names: readonly Latin1[]): (Stat | Failed)[];
  /**
   * How names in a directory differ from their entries (`Differs`, 0: not at all), links not followed, target and device number not looked at; one
   * for each, in order. Good until the next call. `missing` and `unknown` stand alone.
   */
  compare(dir: Fd, siblings: Siblings): Uint8Array;
  /**
   * Entries of names that follow one another in a directory, each after a look at it as by `statMany`: as long as they are files and FIFOs that can be
   * entries as they are, in order, and have room.
   */
  entries(dir: Fd, run: NameRun): WrittenEntries;
  /** What a link says, 1..4,095 bytes. */
  readLink(dir: Fd, name: Latin1): Latin1 | Failed;

  /** Reads into the arena until the extent is full or the file ends; bytes read. */
  read(fd: Fd, into: Extent, position: number): number;
  /** Writes all of the extent. */
  write(fd: Fd, from: Extent, position: number): number;

  /**
   * Makes files in a directory, one after the other, until one fails: each as by `open` ("create"), `write`, `setMetadata` and `close`. One that failed may be
   * there, incomplete.
   */
  makeFiles(dir: Fd, files: NewFiles): MadeFiles;
  /**
   * Reads files of a directory, one after the other: each as by `open` ("read"), `stat`, `read`, `stat` and `close`, with `atRest` before and after `read`
   * if it is young, or else with `awaitWrites` before it if it is fresh. What is missing of one is zeros.
   */
  readFiles(dir: Fd, files: TableFiles, ages: Ages): TakenFiles;

  makeDirectory(dir: Fd, name: Latin1): number;
  makeSymlink(target: Latin1, dir: Fd, name: Latin1): number;
  makeFifo(dir: Fd, name: Latin1): number;
  /** A device node with mode 0600 (number: as in Stat); -EPERM unless this process may, -EINVAL if the kernel has no such number. */
  makeDevice(dir: Fd, name: Latin1, kind: "block" | "character", number: number): number;
  removeFile(dir: Fd, name: Latin1): number;
  removeDirectory(dir: Fd, name: Latin1): number;
  /** Replaces what `to` is, if it can be replaced at once. */
  rename(fromDir: Fd, from: Latin1, toDir: Fd, to: Latin1): number;
  /** Both names must exist; -EINVAL where the file system cannot do it. */
  exchange(fromDir: Fd, from: Latin1, toDir: Fd, to: Latin1): number;

  /** Sets owner, then mode (chown takes set-id bits away), then the time of modification. Works for every way of opening. */
  setMetadata(fd: Fd, metadata: Metadata): number;
  /** Flushes one file or directory (not a "parent" or "handle"). */
  sync(fd: Fd): number;
  /** Flushes the whole file system on which `fd` lies, and says whether any write to it has failed since `fd` was opened. */
  syncAll(fd: Fd): number;
  /** Starts writing back a range, without waiting for it. */
  writeBack(fd: Fd, position: number, bytes: number): void;
  /** Says that the file will be read from front to back. */
  sequential(fd: Fd): void;

  space(fd: Fd): Space | Failed;
  /** 0 if names can be made and removed in `dir`. */
  mayWrite(dir: Fd): number;
  /**
   * Whether a file (opened as "read") was at rest at a moment of this call: nobody had it open for writing, and its file system gives each change,
   * before it makes it, a time that is not earlier than `nowNs` was (a hole in a file of tmpfs: before it is closed). False also where that cannot be told.
   */
  atRest(fd: Fd): boolean;
  /**
   * Waits until the write, hole or change of the size is over that is being made to a file (opened as "read"), but for what is done through mappings;
   * where `atRest` can tell nothing it does nothing.
   */
  awaitWrites(fd: Fd): void;
  /** The clock from which files' times are taken; nanoseconds since 1970. It ticks every few milliseconds. */
  nowNs(): bigint;
}

/** Whether a result is an error. */
export function failed(result: unknown): result is Failed {
  return typeof result === "number" && result < 0;
}

/** The error number of a failed result. */
export function errnoOf(result: number): number {
  return -result;
}

/** Whether a result says that there is no such name: neither a link on the way, which is not followed, nor anything else there is a directory. */
export function isAbsence(result: unknown): result is Failed {
  return result === -Errno.ENOENT || result === -Errno.ENOTDIR || result === -Errno.ELOOP;
}

/** Error numbers that decide something here; the same on every Linux that Bun runs on. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EPROTO: 71,
  EBADMSG: 74,
  EOPNOTSUPP: 95,
  EDQUOT: 122,
} as const;
