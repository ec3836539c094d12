import { assert, type NodeId } from "./brand.ts";
import { EndReason, HEADER_BYTES, NAK_BITMAP_BYTES, PacketType, SYMBOLS_MAX } from "./constants.ts";
import { checkControlHeader, readOrigin, writeControlHeader } from "./header.ts";
import { HELLO_FIXED_BYTES, helloBodyBytes, readHello, statedHelloBytes, writeHello } from "./hello.ts";
import { readIds, writeIds } from "./ids.ts";
import type { Commit, Drop, End, Message, Offer, Origin, Report, ReportRecord } from "./messages.ts";
import { put8, put16, put32, put64, putId } from "./put.ts";
import {
  readNak,
  readStatus,
  readSync,
  SYNC_FIXED_BYTES,
  writeNak,
  writeStatus,
  writeSync,
} from "./reliability.ts";
import { payloadBytes, RECORD_FIXED_BYTES, readRecord, writeRecord } from "./report.ts";

/** Control packets: bytes to values and back (PROTOCOL §2 to §8). All sizes are of the body, which follows the header. */

/** An OFFER without its ids. */
export const OFFER_FIXED_BYTES = 16;
/** A COMMIT or END without its ids. */
export const ID_LIST_FIXED_BYTES = 4;
/** One node id of OFFER, SYNC, COMMIT or END. */
export const ID_BYTES = 8;
/** A REPORT without its records; `recordBytes` is the size of one. */
export const REPORT_FIXED_BYTES = 16;
/** A NAK without its blocks. */
export const NAK_FIXED_BYTES = 12;
/** One block of a NAK. */
export const NAK_ENTRY_BYTES = 4 + NAK_BITMAP_BYTES;
const Option = { dryRun: 1, check: 2 } as const;
/** The options that there may be: a check is a dry run (PROTOCOL §6.1). */
const OPTIONS: readonly number[] = [0, Option.dryRun, Option.dryRun | Option.check];
const SYMBOL_SIZE_MIN = 256;
const SYMBOL_SIZE_MAX = 65_475;
const NUMBER_MAX = 0xffff_ffff;
/** Offset of the body in a packet. */
const BODY = HEADER_BYTES;

/** Bytes of a record in a REPORT's body. */
export function recordBytes(record: ReportRecord): number {
  return RECORD_FIXED_BYTES + payloadBytes(record);
}

/**
 * The value of a control packet, whatever its bytes are, or the reason to drop it: the first one in the order of §2.1. Group and checksum are
 * not looked at, they are the packet handler's; DATA is dropped as `type`. The value shares no memory with the packet.
 */
export function decode(packet: Uint8Array): { readonly origin: Origin; readonly message: Message } | Drop {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const type = checkControlHeader(view);
  if (typeof type === "string") return type;
  const stated = statedBytes(view, type);
  if (packet.length < HEADER_BYTES + stated) return "short";
  if (packet.length > HEADER_BYTES + stated) return "long";
  const message = decodeBody(packet, view, type);
  return message === undefined ? "range" : { origin: readOrigin(view), message };
}

/**
 * The packet of a message, checksum 0. `groupTag`: §2.2. Fields that cannot hold their value, lists out of order and the like are our
 * own mistakes and stop the process. Bitmaps of NEED may be given in any form (undefined, empty, full).
 */
export function encode(origin: Origin, groupTag: number, message: Message): Uint8Array {
  const packet = new Uint8Array(HEADER_BYTES + bodyBytes(message));
  assert(packet.length <= BODY + SYMBOL_SIZE_MAX, "packet larger than UDP takes");
  const view = new DataView(packet.buffer);
  writeControlHeader(view, PacketType[message.type], origin, groupTag);
  encodeBody(packet, view, message);
  return packet;
}

/** Bytes of body that a packet says it has; Infinity if not even that is there. */
function statedBytes(view: DataView, type: number): number {
  const present = view.byteLength - BODY;
  const fixed = FIXED_BYTES[type] ?? 0;
  if (present < fixed) return Infinity;
  switch (type) {
    case PacketType.hello:
      return statedHelloBytes(view, BODY);
    case PacketType.offer:
      return fixed + view.getUint16(BODY + 12) * ID_BYTES;
    case PacketType.report:
      return statedReportBytes(view);
    case PacketType.nak:
      return fixed + view.getUint16(BODY + 8) * NAK_ENTRY_BYTES;
    case PacketType.sync:
      return fixed + view.getUint16(BODY + 10) * ID_BYTES;
    case PacketType.commit:
      return fixed + view.getUint16(BODY) * ID_BYTES;
    case PacketType.end:
      return fixed + view.getUint16(BODY + 2) * ID_BYTES;
    default:
      return fixed;
  }
}

