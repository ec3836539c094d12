import { BULK_FILES_MAX, type Failed, type NewFiles, type Sys, type TableFiles } from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { DIGEST_BYTES, EXPANDED_BYTES_MAX, NAME_BYTES_MAX, SECTION_ENTRIES_MAX } from "../wire/constants.ts";
import {
  FILE_BYTES,
  FILES_BYTES,
  FileField,
  FilesField,
  FS_ENTRIES_BYTES,
  FS_FILES_MAX,
  FS_NAMES_BYTES,
  FsMakeStep,
} from "./abi-fs.ts";
import { addressAt, allocate, type Memory, shim } from "./ffi.ts";

const STEPS = ["create", "write", "metadata"] as const;
assert(
  STEPS.every((step, i) => FsMakeStep[step] === i),
  "steps out of order",
);
assert(
  BULK_FILES_MAX <= FS_FILES_MAX &&
    EXPANDED_BYTES_MAX <= FS_ENTRIES_BYTES &&
    SECTION_ENTRIES_MAX * (NAME_BYTES_MAX + 1) <= FS_NAMES_BYTES,
  "no room for a section in a call of the shim",
);

/** Words of a row, and where in it the fields are that go to the shim. */
const ROW_WORDS = FILE_BYTES / 4;
const [ENTRY, NAME, AT] = [FileField.entry / 4, FileField.name / 4, FileField.at / 4];
const DIGIT_0 = 0x30;

/** Those calls of `disk/sys.ts` that do all that is to be done for many small files at once. Memory as of `createSys`. */
export function bulkCalls(arena: Memory): Pick<Sys, "makeFiles" | "readFiles"> {
  const files = openFiles();
  const { view, digests } = files;
  const row = (i: number) => FilesField.rows + i * FILE_BYTES;
  /** What files of a table have to do with the arena from `at` on: where that is, and how much is left of it. */
  const from = (at: number) => {
    const { byteLength } = arena.buffer;
    assert(at >= 0 && at <= byteLength, "files outside the arena");
    return [addressAt(arena.address, at), byteLength - at] as const;
  };
  return {
    makeFiles(dir, wanted) {
      files.put(dir, wanted, wanted.numberedFrom);
      const made = shim.mk_fs_make_files(...from(wanted.at), wanted.owned ? 1 : 0, files.address);
      assert(made >= 0 && made <= wanted.count, "files to make were not packed as they should be");
      const done = digests.subarray(0, made * DIGEST_BYTES);
      if (made === wanted.count) return { made, digests: done, failed: undefined };
      const step = STEPS[view.getUint32(row(made) + FileField.step, true)] ?? "write";
      const errno = view.getInt32(row(made) + FileField.error, true);
      return { made, digests: done, failed: { step, result: -errno as Failed } };
    },
    readFiles(dir, wanted, { youngNs, freshNs }) {
      files.put(dir, wanted, undefined);
      const result = shim.mk_fs_read_files(...from(wanted.at), youngNs, freshNs, files.address);
      assert(result === wanted.count, "files to read were not packed as they should be");
      return {
        digests,
        health(i) {
          const error = view.getInt32(row(i) + FileField.error, true);
          if (error !== 0) return -error as Failed;
          return view.getUint32(row(i) + FileField.changed, true) === 0 ? "good" : "changed";
        },
        isFresh: (i) => view.getUint16(row(i) + FileField.fresh, true) !== 0,
        changedNs: (i) => view.getBigInt64(row(i) + FileField.changedNs, true),
        atRest: (i) => view.getUint16(row(i) + FileField.atRest, true) !== 0,
      };
    },
  };
}

/** The files of one call, in memory that the shim sees. */
function openFiles() {
  const { buffer, address } = allocate(FILES_BYTES);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  const rows = new Uint32Array(buffer, FilesField.rows, FS_FILES_MAX * ROW_WORDS);
  const digests = bytes.subarray(FilesField.digests, FilesField.entries);

  /** Puts an entry's number as its name, with a NUL, at an offset among the names; the offset behind it. */
  function putNumber(number: number, at: number): number {
    let end = at + 1;
    for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) end++;
    bytes[FilesField.names + end] = 0;
    for (let i = end - 1, rest = number; i >= at; i--, rest = Math.floor(rest / 10))
      bytes[FilesField.names + i] = DIGIT_0 + (rest % 10);
    return end + 1;
  }

  /** Puts names that are numbers; their bytes. */
  function putNumbers({ count, indexes }: TableFiles, numberedFrom: number): number {
    let end = 0;
    for (let i = 0; i < count; i++) {
      rows[i * ROW_WORDS + NAME] = end;
      end = putNumber(numberedFrom + (indexes[i] ?? 0), end);
    }
    return end;
  }

  /** Puts the names of all entries from the first of these to the last; their bytes. */
  function putNames({ table, count, indexes }: TableFiles): number {
    const first = table.nameStart(indexes[0] ?? 0);
    const end = table.nameStart((indexes[count - 1] ?? 0) + 1);
    bytes.set(table.names.subarray(first, end), FilesField.names);
    for (let i = 0; i < count; i++) rows[i * ROW_WORDS + NAME] = table.nameStart(indexes[i] ?? 0) - first;
    return end - first;
  }

  /** Puts all that is said of files, but the numbers are not among it unless their first is given. */
  function put(dir: number, files: TableFiles, numberedFrom: NewFiles["numberedFrom"]): void {
    const { table, count, indexes, offsets } = files;
    assert(count > 0 && count <= BULK_FILES_MAX, "no files, or too many, for one call");
    const { starts } = table;
    const first = starts[indexes[0] ?? 0] ?? 0;
    const end = starts[(indexes[count - 1] ?? 0) + 1] ?? 0;
    bytes.set(table.bytes.subarray(first, end), FilesField.entries);
    for (let i = 0; i < count; i++) {
      rows[i * ROW_WORDS + ENTRY] = (starts[indexes[i] ?? 0] ?? 0) - first;
      rows[i * ROW_WORDS + AT] = offsets[i] ?? 0;
    }
    const names = numberedFrom === undefined ? putNames(files) : putNumbers(files, numberedFrom);
    view.setInt32(FilesField.directory, dir, true);
    view.setUint32(FilesField.count, count, true);
    view.setUint32(FilesField.entriesBytes, end - first, true);
    view.setUint32(FilesField.namesBytes, names, true);
  }

  return { view, digests, address, put };
}
