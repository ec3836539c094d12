import { Differs, type Sys } from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { EXPANDED_BYTES_MAX, NAME_BYTES_MAX, SECTION_ENTRIES_MAX } from "../wire/constants.ts";
import { FsDiffers } from "./abi-fs.ts";
import { addressAt, allocate, shim } from "./ffi.ts";

/** Parts of the scratch memory, each with room for what is largest: what entries differ in, where they start, they themselves, and their names with NULs. */
const DIFFERS = 0;
const STARTS = DIFFERS + SECTION_ENTRIES_MAX;
const ENTRIES = STARTS + 4 * SECTION_ENTRIES_MAX;
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
  const starts = new Uint32Array(buffer, STARTS, SECTION_ENTRIES_MAX);
  const [atStarts, atEntries, atNames] = [STARTS, ENTRIES, NAMES].map((at) => addressAt(address, at));
  assert(
    atStarts !== undefined && atEntries !== undefined && atNames !== undefined,
    "three parts, three addresses",
  );
  return {
    compare(dir, { table, from, to }) {
      const count = to - from;
      const first = table.starts[from] ?? 0;
      const entriesBytes = (table.starts[to] ?? 0) - first;
      const name = table.nameStart(from);
      const namesBytes = table.nameStart(to) - name;
      starts.set(table.starts.subarray(from, to));
      bytes.set(table.bytes.subarray(first, first + entriesBytes), ENTRIES);
      bytes.set(table.names.subarray(name, name + namesBytes), NAMES);
      const done = shim.mk_fs_compare(
        dir,
        atNames,
        namesBytes,
        atEntries,
        entriesBytes,
        atStarts,
        count,
        address,
      );
      assert(count > 0 && done === count, "entries to compare were not packed as they should be");
      return bytes.subarray(DIFFERS, DIFFERS + count);
    },
  };
}
