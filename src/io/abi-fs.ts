import { ENTRY_FIXED_BYTES } from "../wire/entry.ts";

/** The ABI of native/makuo-fs.h, for bun:ffi. Plain data: ffi.ts loads it. */

export const fsSymbols = {
  mk_fs_open: { args: ["i32", "ptr", "u32"], returns: "i32" },
  mk_fs_list: { args: ["i32", "ptr", "u32"], returns: "i32" },
  mk_fs_stat: { args: ["i32", "ptr"], returns: "i32" },
  mk_fs_stat_many: { args: ["i32", "ptr", "u32", "u32", "ptr"], returns: "i32" },
  mk_fs_read_link: { args: ["i32", "ptr", "ptr", "u32"], returns: "i32" },
  mk_fs_read: { args: ["i32", "ptr", "u64", "i64"], returns: "i64" },
  mk_fs_write: { args: ["i32", "ptr", "u64", "i64"], returns: "i64" },
  mk_fs_mkdir: { args: ["i32", "ptr", "u32"], returns: "i32" },
  mk_fs_symlink: { args: ["ptr", "i32", "ptr"], returns: "i32" },
  mk_fs_mkfifo: { args: ["i32", "ptr"], returns: "i32" },
  mk_fs_mkdevice: { args: ["i32", "ptr", "u32", "u32", "u32"], returns: "i32" },
  mk_fs_unlink: { args: ["i32", "ptr"], returns: "i32" },
  mk_fs_rmdir: { args: ["i32", "ptr"], returns: "i32" },
  mk_fs_rename: { args: ["i32", "ptr", "i32", "ptr"], returns: "i32" },
  mk_fs_exchange: { args: ["i32", "ptr", "i32", "ptr"], returns: "i32" },
  mk_fs_chown: { args: ["i32", "u32", "u32"], returns: "i32" },
  mk_fs_chmod: { args: ["i32", "u32"], returns: "i32" },
  mk_fs_utime: { args: ["i32", "i64", "u32"], returns: "i32" },
  mk_fs_sync: { args: ["i32"], returns: "i32" },
  mk_fs_sync_all: { args: ["i32"], returns: "i32" },
  mk_fs_write_back: { args: ["i32", "i64", "i64"], returns: "i32" },
  mk_fs_sequential: { args: ["i32"], returns: "i32" },
  mk_fs_space: { args: ["i32", "ptr"], returns: "i32" },
  mk_fs_may_write: { args: ["i32"], returns: "i32" },
  mk_fs_lock: { args: ["i32"], returns: "i32" },
  mk_fs_now_ns: { args: [], returns: "i64" },
  mk_fs_at_rest: { args: ["i32"], returns: "i32" },
  mk_fs_await_writes: { args: ["i32"], returns: "void" },
  mk_fs_make_files: { args: ["ptr", "u64", "u32", "ptr"], returns: "i32" },
  mk_fs_compare: { args: ["i32", "ptr", "u32", "ptr", "u32", "ptr", "u32", "ptr"], returns: "i32" },
  mk_fs_sort_names: { args: ["ptr", "u32", "ptr", "u32", "ptr", "u32"], returns: "i32" },
  mk_fs_entries: { args: ["i32", "ptr", "u32", "u32", "u32", "ptr", "u32", "ptr"], returns: "i32" },
  mk_entries_read: { args: ["ptr", "u32", "u32", "u32", "u32", "ptr"], returns: "i32" },
  mk_fs_read_files: { args: ["ptr", "u64", "i64", "i64", "ptr"], returns: "i32" },
} as const;

/** Ways of opening. */
export const FsWay = {
  base: 0,
  parent: 1,
  handle: 2,
  directory: 3,
  read: 4,
  readNoAtime: 5,
  create: 6,
} as const;

/** Kinds of device nodes. */
export const FsDevice = { block: 0, character: 1 } as const;

