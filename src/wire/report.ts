import { bitmapBytes, fullBitmap, isEmpty, isFull, isPadded, isSubset, sameBytes } from "./bitmap.ts";
import { assert } from "./brand.ts";
import { FailStep, RefuseReason, SECTION_ENTRIES_MAX } from "./constants.ts";
import type { ReportRecord } from "./messages.ts";
import { put8, put16, put32 } from "./put.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** The records of REPORT (PROTOCOL §6.2, §6.3). */

/** Bytes of a record before its payload. */
export const RECORD_FIXED_BYTES = 4;
const NEED_FIXED_BYTES = 8;
const REFUSE_FIXED_BYTES = 2;
const TEXT_BYTES_MAX = 400;
/** FAIL's entry when no entry is to blame. */
const NO_ENTRY = 0xffff_ffff;

const Kind = { accept: 1, refuse: 2, need: 3, fail: 4, prepared: 5, outcome: 6, removals: 7 } as const;
/** Bytes of the payload of the kinds that always have the same. */
const PAYLOAD_BYTES = { accept: 8, fail: 8, prepared: 4, outcome: 4 } as const;
/** How NEED gives a set of entries. `same`: content only, the update set. */
const Form = { none: 0, all: 1, bitmap: 2, same: 3 } as const;
const OUTCOME_COMMITTED = 1;
const OUTCOME_FAILED = 2;

type Refuse = Extract<ReportRecord, { kind: "refuse" }>;
type Need = Extract<ReportRecord, { kind: "need" }>;

/** Bytes of a record's payload. */
export function payloadBytes(record: ReportRecord): number {
  switch (record.kind) {
    case "refuse":
      return REFUSE_FIXED_BYTES + encodeUtf8(record.text).length;
    case "need": {
      const { update, content } = needForms(record);
      const bitmaps = (update === Form.bitmap ? 1 : 0) + (content === Form.bitmap ? 1 : 0);
      return NEED_FIXED_BYTES + bitmaps * bitmapBytes(record.entries);
    }
    case "removals":
      return 0;
    case "accept":
    case "fail":
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
      assert(record.entry !== NO_ENTRY, "entry out of range");
      put32(view, payload, record.entry ?? NO_ENTRY);
      put16(view, payload + 4, record.errno);
      put8(view, payload + 6, record.step);
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
      return length >= NEED_FIXED_BYTES ? readNeed(packet, view, payload, length) : undefined;
    case Kind.fail:
      return length === PAYLOAD_BYTES.fail ? readFail(view, payload) : undefined;
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

function readFail(view: DataView, at: number): ReportRecord | undefined {
  const entry = view.getUint32(at);
  const step = member(FailStep, view.getUint8(at + 6));
  if (step === undefined || view.getUint8(at + 7) !== 0) return undefined;
  return {
    kind: "fail",
    entry: entry === NO_ENTRY ? undefined : entry,
    errno: view.getUint16(at + 4),
    step,
    path: undefined,
  };
}

function readOutcome(view: DataView, at: number): ReportRecord | undefined {
  const outcome = view.getUint8(at);
  if (outcome !== OUTCOME_COMMITTED && outcome !== OUTCOME_FAILED) return undefined;
  if (view.getUint8(at + 1) !== 0 || view.getUint16(at + 2) !== 0) return undefined;
  return { kind: "outcome", committed: outcome === OUTCOME_COMMITTED };
}

/** The forms that §6.3 prescribes for these sets. */
function needForms({ update, content, entries }: Need): {
  readonly update: number;
  readonly content: number;
} {
  const updateForm = setForm(update, entries);
  const contentForm = setForm(content, entries);
  const same =
    updateForm === Form.bitmap && update !== undefined && content !== undefined && sameBytes(update, content);
  return { update: updateForm, content: same ? Form.same : contentForm };
}

function setForm(set: Uint8Array | undefined, entries: number): number {
  if (set === undefined || isEmpty(set)) return Form.none;
  return isFull(set, entries) ? Form.all : Form.bitmap;
}

function writeNeed(bytes: Uint8Array, view: DataView, at: number, need: Need): void {
  const { section, entries, update, content } = need;
  const forms = needForms(need);
  assert(entries <= SECTION_ENTRIES_MAX, "section with too many entries");
  assert(update === undefined || isPadded(update, entries), "unused bits of a bitmap are set");
  assert(
    content === undefined || isEmpty(content) || (update !== undefined && isSubset(content, update)),
    "content of an entry that would not change",
  );
  put32(view, at, section);
  put16(view, at + 4, entries);
  put8(view, at + 6, forms.update);
  put8(view, at + 7, forms.content);
  let end = at + NEED_FIXED_BYTES;
  if (forms.update === Form.bitmap && update !== undefined) {
    bytes.set(update, end);
    end += update.length;
  }
  if (forms.content === Form.bitmap && content !== undefined) bytes.set(content, end);
}

function readNeed(packet: Uint8Array, view: DataView, at: number, length: number): ReportRecord | undefined {
  const entries = view.getUint16(at + 4);
  const updateForm = view.getUint8(at + 6);
  const contentForm = view.getUint8(at + 7);
  if (entries > SECTION_ENTRIES_MAX || updateForm > Form.bitmap || contentForm > Form.same) return undefined;
  const bytes = bitmapBytes(entries);
  const updateEnd = NEED_FIXED_BYTES + (updateForm === Form.bitmap ? bytes : 0);
  const contentEnd = updateEnd + (contentForm === Form.bitmap ? bytes : 0);
  if (length !== contentEnd) return undefined;
  // Copies: the packet's memory belongs to the packet handler.
  const update = readSet(updateForm, entries, packet.slice(at + NEED_FIXED_BYTES, at + updateEnd));
  const content =
    contentForm === Form.same
      ? update?.slice()
      : readSet(contentForm, entries, packet.slice(at + updateEnd, at + contentEnd));
  const need: Need = { kind: "need", section: view.getUint32(at), entries, update, content };
  if (update !== undefined && !isPadded(update, entries)) return undefined;
  if (content !== undefined && (update === undefined || !isSubset(content, update))) return undefined;
  // Whatever would have been sent in another form was not sent by one of us.
  const forms = needForms(need);
  return forms.update === updateForm && forms.content === contentForm ? need : undefined;
}

function readSet(form: number, entries: number, bitmap: Uint8Array): Uint8Array | undefined {
  if (form === Form.none) return undefined;
  return form === Form.all ? fullBitmap(entries) : bitmap;
}

/** `value` if it is one of a constant object's values. */
function member<T extends number>(values: Readonly<Record<string, T>>, value: number): T | undefined {
  return Object.values(values).find((one) => one === value);
}
