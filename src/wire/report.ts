import { assert } from "./brand.ts";
import { FailStep, RefuseReason } from "./constants.ts";
import type { ReportRecord } from "./messages.ts";
import { needBytes, readNeed, writeNeed } from "./need.ts";
import { put8, put16, put32 } from "./put.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** The records of REPORT (PROTOCOL §6.2); what is in NEED is in need.ts. */

/** Bytes of a record before its payload. */
export const RECORD_FIXED_BYTES = 4;
/** Bytes of the payload of REMOVALS before the names. */
const REMOVALS_FIXED_BYTES = 8;
const FAIL_FIXED_BYTES = 8;
const REFUSE_FIXED_BYTES = 2;
const TEXT_BYTES_MAX = 400;
/** Longest path in FAIL. */
export const FAIL_PATH_BYTES_MAX = 400;
/** FAIL's entry when no entry is to blame. */
const NO_ENTRY = 0xffff_ffff;

const Kind = { accept: 1, refuse: 2, need: 3, fail: 4, prepared: 5, outcome: 6, removals: 7 } as const;
/** Bytes of the payload of the kinds that always have the same. */
const PAYLOAD_BYTES = { accept: 8, prepared: 4, outcome: 4 } as const;
const OUTCOME_COMMITTED = 1;
const OUTCOME_FAILED = 2;

type Refuse = Extract<ReportRecord, { kind: "refuse" }>;
type Fail = Extract<ReportRecord, { kind: "fail" }>;
type Removals = Extract<ReportRecord, { kind: "removals" }>;

/** Bytes of a record's payload. */
export function payloadBytes(record: ReportRecord): number {
  switch (record.kind) {
    case "refuse":
      return REFUSE_FIXED_BYTES + encodeUtf8(record.text).length;
    case "need":
      return needBytes(record);
    case "fail":
      return FAIL_FIXED_BYTES + (record.path?.length ?? 0);
    case "removals":
      return REMOVALS_FIXED_BYTES + record.names.length;
    case "accept":
    case "prepared":
    case "outcome":
      return PAYLOAD_BYTES[record.kind];
  }
}

/** Writes a record over zeros at offset `at`. Returns the offset behind it. */
export function writeRecord(bytes: Uint8Array, view: DataView, at: number, record: ReportRecord): number {
  const length = payloadBytes(record);
  const payload = at + RECORD_FIXED_BYTES;
  put8(view, at, Kind[record.kind]);
  put16(view, at + 2, length);
  switch (record.kind) {
    case "accept":
      assert(record.window >= 1, "window is 0");
      put32(view, payload, record.receiveBuffer);
      put32(view, payload + 4, record.window);
      break;
    case "refuse":
      writeRefuse(bytes, view, payload, record);
      break;
    case "need":
      writeNeed(bytes, view, payload, record);
      break;
    case "fail":
      writeFail(bytes, view, payload, record);
      break;
    case "removals":
      writeRemovals(bytes, view, payload, record);
      break;
    case "prepared":
      break;
    case "outcome":
      put8(view, payload, record.committed ? OUTCOME_COMMITTED : OUTCOME_FAILED);
      break;
  }
  return payload + length;
}

/** The record at offset `at`, which lies within the packet as far as its length says, or undefined if something in it is not allowed. */
export function readRecord(packet: Uint8Array, view: DataView, at: number): ReportRecord | undefined {
  const payload = at + RECORD_FIXED_BYTES;
  const length = view.getUint16(at + 2);
  if (view.getUint8(at + 1) !== 0) return undefined;
  switch (view.getUint8(at)) {
    case Kind.accept:
      return length === PAYLOAD_BYTES.accept ? readAccept(view, payload) : undefined;
    case Kind.refuse:
      return readRefuse(packet.subarray(payload, payload + length), view, payload);
    case Kind.need:
      return readNeed(packet, view, payload, length);
    case Kind.fail:
      return readFail(packet.subarray(payload, payload + length), view, payload);
    case Kind.removals:
      return readRemovals(packet.subarray(payload, payload + length), view, payload);
    case Kind.prepared:
      return length === PAYLOAD_BYTES.prepared && view.getUint32(payload) === 0
        ? { kind: "prepared" }
        : undefined;
    case Kind.outcome:
      return length === PAYLOAD_BYTES.outcome ? readOutcome(view, payload) : undefined;
    default:
      return undefined;
  }
}

