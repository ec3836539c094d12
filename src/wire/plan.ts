import { bitmapBytes, isEmpty, isPadded } from "./bitmap.ts";
import { assert } from "./brand.ts";
import { EXPANDED_BYTES_MAX, SECTION_ENTRIES_MAX } from "./constants.ts";
import type { Drop } from "./messages.ts";

/** Plan blocks in their expanded form (PROTOCOL §10.2). Compression is the caller's. */

/** Which of the `entries` entries of manifest section `section` are in the content stream; at least one is. */
export type PlanRecord = {
  readonly section: number;
  /** 1..1,024. */
  readonly entries: number;
  /** ⌈entries/8⌉ bytes, bits as in §6.3. */
  readonly content: Uint8Array;
};

const FIXED_BYTES = 8;

/** Bytes of the record of a section with `entries` entries. */
export function planRecordBytes(entries: number): number {
  return FIXED_BYTES + bitmapBytes(entries);
}

/** A plan block with these records (maybe none), in ascending order of section. */
export function encodePlan(records: readonly PlanRecord[]): Uint8Array {
  let length = 0;
  for (const { entries } of records) length += planRecordBytes(entries);
  assert(length <= EXPANDED_BYTES_MAX, "plan block too long");
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  let last = -1;
  for (const { section, entries, content } of records) {
    assert(Number.isInteger(section) && section > last && section <= 0xffff_ffff, "plan out of order");
    assert(
      Number.isInteger(entries) && entries >= 1 && entries <= SECTION_ENTRIES_MAX,
      "entries out of range",
    );
    assert(isPadded(content, entries) && !isEmpty(content), "plan with an empty section");
    view.setUint32(at, section);
    view.setUint16(at + 4, entries);
    bytes.set(content, at + FIXED_BYTES);
    at += FIXED_BYTES + content.length;
    last = section;
  }
  return bytes;
}

/**
 * The records of a plan block. The caller checks that sections go on ascending from block to block, that they exist, and that
 * `entries` and the kind of the chosen entries agree with the manifest.
 */
export function decodePlan(bytes: Uint8Array): readonly PlanRecord[] | Drop {
  if (bytes.length > EXPANDED_BYTES_MAX) return "long";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: PlanRecord[] = [];
  let last = -1;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < FIXED_BYTES) return "short";
    const section = view.getUint32(at);
    const entries = view.getUint16(at + 4);
    if (view.getUint16(at + 6) !== 0 || section <= last) return "range";
    if (entries === 0 || entries > SECTION_ENTRIES_MAX) return "range";
    if (bytes.length - at < planRecordBytes(entries)) return "short";
    const content = bytes.slice(at + FIXED_BYTES, at + planRecordBytes(entries));
    if (!isPadded(content, entries) || isEmpty(content)) return "range";
    records.push({ section, entries, content });
    at += planRecordBytes(entries);
    last = section;
  }
  return records;
}
