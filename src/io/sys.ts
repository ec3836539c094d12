import type {
  Extent,
  Failed,
  Fd,
  Latin1,
  Metadata,
  NodeKind,
  OpenWay,
  Space,
  Stat,
  Sys,
} from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { FsWay, SpaceField, STAT_BYTES, StatField } from "./abi-fs.ts";
import { addressAt, allocate, type Memory, type Pointer, shim } from "./ffi.ts";

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
const DIRENT_NAME_AT = 19;

const KIND_MASK = 0o170000;
const KINDS: Readonly<Record<number, NodeKind>> = {
  32768: "file",
  16384: "directory",
  40960: "symlink",
  4096: "fifo",
  49152: "socket",
};

const DOTS = [".", ".."];

/**
 * The system calls of `disk/sys.ts`, by the shim. `arena` is the memory that extents lie in. Each thread makes its own, once: the
 * scratch memory is never given back.
 */
export function createSys(arena: Memory): Sys {
  const scratch = allocate(SCRATCH_BYTES);
  const tables = openScratch(scratch);
  const { put, stats } = tables;
  const rows = addressAt(scratch.address, ROWS);
  const names = addressAt(scratch.address, NAMES);
  const uid = process.geteuid?.();
  assert(uid !== undefined, "this system has no users");
  const root = uid === 0;

  const at = ({ at, bytes }: Extent): Pointer => {
    assert(at >= 0 && bytes >= 0 && bytes <= arena.buffer.byteLength - at, "extent outside the arena");
    return addressAt(arena.address, at);
  };
  /** Calls with one path, or answers for it that it is too long for any system call. */
  const with1 = (path: Latin1, call: (path: Pointer) => number): number =>
    put(path, FIRST_PATH) ? call(addressAt(scratch.address, FIRST_PATH)) : -LINUX_ENAMETOOLONG;
  const with2 = (first: Latin1, second: Latin1, call: (first: Pointer, second: Pointer) => number): number =>
    put(first, FIRST_PATH) && put(second, SECOND_PATH)
      ? call(addressAt(scratch.address, FIRST_PATH), addressAt(scratch.address, SECOND_PATH))
      : -LINUX_ENAMETOOLONG;
  const openAs = (dir: number, path: Latin1, way: number): Fd | Failed =>
    with1(path, (pointer) => shim.mk_fs_open(dir, pointer, way)) as Fd | Failed;

  return {
    root,
    uid,
    openBase: (path) => openAs(-1, path, FsWay.base),
    open(dir, path, way) {
      if (way !== "read") return openAs(dir, path, wayNumber(way));
      // Leaving the access time alone is a courtesy that only the file's owner may ask for.
      const fd = openAs(dir, path, FsWay.readNoAtime);
      return fd === -LINUX_EPERM ? openAs(dir, path, FsWay.read) : fd;
    },
    close: (fd) => void shim.mk_fs_close(fd),
    list(fd) {
      const found: Latin1[] = [];
      for (;;) {
        const bytes = shim.mk_fs_list(fd, names, NAMES_BYTES);
        if (bytes < 0) return bytes as Failed;
        if (bytes === 0) return found;
        tables.takeNames(NAMES, bytes, found);
      }
    },
    stat: (fd) => {
      const result = shim.mk_fs_stat(fd, rows);
      return result < 0 ? (result as Failed) : stats(0);
    },
    statMany(dir, wanted) {
      const found: (Stat | Failed)[] = [];
      for (let from = 0; from < wanted.length; ) {
        const { count, bytes } = tables.putNames(wanted, from);
        const result = shim.mk_fs_stat_many(dir, names, bytes, count, rows);
        assert(count > 0 && result === count, "names for statx were not packed as they should be");
        for (let i = 0; i < count; i++) found.push(stats(i));
        from += count;
      }
      return found;
    },
    readLink: (dir, name) => {
      const target = addressAt(scratch.address, SECOND_PATH);
      const bytes = with1(name, (path) => shim.mk_fs_read_link(dir, path, target, PATH_ROOM));
      if (bytes < 0) return bytes as unknown as Failed;
      return bytes > PATH_BYTES_MAX
        ? (-LINUX_ENAMETOOLONG as unknown as Failed)
        : tables.text(SECOND_PATH, bytes);
    },
    read: (fd, into, position) => Number(shim.mk_fs_read(fd, at(into), into.bytes, position)),
    write: (fd, from, position) => Number(shim.mk_fs_write(fd, at(from), from.bytes, position)),
    makeDirectory: (dir, name) => with1(name, (path) => shim.mk_fs_mkdir(dir, path, 0o700)),
    makeSymlink: (target, dir, name) => with2(target, name, (to, path) => shim.mk_fs_symlink(to, dir, path)),
    makeFifo: (dir, name) => with1(name, (path) => shim.mk_fs_mkfifo(dir, path)),
    removeFile: (dir, name) => with1(name, (path) => shim.mk_fs_unlink(dir, path)),
    removeDirectory: (dir, name) => with1(name, (path) => shim.mk_fs_rmdir(dir, path)),
    rename: (fromDir, from, toDir, to) => with2(from, to, (a, b) => shim.mk_fs_rename(fromDir, a, toDir, b)),
    exchange: (fromDir, from, toDir, to) =>
      with2(from, to, (a, b) => shim.mk_fs_exchange(fromDir, a, toDir, b)),
    setMetadata,
    sync: (fd) => shim.mk_fs_sync(fd),
    syncAll: (fd) => shim.mk_fs_sync_all(fd),
    writeBack: (fd, position, bytes) => void shim.mk_fs_write_back(fd, position, bytes),
    sequential: (fd) => void shim.mk_fs_sequential(fd),
    space: (fd) => {
      const result = shim.mk_fs_space(fd, rows);
      return result < 0 ? (result as Failed) : tables.space(root);
    },
    mayWrite: (dir) => shim.mk_fs_may_write(dir),
    nowNs: () => shim.mk_fs_now_ns(),
  };
}

