import { EXPANDED_BYTES_MAX, SECTION_ENTRIES_MAX } from "../wire/constants.ts";
import type { EntryColumns, ReadColumns } from "../wire/entry-columns.ts";
import type { Drop } from "../wire/messages.ts";
import { ENTRIES_BYTES, EntriesFault, EntriesField } from "./abi-fs.ts";
import { addressAt, allocate, shim } from "./ffi.ts";

/** The columns come first in the scratch memory, as they have to be aligned. */
const SECTION = ENTRIES_BYTES;

const faults = new Map<number, Drop>(
  (["short", "range", "long"] as const).map((name) => [EntriesFault[name], name]),
);

/**
 * The reader of entries by the shim (native/entries.c), which does what `columnReader` does. Each thread makes its own, once: the scratch memory is never given
 * back; most of it nobody ever touches.
 */
export function shimColumnReader(): ReadColumns {
  const { buffer, address } = allocate(SECTION + EXPANDED_BYTES_MAX);
  const bytes = new Uint8Array(buffer);
  const words = (at: number, length: number) => new Uint32Array(buffer, at, length);
  const parentsBytes = words(EntriesField.parentsBytes, 1);
  const columns = {
    starts: words(EntriesField.starts, SECTION_ENTRIES_MAX + 1),
    nameAt: words(EntriesField.nameAt, SECTION_ENTRIES_MAX + 1),
    parentAt: words(EntriesField.parentAt, SECTION_ENTRIES_MAX),
    parentBytes: new Uint16Array(buffer, EntriesField.parentBytes, SECTION_ENTRIES_MAX),
    sibling: bytes.subarray(EntriesField.sibling, EntriesField.names),
    names: bytes.subarray(EntriesField.names, EntriesField.parents),
    parents: bytes.subarray(EntriesField.parents, ENTRIES_BYTES),
  } satisfies Omit<EntryColumns, "parentsBytes">;
  const atSection = addressAt(address, SECTION);
  return (section, { at, count, digests }) => {
    bytes.set(section, SECTION);
    const result = shim.mk_entries_read(atSection, section.length, at, count, digests ? 1 : 0, address);
    if (result !== 0) return faults.get(result) ?? "range";
    return { ...columns, parentsBytes: parentsBytes[0] ?? 0 };
  };
}