function readAccept(view: DataView, at: number): ReportRecord | undefined {
  const window = view.getUint32(at + 4);
  return window >= 1 ? { kind: "accept", receiveBuffer: view.getUint32(at), window } : undefined;
}

function writeRefuse(bytes: Uint8Array, view: DataView, at: number, { reason, text }: Refuse): void {
  const utf8 = encodeUtf8(text);
  assert(isText(utf8), "text that cannot be sent");
  put16(view, at, reason);
  bytes.set(utf8, at + REFUSE_FIXED_BYTES);
}

function readRefuse(payload: Uint8Array, view: DataView, at: number): ReportRecord | undefined {
  if (payload.length < REFUSE_FIXED_BYTES) return undefined;
  const reason = member(RefuseReason, view.getUint16(at));
  const utf8 = payload.subarray(REFUSE_FIXED_BYTES);
  if (reason === undefined || !isText(utf8)) return undefined;
  const text = decodeUtf8(utf8);
  return text === undefined ? undefined : { kind: "refuse", reason, text };
}

/** Whether these bytes, if they are UTF-8 at all, are text as §6.2 has it. */
function isText(utf8: Uint8Array): boolean {
  return utf8.length <= TEXT_BYTES_MAX && utf8.every((byte) => byte >= 0x20 && byte !== 0x7f);
}

function writeFail(bytes: Uint8Array, view: DataView, at: number, fail: Fail): void {
  const { entry, errno, step, path } = fail;
  assert(entry !== NO_ENTRY, "entry out of range");
  assert(path === undefined || (entry === undefined && path.length > 0 && isFailPath(path)), "path in FAIL");
  put32(view, at, entry ?? NO_ENTRY);
  put16(view, at + 4, errno);
  put8(view, at + 6, step);
  if (path !== undefined) bytes.set(path, at + FAIL_FIXED_BYTES);
}

function readFail(payload: Uint8Array, view: DataView, at: number): ReportRecord | undefined {
  if (payload.length < FAIL_FIXED_BYTES) return undefined;
  const number = view.getUint32(at);
  const entry = number === NO_ENTRY ? undefined : number;
  const step = member(FailStep, view.getUint8(at + 6));
  const path = payload.slice(FAIL_FIXED_BYTES);
  if (step === undefined || view.getUint8(at + 7) !== 0) return undefined;
  if (!isFailPath(path) || (path.length > 0 && entry !== undefined)) return undefined;
  const errno = view.getUint16(at + 4);
  return { kind: "fail", entry, errno, step, path: path.length > 0 ? path : undefined };
}

function isFailPath(path: Uint8Array): boolean {
  return path.length <= FAIL_PATH_BYTES_MAX && !path.includes(0);
}

function writeRemovals(bytes: Uint8Array, view: DataView, at: number, removals: Removals): void {
  assert(isSound(removals), "removals that cannot be");
  put32(view, at, removals.count);
  put8(view, at + 4, removals.last ? 1 : 0);
  bytes.set(removals.names, at + REMOVALS_FIXED_BYTES);
}

function readRemovals(payload: Uint8Array, view: DataView, at: number): ReportRecord | undefined {
  if (payload.length < REMOVALS_FIXED_BYTES) return undefined;
  const last = view.getUint8(at + 4);
  if (last > 1 || view.getUint8(at + 5) !== 0 || view.getUint16(at + 6) !== 0) return undefined;
  const names = payload.slice(REMOVALS_FIXED_BYTES);
  const removals: Removals = { kind: "removals", count: view.getUint32(at), last: last === 1, names };
  return isSound(removals) ? removals : undefined;
}

/** Whether a part of the names is one: only the last may be empty, and nothing has no names. */
function isSound({ count, last, names }: Removals): boolean {
  return names.length === 0 ? last : count > 0;
}

function readOutcome(view: DataView, at: number): ReportRecord | undefined {
  const outcome = view.getUint8(at);
  if (outcome !== OUTCOME_COMMITTED && outcome !== OUTCOME_FAILED) return undefined;
  if (view.getUint8(at + 1) !== 0 || view.getUint16(at + 2) !== 0) return undefined;
  return { kind: "outcome", committed: outcome === OUTCOME_COMMITTED };
}

/** `value` if it is one of a constant object's values. */
function member<T extends number>(values: Readonly<Record<string, T>>, value: number): T | undefined {
  return Object.values(values).find((one) => one === value);
}
