import { Differs, type Siblings, type Sys } from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { NAME_BYTES_MAX, SECTION_ENTRIES_MAX } from "../wire/constants.ts";
import type { EntryType } from "../wire/entry.ts";
import { EXPECTED_BYTES, ExpectedField as Expected, FsDiffers } from "./abi-fs.ts";
import { addressAt, allocate, shim } from "./ffi.ts";

/** Where names start, after the rows. */
const NAMES = SECTION_ENTRIES_MAX * EXPECTED_BYTES;
/** Names of a section with their NULs: what a section that is full of them has, and more than enough for one call. */
const NAMES_BYTES = 65_536;

/** Types as in st_mode. An "other" is of none. */
const TYPES: Readonly<Record<EntryType, number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  fifo: 0o010000,
  block: 0o060000,
  character: 0o020000,
  other: 0,
};

assert(
  Object.entries(Differs).every(([name, bit]) => FsDiffers[name as keyof typeof FsDiffers] === bit),
  "two ideas of how things differ",
);

/** The comparison of names with their entries, by the shim. */
export function comparingCall(): Pick<Sys, "compare"> {
  const scratch = allocate(NAMES + NAMES_BYTES);
  const bytes = new Uint8Array(scratch.buffer);
  const view = new DataView(scratch.buffer);
  const words = new Uint32Array(scratch.buffer);
  const names = addressAt(scratch.address, NAMES);
  const result = new Uint8Array(SECTION_ENTRIES_MAX);

  /** Puts as many rows as there is room for, up to `to`; returns the index behind the last, and the bytes of the names. */
  function put({ table, from, to }: Siblings): { readonly next: number; readonly nameBytes: number } {
    const { paths } = table;
    let name = 0;
    let index = from;
    for (; index < to && name + NAME_BYTES_MAX < NAMES_BYTES; index++) {
      const at = (index - from) * EXPECTED_BYTES;
      view.setUint32(at + Expected.seconds, table.secondsLow(index), true);
      view.setInt32(at + Expected.seconds + 4, table.secondsHigh(index), true);
      const size = table.size(index);
      view.setUint32(at + Expected.size, size >>> 0, true);
      view.setUint32(at + Expected.size + 4, Math.floor(size / 0x1_0000_0000), true);
      view.setUint32(at + Expected.nanoseconds, table.nanoseconds(index), true);
      view.setUint32(at + Expected.mode, TYPES[table.type(index)] | table.mode(index), true);
      view.setUint32(at + Expected.uid, table.uid(index), true);
      view.setUint32(at + Expected.gid, table.gid(index), true);
      view.setUint32(at + Expected.name, name, true);
      const end = table.pathEnd(index);
      for (let i = table.nameStart(index); i < end; i++) bytes[NAMES + name++] = paths[i] ?? 0;
      bytes[NAMES + name++] = 0;
    }
    return { next: index, nameBytes: name };
  }

  return {
    compare(dir, siblings) {
      const { table, to } = siblings;
      for (let { from } = siblings; from < to; ) {
        const { next, nameBytes } = put({ table, from, to });
        const count = next - from;
        const done = shim.mk_fs_compare(dir, names, nameBytes, scratch.address, count);
        assert(count > 0 && done === count, "names to compare were not packed as they should be");
        for (let i = 0; i < count; i++) {
          const differs = words[(i * EXPECTED_BYTES + Expected.differs) >> 2] ?? 0;
          result[from - siblings.from + i] = differs;
        }
        from = next;
      }
      return result.subarray(0, to - siblings.from);
    },
  };
}
