import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX } from "./constants.ts";
import { ENTRIES_MAX, type Entry, entryBytes, openReader, readEntry, writeEntry } from "./entry.ts";
import type { Drop } from "./messages.ts";
import { pathFault } from "./path.ts";

/** Amendment blocks in their expanded form (PROTOCOL §10.5). Compression is the caller's. */

/** Entry number `entry` of the manifest is replaced by `to`, a file of the same path, without digest. */
export type Amendment = { readonly entry: number; readonly to: Entry };

/** Bytes of an amendment record. */
export function amendmentBytes({ to }: Amendment): number {
  return 4 + entryBytes(to, 0);
}

/** An amendment block of 1 or more records, in ascending order of `entry` (PROTOCOL §10.5). */
export function encodeAmendments(amendments: readonly Amendment[]): Uint8Array {
  let length = 0;
  for (const amendment of amendments) length += amendmentBytes(amendment);
  assert(length > 0 && length <= EXPANDED_BYTES_MAX, "amendment block of a wrong size");
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  let last = -1;
  for (const { entry, to } of amendments) {
    assert(entry > last && entry < ENTRIES_MAX && Number.isInteger(entry), "amendments out of order");
    assert(
      isPlainFile(to) && pathFault(to.path, 0, to.path.length) === undefined,
      "amendment is not of a file",
    );
    view.setUint32(at, entry);
    at = writeEntry(view, { at: at + 4, shared: 0, entry: to });
    last = entry;
  }
  return bytes;
}

/** The records of an amendment block. The caller checks that each names a file of the manifest and keeps its path. */
export function decodeAmendments(bytes: Uint8Array): readonly Amendment[] | Drop {
  if (bytes.length === 0) return "short";
  if (bytes.length > EXPANDED_BYTES_MAX) return "long";
  const reader = openReader(bytes, 0);
  const amendments: Amendment[] = [];
  let last = -1;
  while (reader.at < bytes.length) {
    if (bytes.length - reader.at < 4) return "short";
    const entry = reader.view.getUint32(reader.at);
    reader.at += 4;
    reader.pathLength = 0;
    const to = readEntry(reader);
    if (typeof to === "string") return to;
    if (entry <= last || entry >= ENTRIES_MAX || !isPlainFile(to)) return "range";
    amendments.push({ entry, to });
    last = entry;
  }
  return amendments;
}

/** Whether an entry may amend: files change while they are read, and then no digest of theirs is known. */
function isPlainFile({ type, digest }: Entry): boolean {
  return type === "file" && digest === undefined;
}