function wayNumber(way: Exclude<OpenWay, "read">): number {
  return FsWay[way];
}

function setMetadata(fd: Fd, { owner, mode, time }: Metadata): number {
  const owned = owner === undefined ? 0 : shim.mk_fs_chown(fd, owner.uid, owner.gid);
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

  function stats(row: number): Stat | Failed {
    const at = ROWS + row * STAT_BYTES;
    const error = view.getInt32(at + StatField.error, true);
    if (error !== 0) return -error as Failed;
    const mode = view.getUint32(at + StatField.mode, true);
    return {
      kind: KINDS[mode & KIND_MASK] ?? "device",
      mode: mode & 0o7777,
      uid: view.getUint32(at + StatField.uid, true),
      gid: view.getUint32(at + StatField.gid, true),
      size: Number(view.getBigUint64(at + StatField.size, true)),
      seconds: view.getBigInt64(at + StatField.seconds, true),
      nanoseconds: view.getUint32(at + StatField.nanoseconds, true),
      changedNs: view.getBigInt64(at + StatField.changedNs, true),
      mount: view.getBigUint64(at + StatField.mount, true),
      inode: view.getBigUint64(at + StatField.inode, true),
    };
  }

  function space(root: boolean): Space {
    const field = (offset: number) => Number(view.getBigUint64(ROWS + offset, true));
    const inodes = field(SpaceField.inodes);
    return {
      bytes: field(root ? SpaceField.free : SpaceField.available),
      inodes: inodes === 0 ? Number.POSITIVE_INFINITY : field(SpaceField.inodesFree),
      readOnly: field(SpaceField.readOnly) !== 0,
    };
  }

  const text = (at: number, length: number): Latin1 => bytes.toString("latin1", at, at + length);
  return { put, putNames, takeNames, stats, space, text };
}