/** Bytes of struct mk_fs_stat, then its fields' offsets. */
export const STAT_BYTES = 88;
export const StatField = {
  seconds: 0,
  changedNs: 8,
  size: 16,
  mount: 24,
  inode: 32,
  nanoseconds: 40,
  mode: 44,
  uid: 48,
  gid: 52,
  error: 56,
  links: 60,
  device: 64,
  locked: 72,
  major: 76,
  minor: 80,
} as const;

/** Bytes of struct mk_fs_space, then its fields' offsets. */
export const SPACE_BYTES = 48;
export const SpaceField = {
  available: 0,
  free: 8,
  inodes: 16,
  inodesFree: 24,
  readOnly: 32,
  type: 40,
} as const;

/** What failed of a file that was to be made. */
export const FsMakeStep = { create: 0, write: 1, metadata: 2 } as const;

/** Files of one call, and room for what is said of them. */
export const FS_FILES_MAX = 256;
export const FS_ENTRIES_BYTES = 262_144;
export const FS_NAMES_BYTES = 262_144;

/** Bytes of struct mk_fs_file, then its fields' offsets. */
export const FILE_BYTES = 32;
export const FileField = {
  entry: 0,
  name: 4,
  at: 8,
  error: 12,
  step: 16,
  changed: 16,
  fresh: 20,
  atRest: 22,
  changedNs: 24,
} as const;

/** Bytes of struct mk_fs_files, then its fields' offsets. */
export const FILES_BYTES = 536_592;
export const FilesField = {
  directory: 0,
  count: 4,
  entriesBytes: 8,
  namesBytes: 12,
  rows: 16,
  digests: 8208,
  entries: 12_304,
  names: 274_448,
} as const;

/** How a name differs from what is expected of it. */
export const FsDiffers = {
  type: 1,
  mode: 2,
  owner: 4,
  time: 8,
  size: 16,
  more: 32,
  missing: 64,
  unknown: 128,
} as const;

/** Bytes of struct mk_entries, then its fields' offsets. */
export const ENTRIES_BYTES = 4_470_796;
export const EntriesField = {
  starts: 0,
  nameAt: 4100,
  parentAt: 8200,
  parentsBytes: 12_296,
  parentBytes: 12_300,
  sibling: 14_348,
  names: 15_372,
  parents: 277_516,
} as const;

/** What is wrong with a section. */
export const EntriesFault = { short: 1, range: 2, long: 3 } as const;

/** Bytes of struct mk_fs_written, then its fields' offsets. */
export const WRITTEN_BYTES = 96;
export const WrittenField = { bytes: 0, stopped: 4, stat: 8 } as const;

function fields(prefix: string, table: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(table).map(([name, value]) => [`${prefix}.${name}`, value]);
}

/** Words that mk_layout gives after the others, by name. */
export const fsLayout: readonly (readonly [name: string, value: number])[] = [
  ...fields("FsWay", FsWay),
  ...fields("FsDevice", FsDevice),
  ["STAT_BYTES", STAT_BYTES],
  ...fields("StatField", StatField),
  ["SPACE_BYTES", SPACE_BYTES],
  ...fields("SpaceField", SpaceField),
  ...fields("FsMakeStep", FsMakeStep),
  ["FS_FILES_MAX", FS_FILES_MAX],
  ["FS_ENTRIES_BYTES", FS_ENTRIES_BYTES],
  ["FS_NAMES_BYTES", FS_NAMES_BYTES],
  ["FILE_BYTES", FILE_BYTES],
  ...fields("FileField", FileField),
  ["FILES_BYTES", FILES_BYTES],
  ...fields("FilesField", FilesField),
  ...fields("FsDiffers", FsDiffers),
  ["ENTRY_FIXED_BYTES", ENTRY_FIXED_BYTES],
  ["ENTRIES_BYTES", ENTRIES_BYTES],
  ...fields("EntriesField", EntriesField),
  ...fields("EntriesFault", EntriesFault),
  ["WRITTEN_BYTES", WRITTEN_BYTES],
  ...fields("WrittenField", WrittenField),
];
