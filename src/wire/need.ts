import { bitmapBytes, fullBitmap, isEmpty, isFull, isPadded, isSubset, sameBytes } from "./bitmap.ts";
import { assert } from "./brand.ts";
import { SECTION_ENTRIES_MAX } from "./constants.ts";
import type { ReportRecord } from "./messages.ts";
import { put8, put16, put32 } from "./put.ts";

/** The record NEED of REPORT (PROTOCOL §6.3). */

const NEED_FIXED_BYTES = 8;
/** How NEED gives a set of entries. `same`: content only, the update set. */
const Form = { none: 0, all: 1, bitmap: 2, same: 3 } as const;

type Need = Extract<ReportRecord, { kind: "need" }>;

/** Bytes of the payload of NEED. */
export function needBytes(need: Need): number {
  const { update, content } = needForms(need);
  const bitmaps = (update === Form.bitmap ? 1 : 0) + (content === Form.bitmap ? 1 : 0);
  return NEED_FIXED_BYTES + bitmaps * bitmapBytes(need.entries);
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

/** Writes the payload of NEED over zeros at offset `at`. */
export function writeNeed(bytes: Uint8Array, view: DataView, at: number, need: Need): void {
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

/** The NEED in the payload of `length` bytes at offset `at`, or undefined if something in it is not allowed. */
export function readNeed(packet: Uint8Array, view: DataView, at: number, length: number): Need | undefined {
  if (length < NEED_FIXED_BYTES) return undefined;
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
