import type { Extent, Failed, Fd, Latin1, Metadata, Space, Stat, Sys } from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { FsDevice, FsWay, SpaceField, STAT_BYTES } from "./abi-fs.ts";
import { addressAt, allocate, type Memory, type Pointer, shim } from "./ffi.ts";
import { bulkCalls } from "./sys-bulk.ts";
import { comparingCall } from "./sys-compare.ts";
import { scanningCalls } from "./sys-scan.ts";
import { MINORS, statAt } from "./sys-stat.ts";

/** Names of one call of mk_fs_stat_many. */
const STAT_ROWS = 256;
/** Where the parts of the scratch memory start: two paths of up to 4,095 bytes and their NULs, then tables. */
const PATH_ROOM = 4096;
const FIRST_PATH = 0;
const SECOND_PATH = PATH_ROOM;
const ROWS = 2 * PATH_ROOM;
const NAMES = ROWS + STAT_ROWS * STAT_BYTES;
const NAMES_BYTES = STAT_ROWS * 256;
const SCRATCH_BYTES = NAMES + NAMES_BYTES;
const PATH_BYTES_MAX = PATH_ROOM - 1;
const LINUX_ENAMETOOLONG = 36;
const LINUX_EPERM = 1;
/** <linux/magic.h>. */
const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
const DIRENT_NAME_AT = 19;

/** As an id in chown(2) it means that this one stays. */
const ID_SAME = 0xffff_ffff;

const DOTS = [".", ".."];

/** What the groups of system calls share. */
type Context = {
  /** Gives an extent's address. */
  readonly address: (extent: Extent) => Pointer;
  readonly tables: ReturnType<typeof openScratch>;
  /** Where tables of status start. */
  readonly rows: Pointer;
  /** Where lists of names start. */
  readonly names: Pointer;
  /** Calls with one path, or two, or answers for it that one is too long for any system call. */
  readonly with1: (path: Latin1, call: (path: Pointer) => number) => number;
  readonly with2: (
    first: Latin1,
    second: Latin1,
    call: (first: Pointer, second: Pointer) => number,
  ) => number;
};

/**
 * The system calls of `disk/sys.ts`, by the shim. `arena` is the memory that extents lie in. Each thread makes its own, once: the
 * scratch memory is never given back.
 */
export function createSys(arena: Memory): Sys {
  const uid = process.geteuid?.();
  assert(uid !== undefined, "this system has no users");
  const scratch = allocate(SCRATCH_BYTES);
  const tables = openScratch(scratch);
  const { put } = tables;
  const first = addressAt(scratch.address, FIRST_PATH);
  const second = addressAt(scratch.address, SECOND_PATH);
  const context: Context = {
    address({ at, bytes }) {
      assert(at >= 0 && bytes >= 0 && bytes <= arena.buffer.byteLength - at, "extent outside the arena");
      return addressAt(arena.address, at);
    },
    tables,
    rows: addressAt(scratch.address, ROWS),
    names: addressAt(scratch.address, NAMES),
    with1: (path, call) => (put(path, FIRST_PATH) ? call(first) : -LINUX_ENAMETOOLONG),
    with2: (a, b, call) =>
      put(a, FIRST_PATH) && put(b, SECOND_PATH) ? call(first, second) : -LINUX_ENAMETOOLONG,
  };
  const root = uid === 0;
  return {
    root,
    uid,
    groups: [process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])],
    ...opening(context),
    ...looking(context, root),
    ...naming(context),
    ...filling(context),
    ...bulkCalls(arena),
    ...comparingCall(),
    ...scanningCalls(),
  };
}

function opening({ with1 }: Context): Pick<Sys, "openBase" | "open" | "close"> {
  const openAs = (dir: number, path: Latin1, way: number): Fd | Failed =>
    with1(path, (pointer) => shim.mk_fs_open(dir, pointer, way)) as Fd | Failed;
  return {
    openBase: (path) => openAs(-1, path, FsWay.base),
    open(dir, path, way) {
      if (way !== "read") return openAs(dir, path, FsWay[way]);
      // Leaving the access time alone is a courtesy that only the file's owner may ask for.
      const fd = openAs(dir, path, FsWay.readNoAtime);
      return fd === -LINUX_EPERM ? openAs(dir, path, FsWay.read) : fd;
    },
    close: (fd) => void shim.mk_close(fd),
  };
}

/** What changes nothing. */
function looking(
  { tables, rows, names, with1 }: Context,
  root: boolean,
): Pick<
  Sys,
  "list" | "stat" | "statMany" | "readLink" | "space" | "mayWrite" | "atRest" | "awaitWrites" | "nowNs"
> {
  return {
    list(fd) {
      const found: Latin1[] = [];
      for (;;) {
        const bytes = shim.mk_fs_list(fd, names, NAMES_BYTES);
        if (bytes < 0) return bytes as Failed;
        if (bytes === 0) return found;
        tables.takeNames(NAMES, bytes, found);
      }
    },
    stat(fd) {
      const result = shim.mk_fs_stat(fd, rows);
      return result < 0 ? (result as Failed) : tables.stats(0);
    },
    statMany(dir, wanted) {
      const found: (Stat | Failed)[] = [];
      for (let from = 0; from < wanted.length; ) {
        const { count, bytes } = tables.putNames(wanted, from);
        const result = shim.mk_fs_stat_many(dir, names, bytes, count, rows);
        assert(count > 0 && result === count, "names for statx were not packed as they should be");
        for (let i = 0; i < count; i++) found.push(tables.stats(i));
        from += count;
      }
      return found;
    },
    readLink(dir, name) {
      const bytes = with1(name, (path) => shim.mk_fs_read_link(dir, path, rows, PATH_ROOM));
      if (bytes < 0) return bytes as Failed;
      return bytes > PATH_BYTES_MAX ? (-LINUX_ENAMETOOLONG as Failed) : tables.text(ROWS, bytes);
    },
    space(fd) {
      const result = shim.mk_fs_space(fd, rows);
      return result < 0 ? (result as Failed) : tables.space(root);
    },
    mayWrite: (dir) => shim.mk_fs_may_write(dir),
    atRest: (fd) => shim.mk_fs_at_rest(fd) === 1,
    awaitWrites: (fd) => shim.mk_fs_await_writes(fd),
    nowNs: () => shim.mk_fs_now_ns(),
  };
}

