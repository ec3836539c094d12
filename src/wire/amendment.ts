import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX } from "./constants.ts";
import { ENTRIES_MAX, ENTRY_FIXED_BYTES, type Entry, openReader, readEntry, writeEntry } from "./manifest.ts";
import type { Drop } from "./messages.ts";
import { pathFault } from "./path.ts";

/** Amendment blocks in their expanded form (PROTOCOL §10.5). Compression is the caller's. */

/** Entry number `entry` of the manifest is replaced by `to`, a file of the same path. */
export type Amendment = { readonly entry: number; readonly to: Entry };

/** Bytes of an amendment record. */
export function amendmentBytes({ to }: Amendment): number {
  return 4 + ENTRY_FIXED_BYTES + to.path.length + (to.target === undefined ? 0 : 2 + to.target.length);
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
      to.type === "file" && pathFault(to.path, 0, to.path.length) === undefined,
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
    if (entry <= last || entry >= ENTRIES_MAX || to.type !== "file") return "range";
    amendments.push({ entry, to });
    last = entry;
  }
  return amendments;
}
