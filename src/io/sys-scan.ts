import type { Failed, Sys } from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { EXPANDED_BYTES_MAX, NAME_BYTES_MAX } from "../wire/constants.ts";
import { WRITTEN_BYTES, WrittenField } from "./abi-fs.ts";
import { addressAt, allocate, shim } from "./ffi.ts";
import { statAt } from "./sys-stat.ts";

/** Of a directory with more names than this many bytes of records have, names are no list in one piece. */
const RECORDS_BYTES = 512 * 1024;
/** The largest record: 19 bytes, a name and its NUL, made up to eight bytes. */
const RECORD_BYTES_MAX = 280;
/** What the smallest takes, so that there are no more names than these in as many bytes. */
const RECORD_BYTES_MIN = 24;
const NAMES_MAX = RECORDS_BYTES / RECORD_BYTES_MIN;
/** Words for starts of names, and to sort them. */
const WORDS = 2 * (Math.ceil(NAMES_MAX) + 1);
/** Parts of the scratch memory: what was written, entries, words, records, names. */
const ENTRIES = WRITTEN_BYTES;
const AT = ENTRIES + EXPANDED_BYTES_MAX;
const RECORDS = AT + 4 * WORDS;
const NAMES = RECORDS + RECORDS_BYTES;
const SCRATCH_BYTES = NAMES + RECORDS_BYTES;
/** Names of one call. */
const RUN_NAMES = 256;

/** What a scan of a directory is made of, by the shim. */
export function scanningCalls(): Pick<Sys, "listInOrder" | "entries"> {
  const { buffer, address } = allocate(SCRATCH_BYTES);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  const words = new Uint32Array(buffer, AT, WORDS);
  const [atEntries, atWords, atRecords, atNames] = [ENTRIES, AT, RECORDS, NAMES].map((at) =>
    addressAt(address, at),
  );
  assert(
    atEntries !== undefined && atWords !== undefined && atRecords !== undefined && atNames !== undefined,
    "four parts, four addresses",
  );

  /** Reads all records of a directory; their bytes, or undefined if they are too many. */
  function records(fd: number): number | undefined {
    for (let end = 0; RECORDS_BYTES - end >= RECORD_BYTES_MAX; ) {
      const more = shim.mk_fs_list(fd, addressAt(address, RECORDS + end), RECORDS_BYTES - end);
      if (more <= 0) return more < 0 ? more : end;
      end += more;
    }
    return undefined;
  }

  return {
    listInOrder(fd) {
      const end = records(fd);
      if (end === undefined || end < 0) return end as Failed | undefined;
      const count = shim.mk_fs_sort_names(atRecords, end, atNames, RECORDS_BYTES, atWords, WORDS);
      assert(count >= 0, "a directory's records cannot be read");
      const at = words.slice(0, count + 1);
      return { bytes: bytes.slice(NAMES, NAMES + (at[count] ?? 0)), at };
    },
    entries(dir, { names, from, to, pathBytes, room }) {
      const end = Math.min(to, from + RUN_NAMES);
      const [first = 0, last = 0] = [names.at[from], names.at[end]];
      assert(
        last > first && last - first <= RUN_NAMES * (NAME_BYTES_MAX + 1),
        "no names to write entries of",
      );
      bytes.set(names.bytes.subarray(first, last), NAMES);
      const count = shim.mk_fs_entries(
        dir,
        atNames,
        last - first,
        end - from,
        pathBytes,
        atEntries,
        Math.min(room, EXPANDED_BYTES_MAX),
        address,
      );
      assert(count >= 0, "names to write entries of were not packed as they should be");
      const written = view.getUint32(WrittenField.bytes, true);
      const stopped =
        view.getUint32(WrittenField.stopped, true) === 1 ? statAt(view, WrittenField.stat) : undefined;
      return { count, bytes: bytes.subarray(ENTRIES, ENTRIES + written), stopped };
    },
  };
}