function statedReportBytes(view: DataView): number {
  const present = view.byteLength - BODY;
  let at = REPORT_FIXED_BYTES;
  for (let left = view.getUint16(BODY + 12); left > 0; left--) {
    if (present - at < RECORD_FIXED_BYTES) return Infinity;
    at += RECORD_FIXED_BYTES + view.getUint16(BODY + at + 2);
  }
  return at;
}

const FIXED_BYTES: Readonly<Record<number, number>> = {
  [PacketType.hello]: HELLO_FIXED_BYTES,
  [PacketType.bye]: 8,
  [PacketType.offer]: OFFER_FIXED_BYTES,
  [PacketType.report]: REPORT_FIXED_BYTES,
  [PacketType.reportAck]: 12,
  [PacketType.nak]: NAK_FIXED_BYTES,
  [PacketType.status]: 24,
  [PacketType.sync]: SYNC_FIXED_BYTES,
  [PacketType.commit]: ID_LIST_FIXED_BYTES,
  [PacketType.end]: ID_LIST_FIXED_BYTES,
  [PacketType.query]: ID_BYTES,
  [PacketType.vouch]: ID_BYTES,
};

/** The message in a body of the right length, or undefined if a value in it is not allowed. */
function decodeBody(packet: Uint8Array, view: DataView, type: number): Message | undefined {
  switch (type) {
    case PacketType.hello:
      return readHello(packet, view, BODY);
    case PacketType.bye:
      return { type: "bye", epoch: view.getBigUint64(BODY) };
    case PacketType.offer:
      return decodeOffer(view);
    case PacketType.report:
      return decodeReport(packet, view);
    case PacketType.reportAck: {
      const receiver = readId(view);
      return receiver && { type: "reportAck", receiver, next: view.getUint32(BODY + 8) };
    }
    case PacketType.nak:
      return readNak(packet, view, BODY);
    case PacketType.status:
      return readStatus(view, BODY);
    case PacketType.sync:
      return readSync(view, BODY);
    case PacketType.commit:
      return decodeCommit(view);
    case PacketType.end:
      return decodeEnd(view);
    case PacketType.query: {
      const owner = readId(view);
      return owner && { type: "query", owner };
    }
    case PacketType.vouch: {
      const owner = readId(view);
      return owner && { type: "vouch", owner };
    }
    default:
      return undefined;
  }
}

/** Bytes of the body of a message. */
function bodyBytes(message: Message): number {
  switch (message.type) {
    case "hello":
      return helloBodyBytes(message);
    case "offer":
      return OFFER_FIXED_BYTES + message.ids.length * ID_BYTES;
    case "report":
      return message.records.reduce((bytes, record) => bytes + recordBytes(record), REPORT_FIXED_BYTES);
    case "nak":
      return NAK_FIXED_BYTES + message.blocks.length * NAK_ENTRY_BYTES;
    case "sync":
      return SYNC_FIXED_BYTES + message.ids.length * ID_BYTES;
    case "commit":
    case "end":
      return ID_LIST_FIXED_BYTES + message.ids.length * ID_BYTES;
    default:
      return FIXED_BYTES[PacketType[message.type]] ?? 0;
  }
}

function encodeBody(packet: Uint8Array, view: DataView, message: Message): void {
  switch (message.type) {
    case "hello":
      writeHello(packet, view, BODY, message);
      break;
    case "bye":
      put64(view, BODY, message.epoch);
      break;
    case "offer":
      encodeOffer(view, message);
      break;
    case "report":
      encodeReport(packet, view, message);
      break;
    case "reportAck":
      putId(view, BODY, message.receiver);
      put32(view, BODY + 8, message.next);
      break;
    case "nak":
      writeNak(packet, view, BODY, message);
      break;
    case "status":
      writeStatus(view, BODY, message);
      break;
    case "sync":
      writeSync(view, BODY, message);
      break;
    case "commit":
      encodeCommit(view, message);
      break;
    case "end":
      encodeEnd(view, message);
      break;
    case "query":
    case "vouch":
      putId(view, BODY, message.owner);
      break;
  }
}

/** The node id that a body starts with; undefined if it is 0. */
function readId(view: DataView): NodeId | undefined {
  const id = view.getBigUint64(BODY);
  return id === 0n ? undefined : (id as NodeId);
}

