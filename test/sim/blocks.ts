import { BlockKind, DIGEST_BYTES } from "../../src/wire/constants.ts";
import type { SimTerms } from "./terms.ts";
import { bytesHash, contentBytes, type Entry, type Version } from "./tree.ts";

/**
 * What the simulated disks put into blocks. The engine never looks inside, so the forms are the model's own: JSON for tables, raw bytes
 * for content, and a digest at the end that depends on the block's index.
 */
export type Draft = {
  readonly kind: BlockKind;
  readonly payload: Uint8Array;
  readonly lastOfKind: boolean;
  readonly final: boolean;
  /** Entries of the section (manifest only, else 0). */
  readonly entries: number;
  /** Content bytes in all, as far as they are known when the block is made. */
  readonly contentBytes?: number;
};

export type PlanRecord = readonly [section: number, bits: readonly number[]];
export type VerdictRecord = readonly [entry: number, status: VerdictStatus, hash: number];
export type AmendmentRecord = readonly [entry: number, version: Version];
/** As PROTOCOL §10.4: 0 good, 1 changed while read, 2 unreadable. */
export type VerdictStatus = 0 | 1 | 2;

/** Manifest blocks: the terms, then sections of at most `sectionEntries` entries that fit the capacity. */
export function manifestDrafts(
  terms: SimTerms,
  entries: readonly Entry[],
  limits: { readonly capacity: number; readonly sectionEntries: number },
): Draft[] {
  const sections = chunk<SimTerms | Entry>([terms, ...entries], limits.capacity, limits.sectionEntries + 1);
  return sections.map((section, index) => ({
    kind: BlockKind.manifest,
    payload: toBytes(section),
    lastOfKind: index === sections.length - 1,
    final: false,
    entries: section.length - (index === 0 ? 1 : 0),
  }));
}

/** Tables of the kinds plan, verdict and amendment; at least one block, even without records. */
export function tableDrafts(kind: BlockKind, records: readonly unknown[], capacity: number): Draft[] {
  const parts = chunk(records, capacity, records.length);
  return parts.map((part, index) => ({
    kind,
    payload: toBytes(part),
    lastOfKind: kind === BlockKind.plan && index === parts.length - 1,
    final: false,
    entries: 0,
  }));
}

/** The content stream, cut into full blocks (PROTOCOL §5.6). */
export function contentDrafts(stream: Uint8Array, capacity: number): Draft[] {
  const drafts: Draft[] = [];
  for (let from = 0; from < stream.length; from += capacity) {
    const payload = stream.subarray(from, Math.min(from + capacity, stream.length));
    drafts.push({ kind: BlockKind.content, payload, lastOfKind: false, final: false, entries: 0 });
  }
  return drafts;
}

/**
 * The model's compression: a block is sent as a number, padded to any length, and what it stands for is kept here, where all disks of a run find it.
 * Which blocks shrink, and how far, depends on their bytes alone.
 */
export class Shortened {
  readonly #contents = new Map<number, Uint8Array>();
  /** Bytes that have not been sent because of it. */
  savedBytes = 0;

  /** The draft of a content block, in the shorter form if this one has one. */
  shorten(draft: Draft): Draft {
    const { payload } = draft;
    const hash = bytesHash(payload, 5) >>> 0;
    if (payload.length <= 4 || (hash & 1) === 0) return draft;
    const short = new Uint8Array(4 + ((hash >>> 1) % (payload.length - 4))).fill(0xcc);
    new DataView(short.buffer).setUint32(0, hash);
    this.#contents.set(hash, payload);
    this.savedBytes += payload.length - short.length;
    return { ...draft, kind: BlockKind.compressed, payload: short };
  }

  /** What the payload of a compressed block stands for; nothing if nobody has made it. */
  expand(payload: Uint8Array): Uint8Array {
    const none = new Uint8Array(0);
    if (payload.length < 4) return none;
    return this.#contents.get(new DataView(payload.buffer, payload.byteOffset).getUint32(0)) ?? none;
  }
}

/** What a source reads of a file; one that changes meanwhile is read half old, half new. */
export function readFile(version: Version, status: VerdictStatus): Uint8Array {
  const bytes = contentBytes(version.content, version.size);
  if (status !== 0) bytes.fill(0xee, bytes.length >> 1);
  return bytes;
}

/** Writes a block, digest included, to its slot; returns its bytes. */
export function putBlock(payload: Uint8Array, slot: Uint8Array, block: number): number {
  slot.set(payload);
  slot.set(digest(payload, block), payload.length);
  return payload.length + DIGEST_BYTES;
}

/** The payload of a block as it stands in its slot, or undefined if the digest is wrong. A copy: the slot is only lent. */
export function takeBlock(slot: Uint8Array, bytes: number, block: number): Uint8Array | undefined {
  if (bytes < DIGEST_BYTES || bytes > slot.length) return undefined;
  const payload = slot.slice(0, bytes - DIGEST_BYTES);
  const expected = digest(payload, block);
  for (let i = 0; i < DIGEST_BYTES; i++) {
    if (slot[payload.length + i] !== expected[i]) return undefined;
  }
  return payload;
}

/** The records of a plan, verdict or amendment block, or the entries of a manifest block. */
export function parseTable<T>(payload: Uint8Array): readonly T[] {
  return JSON.parse(decoder.decode(payload)) as readonly T[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function toBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function chunk<T>(items: readonly T[], capacity: number, itemsMax: number): T[][] {
  const parts: T[][] = [[]];
  let length = 2;
  for (const item of items) {
    const more = JSON.stringify(item).length + 1;
    let part = parts[parts.length - 1] as T[];
    if (part.length > 0 && (length + more > capacity || part.length >= itemsMax)) {
      part = [];
      parts.push(part);
      length = 2;
    }
    part.push(item);
    length += more;
  }
  return parts;
}

function digest(payload: Uint8Array, block: number): Uint8Array {
  const bytes = new Uint8Array(DIGEST_BYTES);
  const hash = bytesHash(payload, block);
  for (let i = 0; i < DIGEST_BYTES; i++) bytes[i] = (hash >>> (8 * (i & 3))) ^ Math.imul(i, 0x3d);
  return bytes;
}