/** What makes, moves and removes names. */
function naming({
  with1,
  with2,
}: Context): Pick<
  Sys,
  | "makeDirectory"
  | "makeSymlink"
  | "makeFifo"
  | "makeDevice"
  | "removeFile"
  | "removeDirectory"
  | "rename"
  | "exchange"
  | "setMetadata"
> {
  return {
    makeDirectory: (dir, name) => with1(name, (path) => shim.mk_fs_mkdir(dir, path, 0o700)),
    makeSymlink: (target, dir, name) => with2(target, name, (to, path) => shim.mk_fs_symlink(to, dir, path)),
    makeFifo: (dir, name) => with1(name, (path) => shim.mk_fs_mkfifo(dir, path)),
    makeDevice: (dir, name, kind, number) =>
      with1(name, (path) =>
        shim.mk_fs_mkdevice(dir, path, FsDevice[kind], Math.floor(number / MINORS), number % MINORS),
      ),
    removeFile: (dir, name) => with1(name, (path) => shim.mk_fs_unlink(dir, path)),
    removeDirectory: (dir, name) => with1(name, (path) => shim.mk_fs_rmdir(dir, path)),
    rename: (fromDir, from, toDir, to) => with2(from, to, (a, b) => shim.mk_fs_rename(fromDir, a, toDir, b)),
    exchange: (fromDir, from, toDir, to) =>
      with2(from, to, (a, b) => shim.mk_fs_exchange(fromDir, a, toDir, b)),
    setMetadata,
  };
}

/** What moves a file's bytes. */
function filling({
  address,
}: Context): Pick<Sys, "read" | "write" | "sync" | "syncAll" | "writeBack" | "sequential"> {
  return {
    read: (fd, into, position) => Number(shim.mk_fs_read(fd, address(into), into.bytes, position)),
    write: (fd, from, position) => Number(shim.mk_fs_write(fd, address(from), from.bytes, position)),
    sync: (fd) => shim.mk_fs_sync(fd),
    syncAll: (fd) => shim.mk_fs_sync_all(fd),
    writeBack: (fd, position, bytes) => void shim.mk_fs_write_back(fd, position, bytes),
    sequential: (fd) => void shim.mk_fs_sequential(fd),
  };
}

function setMetadata(fd: Fd, { owner, mode, time }: Metadata): number {
  const owned = owner === undefined ? 0 : shim.mk_fs_chown(fd, owner.uid ?? ID_SAME, owner.gid);
  if (owned < 0) return owned;
  const moded = mode === undefined ? 0 : shim.mk_fs_chmod(fd, mode);
  if (moded < 0) return moded;
  return time === undefined ? 0 : shim.mk_fs_utime(fd, time.seconds, time.nanoseconds);
}

/** Access to the scratch memory: paths and names into it, tables out of it. */
function openScratch({ buffer }: Memory) {
  const bytes = Buffer.from(buffer);
  const view = new DataView(buffer);

  /** Puts a path and its NUL at `offset`; false if it is too long. The caller keeps out paths with a NUL in them. */
  function put(path: Latin1, offset: number): boolean {
    if (path.length > PATH_BYTES_MAX) return false;
    bytes.write(path, offset, "latin1");
    bytes[offset + path.length] = 0;
    return true;
  }

  /** Packs as many names as there is room for. */
  function putNames(names: readonly Latin1[], from: number): { count: number; bytes: number } {
    let at = NAMES;
    let count = 0;
    for (; count < STAT_ROWS; count++) {
      const name = names[from + count];
      if (name === undefined || name.length + 1 > SCRATCH_BYTES - at) break;
      at += bytes.write(name, at, "latin1");
      bytes[at++] = 0;
    }
    return { count, bytes: at - NAMES };
  }

  /** Appends the names of a bufferful of struct linux_dirent64. */
  function takeNames(from: number, length: number, into: Latin1[]): void {
    for (let at = from; at < from + length; ) {
      const record = view.getUint16(at + 16, true);
      const start = at + DIRENT_NAME_AT;
      const name = bytes.toString("latin1", start, bytes.indexOf(0, start));
      if (!DOTS.includes(name)) into.push(name);
      at += record;
    }
  }

  function space(root: boolean): Space {
    const field = (offset: number) => Number(view.getBigUint64(ROWS + offset, true));
    const inodes = field(SpaceField.inodes);
    return {
      bytes: field(root ? SpaceField.free : SpaceField.available),
      inodes: inodes === 0 ? Number.POSITIVE_INFINITY : field(SpaceField.inodesFree),
      readOnly: field(SpaceField.readOnly) !== 0,
      overlay: field(SpaceField.type) === OVERLAYFS_SUPER_MAGIC,
    };
  }

  const stats = (row: number) => statAt(view, ROWS + row * STAT_BYTES);
  const text = (at: number, length: number): Latin1 => bytes.toString("latin1", at, at + length);
  return { put, putNames, takeNames, stats, space, text };
}