function decodeOffer(view: DataView): Offer | undefined {
  const symbolSize = view.getUint16(BODY);
  const blockSymbols = view.getUint8(BODY + 2);
  const options = view.getUint8(BODY + 3);
  const statusIntervalUs = view.getUint32(BODY + 4);
  const targets = view.getUint32(BODY + 8);
  const count = view.getUint16(BODY + 12);
  if (symbolSize < SYMBOL_SIZE_MIN || symbolSize > SYMBOL_SIZE_MAX) return undefined;
  if (blockSymbols === 0 || blockSymbols > SYMBOLS_MAX || !OPTIONS.includes(options)) return undefined;
  if (count === 0 || count > targets || view.getUint16(BODY + 14) !== 0) return undefined;
  const ids = readIds(view, BODY + OFFER_FIXED_BYTES, count);
  if (ids === undefined) return undefined;
  const dryRun = (options & Option.dryRun) !== 0;
  const check = (options & Option.check) !== 0;
  return { type: "offer", symbolSize, blockSymbols, dryRun, check, statusIntervalUs, targets, ids };
}

function encodeOffer(view: DataView, offer: Offer): void {
  const { symbolSize, blockSymbols, ids, targets } = offer;
  assert(symbolSize >= SYMBOL_SIZE_MIN && symbolSize <= SYMBOL_SIZE_MAX, "symbol size out of range");
  assert(blockSymbols >= 1 && blockSymbols <= SYMBOLS_MAX, "symbols of a block out of range");
  assert(ids.length >= 1 && ids.length <= targets, "OFFER to nobody, or to more than all");
  put16(view, BODY, symbolSize);
  put8(view, BODY + 2, blockSymbols);
  const options = (offer.dryRun ? Option.dryRun : 0) | (offer.check ? Option.check : 0);
  assert(OPTIONS.includes(options), "check that is no dry run");
  put8(view, BODY + 3, options);
  put32(view, BODY + 4, offer.statusIntervalUs);
  put32(view, BODY + 8, targets);
  put16(view, BODY + 12, ids.length);
  writeIds(view, BODY + OFFER_FIXED_BYTES, ids);
}

function decodeReport(packet: Uint8Array, view: DataView): Report | undefined {
  const owner = readId(view);
  const first = view.getUint32(BODY + 8);
  const count = view.getUint16(BODY + 12);
  if (owner === undefined || count === 0 || view.getUint16(BODY + 14) !== 0) return undefined;
  const records: ReportRecord[] = [];
  let at = BODY + REPORT_FIXED_BYTES;
  for (let i = 0; i < count; i++) {
    const record = readRecord(packet, view, at);
    if (record === undefined) return undefined;
    records.push(record);
    at += RECORD_FIXED_BYTES + view.getUint16(at + 2);
  }
  return isStory(first, records) ? { type: "report", owner, first, records } : undefined;
}

function encodeReport(packet: Uint8Array, view: DataView, { owner, first, records }: Report): void {
  assert(records.length >= 1 && isStory(first, records), "records that cannot follow each other");
  putId(view, BODY, owner);
  put32(view, BODY + 8, first);
  put16(view, BODY + 12, records.length);
  let at = BODY + REPORT_FIXED_BYTES;
  for (const record of records) at = writeRecord(packet, view, at, record);
}

/** Whether records, the first of which has number `first`, may follow each other (PROTOCOL §6.2). */
function isStory(first: number, records: readonly ReportRecord[]): boolean {
  if (first + records.length - 1 > NUMBER_MAX) return false;
  return records.every(({ kind }, i) => {
    const opens = first + i === 0;
    if (kind === "refuse") return i === records.length - 1;
    return opens === (kind === "accept");
  });
}

function decodeCommit(view: DataView): Commit | undefined {
  const ids = readIds(view, BODY + ID_LIST_FIXED_BYTES, view.getUint16(BODY));
  if (ids === undefined || ids.length === 0 || view.getUint16(BODY + 2) !== 0) return undefined;
  return { type: "commit", ids };
}

function encodeCommit(view: DataView, { ids }: Commit): void {
  assert(ids.length >= 1, "COMMIT to nobody");
  put16(view, BODY, ids.length);
  writeIds(view, BODY + ID_LIST_FIXED_BYTES, ids);
}

function decodeEnd(view: DataView): End | undefined {
  const code = view.getUint16(BODY);
  const reason = Object.values(EndReason).find((one) => one === code);
  const ids = readIds(view, BODY + ID_LIST_FIXED_BYTES, view.getUint16(BODY + 2));
  return reason === undefined || ids === undefined ? undefined : { type: "end", reason, ids };
}

function encodeEnd(view: DataView, { reason, ids }: End): void {
  put16(view, BODY, reason);
  put16(view, BODY + 2, ids.length);
  writeIds(view, BODY + ID_LIST_FIXED_BYTES, ids);
}
