import { isEmpty } from "./bitmap.ts";
import { assert } from "./brand.ts";
import { DIGEST_BYTES, EXPANDED_BYTES_MAX } from "./constants.ts";
import { ENTRIES_MAX } from "./entry.ts";
import type { Drop } from "./messages.ts";

/** Verdict blocks in their expanded form (PROTOCOL §10.4). Compression is the caller's. */

/** What became of a file of the content stream, by position on the wire. */
export const VERDICT_STATUSES = ["good", "changed", "unreadable"] as const;
export type Verdict =
  /** `digest`: XXH3-128 of the file's bytes, seed 0, canonical form, 16 bytes. */
  | { readonly entry: number; readonly status: "good"; readonly digest: Uint8Array }
  | { readonly entry: number; readonly status: "changed" }
  | { readonly entry: number; readonly status: "unreadable"; readonly errno: number };

export const VERDICT_BYTES = 8 + DIGEST_BYTES;

/** A verdict block of 1 or more records, in ascending order of entry. */
export function encodeVerdicts(verdicts: readonly Verdict[]): Uint8Array {
  const length = verdicts.length * VERDICT_BYTES;
  assert(length > 0 && length <= EXPANDED_BYTES_MAX, "verdict block of a wrong size");
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  let last = -1;
  for (const verdict of verdicts) {
    const { entry, status } = verdict;
    assert(Number.isInteger(entry) && entry > last && entry < ENTRIES_MAX, "verdicts out of order");
    view.setUint32(at, entry);
    view.setUint8(at + 4, VERDICT_STATUSES.indexOf(status));
    if (status === "unreadable") {
      assert(
        Number.isInteger(verdict.errno) && verdict.errno >= 0 && verdict.errno <= 0xffff,
        "errno out of range",
      );
      view.setUint16(at + 6, verdict.errno);
    } else if (status === "good") {
      assert(verdict.digest.length === DIGEST_BYTES, "digest of a wrong length");
      bytes.set(verdict.digest, at + 8);
    }
    at += VERDICT_BYTES;
    last = entry;
  }
  return bytes;
}

/** The records of a verdict block. The caller checks that they are those of the stream, in its order. */
export function decodeVerdicts(bytes: Uint8Array): readonly Verdict[] | Drop {
  if (bytes.length > EXPANDED_BYTES_MAX) return "long";
  if (bytes.length === 0 || bytes.length % VERDICT_BYTES !== 0) return "short";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const verdicts: Verdict[] = [];
  let last = -1;
  for (let at = 0; at < bytes.length; at += VERDICT_BYTES) {
    const entry = view.getUint32(at);
    const status = VERDICT_STATUSES[view.getUint8(at + 4)];
    const errno = view.getUint16(at + 6);
    const digest = bytes.slice(at + 8, at + VERDICT_BYTES);
    if (entry <= last || entry >= ENTRIES_MAX || status === undefined || view.getUint8(at + 5) !== 0)
      return "range";
    if (status !== "good" && !isEmpty(digest)) return "range";
    if (status !== "unreadable" && errno !== 0) return "range";
    if (status === "good") verdicts.push({ entry, status, digest });
    else if (status === "changed") verdicts.push({ entry, status });
    else verdicts.push({ entry, status, errno });
    last = entry;
  }
  return verdicts;
}
