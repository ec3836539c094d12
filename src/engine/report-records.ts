import { recordBytes } from "../wire/codec.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { ReportRecord } from "../wire/messages.ts";
import type { RecordSupply } from "./report-stream.ts";

/** Most bytes of the path in FAIL (PROTOCOL §6.2). */
const FAIL_PATH_BYTES_MAX = 400;

type Removals = ReportRecord & { readonly kind: "removals" };

/** Bytes of such a record without names. */
const FIXED_BYTES = recordBytes({ kind: "removals", count: 0, last: false, names: new Uint8Array() });

/**
 * The records that tell what is to be removed (PROTOCOL §6.2), each of at most `bytesMax` bytes: at least one, and made one by one, since the
 * names may be megabytes. `names`: the whole stream; it is cut anywhere.
 */
export function removalRecords(
  removals: { readonly count: number; readonly names: Uint8Array },
  bytesMax: number,
): RecordSupply {
  const { count, names } = removals;
  const each = bytesMax - FIXED_BYTES;
  let at = 0;
  let last = false;
  const next = (): Removals | undefined => {
    if (last) return undefined;
    const part = names.subarray(at, at + each);
    at += part.length;
    last = at === names.length;
    return { kind: "removals", count, last, names: part };
  };
  return { next };
}

/** FAIL for what went wrong at a receiver's disk (PROTOCOL §6.2): of a path its first 400 bytes. */
export function failRecord({ entry, errno, step, path }: DiskFailure): ReportRecord {
  const known = entry === undefined ? path?.subarray(0, FAIL_PATH_BYTES_MAX) : undefined;
  return { kind: "fail", entry, errno, step, path: known };
}
