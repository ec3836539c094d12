import {
  BULK_FILES_MAX,
  type Failed,
  type Latin1,
  type NewFile,
  type OldFile,
  type Sys,
  type TakenFile,
} from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { DIGEST_BYTES } from "../wire/constants.ts";
import {
  FsMakeStep,
  NEW_FILE_BYTES,
  NewFileField as New,
  OLD_FILE_BYTES,
  OldFileField as Old,
} from "./abi-fs.ts";
import { addressAt, allocate, type Memory, shim } from "./ffi.ts";

/** Where names start, after the rows; each has up to 255 bytes and a NUL. */
const NAMES = BULK_FILES_MAX * Math.max(NEW_FILE_BYTES, OLD_FILE_BYTES);
const NAME_ROOM = 256;
const NAMES_BYTES = BULK_FILES_MAX * NAME_ROOM;
/** As an owner: it stays. */
const OWNER_STAYS = 0xffff_ffff;
const LINUX_ENAMETOOLONG = 36;
/** Numbers of 64 bits are written as two of 32: a BigInt is an object. */
const WORD = 0x1_0000_0000;

const STEPS = ["create", "write", "metadata"] as const;
assert(
  STEPS.every((step, i) => FsMakeStep[step] === i),
  "steps out of order",
);

/** Those calls of `disk/sys.ts` that do all that is to be done for many small files at once. Memory as of `createSys`. */
export function bulkCalls(arena: Memory): Pick<Sys, "makeFiles" | "readFiles"> {
  const table = openTable();
  return { makeFiles: makingCall(arena, table), readFiles: readingCall(arena, table) };
}

/** Rows and names of one call, in memory that the shim sees. */
type Table = ReturnType<typeof openTable>;

function openTable() {
  const scratch = allocate(NAMES + NAMES_BYTES);
  const bytes = Buffer.from(scratch.buffer);
  const view = new DataView(scratch.buffer);

  /** Puts a name behind the others; the offset behind it. The caller keeps out names with a NUL or a slash in them. */
  function putName(name: Latin1, at: number): number {
    bytes.write(name, NAMES + at, "latin1");
    bytes[NAMES + at + name.length] = 0;
    return at + name.length + 1;
  }

  /** Puts rows and names, up to the first name that no file system has; returns their number and the bytes of the names. */
  function put<File extends { readonly name: Latin1 }>(
    files: readonly File[],
    rowBytes: number,
    putRow: (
      view: DataView,
      row: { readonly file: File; readonly at: number; readonly name: number },
    ) => void,
  ): { readonly count: number; readonly nameBytes: number } {
    assert(files.length <= BULK_FILES_MAX, "too many files for one call");
    let name = 0;
    for (const [count, file] of files.entries()) {
      if (file.name.length >= NAME_ROOM) return { count, nameBytes: name };
      putRow(view, { file, at: count * rowBytes, name });
      name = putName(file.name, name);
    }
    return { count: files.length, nameBytes: name };
  }

  /** Copies the digest at `at` to `to` in `into`. */
  function takeDigest(at: number, into: Uint8Array, to: number): void {
    for (let i = 0; i < DIGEST_BYTES; i++) into[to + i] = bytes[at + i] ?? 0;
  }

  return { view, put, takeDigest, rows: scratch.address, names: addressAt(scratch.address, NAMES) };
}

function makingCall(arena: Memory, { view, put, takeDigest, rows, names }: Table): Sys["makeFiles"] {
  return (files) => {
    const { count, nameBytes } = put(files, NEW_FILE_BYTES, putNew);
    const bytes = arena.buffer.byteLength;
    const made = shim.mk_fs_make_files(arena.address, bytes, names, nameBytes, rows, count);
    assert(made >= 0 && made <= count, "files to make were not packed as they should be");
    const digests = new Uint8Array(made * DIGEST_BYTES);
    for (let i = 0; i < made; i++) takeDigest(i * NEW_FILE_BYTES + New.digest, digests, i * DIGEST_BYTES);
    if (made === files.length) return { made, digests, failed: undefined };
    const row = made * NEW_FILE_BYTES;
    const long = made === count;
    const step = long ? "create" : (STEPS[view.getUint32(row + New.step, true)] ?? "write");
    const errno = long ? LINUX_ENAMETOOLONG : view.getInt32(row + New.error, true);
    return { made, digests, failed: { step, result: -errno as Failed } };
  };
}

function putNew(
  view: DataView,
  { file, at, name }: { readonly file: NewFile; readonly at: number; readonly name: number },
): void {
  const { from } = file;
  view.setUint32(at + New.at, from.at % WORD, true);
  view.setUint32(at + New.at + 4, Math.floor(from.at / WORD), true);
  view.setUint32(at + New.seconds, file.secondsLow, true);
  view.setInt32(at + New.seconds + 4, file.secondsHigh, true);
  view.setUint32(at + New.bytes, from.bytes, true);
  view.setUint32(at + New.nanoseconds, file.nanoseconds, true);
  view.setInt32(at + New.directory, file.dir, true);
  view.setUint32(at + New.name, name, true);
  view.setUint32(at + New.uid, file.uid ?? OWNER_STAYS, true);
  view.setUint32(at + New.gid, file.gid ?? OWNER_STAYS, true);
  view.setUint32(at + New.mode, file.mode, true);
}

function readingCall(arena: Memory, { view, put, takeDigest, rows, names }: Table): Sys["readFiles"] {
  const taken = (at: number): TakenFile => {
    const error = view.getInt32(at + Old.error, true);
    const changed = view.getUint32(at + Old.changed, true) !== 0;
    const digest = new Uint8Array(DIGEST_BYTES);
    takeDigest(at + Old.digest, digest, 0);
    const health = error !== 0 ? (-error as Failed) : changed ? "changed" : "good";
    const atRest = view.getUint32(at + Old.atRest, true) !== 0;
    return { health, changedNs: view.getBigInt64(at + Old.changedNs, true), digest, atRest };
  };
  return (files, { youngNs, freshNs }) => {
    const { count, nameBytes } = put(files, OLD_FILE_BYTES, putOld);
    const bytes = arena.buffer.byteLength;
    const of = [arena.address, bytes, names, nameBytes, rows, count] as const;
    const result = shim.mk_fs_read_files(...of, youngNs, freshNs);
    assert(result === count && count === files.length, "files to read were not packed as they should be");
    return files.map((_, i) => taken(i * OLD_FILE_BYTES));
  };
}

function putOld(
  view: DataView,
  { file, at, name }: { readonly file: OldFile; readonly at: number; readonly name: number },
): void {
  const { into, dir, seconds, nanoseconds } = file;
  view.setUint32(at + Old.at, into.at % WORD, true);
  view.setUint32(at + Old.at + 4, Math.floor(into.at / WORD), true);
  view.setBigInt64(at + Old.seconds, seconds, true);
  view.setUint32(at + Old.bytes, into.bytes, true);
  view.setUint32(at + Old.nanoseconds, nanoseconds, true);
  view.setInt32(at + Old.directory, dir, true);
  view.setUint32(at + Old.name, name, true);
}
