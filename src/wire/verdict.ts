import { isEmpty } from "./bitmap.ts";
import { assert } from "./brand.ts";
import { DIGEST_BYTES, EXPANDED_BYTES_MAX } from "./constants.ts";
import { ENTRIES_MAX } from "./entry.ts";
import type { Drop } from "./messages.ts";

/** Verdict blocks in their expanded form (PROTOCOL §10.4). Compression is the caller's. */

/** What became of a file of the content stream, by position on the wire. */
export const VERDICT_STATUSES = ["good", "changed", "unreadable"] as const;
export type Verdict =
  /** `digest`: the file's, as PROTOCOL §10.4 defines it, 16 bytes. */
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

/** The records of a verdict block, by number, as they lie in its bytes: there may be one for each of a million files. */
export class Verdicts {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** The bytes have been checked by `readVerdicts`. */
  constructor(bytes: Uint8Array, view: DataView) {
    this.#bytes = bytes;
    this.#view = view;
  }

  get count(): number {
    return this.#bytes.length / VERDICT_BYTES;
  }

  entry(i: number): number {
    return this.#view.getUint32(i * VERDICT_BYTES);
  }

  status(i: number): Verdict["status"] {
    return VERDICT_STATUSES[this.#view.getUint8(i * VERDICT_BYTES + 4)] ?? "changed";
  }

  /** Of an unreadable file; 0 of all others. */
  errno(i: number): number {
    return this.#view.getUint16(i * VERDICT_BYTES + 6);
  }

  /** Of a good file, the caller's. */
  digest(i: number): Uint8Array {
    return this.#bytes.slice(i * VERDICT_BYTES + 8, (i + 1) * VERDICT_BYTES);
  }

  /** Whether the digest is the one that lies at `at` in `digests`. */
  isDigest(i: number, digests: Uint8Array, at: number): boolean {
    const own = i * VERDICT_BYTES + 8;
    for (let byte = 0; byte < DIGEST_BYTES; byte++)
      if (this.#bytes[own + byte] !== digests[at + byte]) return false;
    return true;
  }
}

/** The records of a verdict block, which stay in its memory. The caller checks that they are those of the stream, in its order. */
export function readVerdicts(bytes: Uint8Array): Verdicts | Drop {
  if (bytes.length > EXPANDED_BYTES_MAX) return "long";
  if (bytes.length === 0 || bytes.length % VERDICT_BYTES !== 0) return "short";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = -1;
  for (let at = 0; at < bytes.length; at += VERDICT_BYTES) {
    const entry = view.getUint32(at);
    const status = VERDICT_STATUSES[view.getUint8(at + 4)];
    const errno = view.getUint16(at + 6);
    if (entry <= last || entry >= ENTRIES_MAX || status === undefined || view.getUint8(at + 5) !== 0)
      return "range";
    if (status !== "good" && !isEmpty(bytes.subarray(at + 8, at + VERDICT_BYTES))) return "range";
    if (status !== "unreadable" && errno !== 0) return "range";
    last = entry;
  }
  return new Verdicts(bytes, view);
}

/** As `readVerdicts`, as values that share no memory with the block. */
export function decodeVerdicts(bytes: Uint8Array): readonly Verdict[] | Drop {
  const verdicts = readVerdicts(bytes);
  if (typeof verdicts === "string") return verdicts;
  return Array.from({ length: verdicts.count }, (_, i) => {
    const [entry, status] = [verdicts.entry(i), verdicts.status(i)];
    if (status === "good") return { entry, status, digest: verdicts.digest(i) };
    return status === "changed" ? { entry, status } : { entry, status, errno: verdicts.errno(i) };
  });
}
