import { Differs, type Sys } from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { EXPANDED_BYTES_MAX, NAME_BYTES_MAX, SECTION_ENTRIES_MAX } from "../wire/constants.ts";
import type { EntryTable } from "../wire/entry-table.ts";
import { FsDiffers } from "./abi-fs.ts";
import { addressAt, allocate, shim } from "./ffi.ts";

/** Parts of the scratch memory, each with room for what is largest: what entries differ in, where they start, they themselves, and their names with NULs. */
const DIFFERS = 0;
const STARTS = DIFFERS + SECTION_ENTRIES_MAX;
const ENTRIES = STARTS + 4 * (SECTION_ENTRIES_MAX + 1);
const NAMES = ENTRIES + EXPANDED_BYTES_MAX;
const SCRATCH_BYTES = NAMES + SECTION_ENTRIES_MAX * (NAME_BYTES_MAX + 1);

assert(
  Object.entries(Differs).every(([name, bit]) => FsDiffers[name as keyof typeof FsDiffers] === bit),
  "two ideas of how things differ",
);

/** The comparison of names with their entries, by the shim, which reads these as they came. */
export function comparingCall(): Pick<Sys, "compare"> {
  const { buffer, address } = allocate(SCRATCH_BYTES);
  const bytes = new Uint8Array(buffer);
  const starts = new Uint32Array(buffer, STARTS, SECTION_ENTRIES_MAX + 1);
  /** What lies there. */
  let held: { readonly table: EntryTable; readonly loads: number } | undefined;

  function hold(table: EntryTable): void {
    const { count, loads } = table;
    const end = table.starts[count] ?? 0;
    starts.set(table.starts.subarray(0, count + 1));
    bytes.set(table.bytes.subarray(0, end), ENTRIES);
    bytes.set(table.names.subarray(0, table.nameStart(count)), NAMES);
    held = { table, loads };
  }

  return {
    compare(dir, { table, from, to }) {
      if (held?.table !== table || held.loads !== table.loads) hold(table);
      const count = to - from;
      const first = table.starts[from] ?? 0;
      const name = table.nameStart(from);
      const done = shim.mk_fs_compare(
        dir,
        addressAt(address, NAMES + name),
        table.nameStart(to) - name,
        addressAt(address, ENTRIES + first),
        (table.starts[to] ?? 0) - first,
        addressAt(address, STARTS + 4 * from),
        count,
        address,
      );
      assert(count > 0 && done === count, "entries to compare were not packed as they should be");
      return bytes.subarray(DIFFERS, DIFFERS + count);
    },
  };
}
