import { isEmpty } from "./bitmap.ts";
import { assert, type BlockIndex, type NodeId } from "./brand.ts";
import { NAK_BITMAP_BYTES, SYMBOLS_MAX } from "./constants.ts";
import { readIds, writeIds } from "./ids.ts";
import { type Nak, RECEIVER_PHASES, SENDER_PHASES, type Status, type Sync } from "./messages.ts";
import { put8, put16, put32, putId } from "./put.ts";

/** Bodies of NAK, STATUS and SYNC (PROTOCOL §7), at offset `at` of the packet. Readers return undefined for a value that is not allowed. */

/** Where a NAK's blocks start, and how much each takes. */
const NAK_BLOCKS_AT = 12;
const NAK_BLOCK_BYTES = 4 + NAK_BITMAP_BYTES;
const NAK_BLOCKS_MAX = 255;
const FLAG_POLL = 1;
/** Bytes of a SYNC without its ids. */
export const SYNC_FIXED_BYTES = 20;

/** The body of a NAK at byte `at` (PROTOCOL §7.1), its length checked before; undefined: a value is out of range. */
export function readNak(packet: Uint8Array, view: DataView, at: number): Nak | undefined {
  const owner = view.getBigUint64(at) as NodeId;
  const count = view.getUint16(at + 8);
  if (owner === 0n || count === 0 || count > NAK_BLOCKS_MAX || view.getUint16(at + 10) !== 0)
    return undefined;
  const blocks: { readonly block: BlockIndex; readonly missing: Uint8Array }[] = [];
  let last = -1;
  for (let i = 0; i < count; i++) {
    const entry = at + NAK_BLOCKS_AT + i * NAK_BLOCK_BYTES;
    const block = view.getUint32(entry) as BlockIndex;
    const missing = packet.slice(entry + 4, entry + NAK_BLOCK_BYTES);
    if (block <= last || isEmpty(missing)) return undefined;
    blocks.push({ block, missing });
    last = block;
  }
  return { type: "nak", owner, blocks };
}

/** Writes the body of a NAK (PROTOCOL §7.1). */
export function writeNak(packet: Uint8Array, view: DataView, at: number, { owner, blocks }: Nak): void {
  assert(blocks.length >= 1 && blocks.length <= NAK_BLOCKS_MAX, "NAK of none or too many blocks");
  putId(view, at, owner);
  put16(view, at + 8, blocks.length);
  let entry = at + NAK_BLOCKS_AT;
  let last = -1;
  for (const { block, missing } of blocks) {
    assert(block > last, "NAK out of order");
    assert(missing.length === NAK_BITMAP_BYTES && !isEmpty(missing), "NAK for nothing");
    put32(view, entry, block);
    packet.set(missing, entry + 4);
    entry += NAK_BLOCK_BYTES;
    last = block;
  }
}

/** The body of a STATUS at byte `at` (PROTOCOL §7.3), its length checked before; undefined: a value is out of range. */
export function readStatus(view: DataView, at: number): Status | undefined {
  const owner = view.getBigUint64(at) as NodeId;
  const next = view.getUint32(at + 8) as BlockIndex;
  const limit = view.getUint32(at + 12) as BlockIndex;
  const state = RECEIVER_PHASES[view.getUint8(at + 18)];
  if (owner === 0n || limit < next || state === undefined || view.getUint8(at + 19) !== 0) return undefined;
  const sequence = view.getUint16(at + 16);
  return { type: "status", owner, next, limit, sequence, state, received: view.getUint32(at + 20) };
}

/** Writes the body of a STATUS (PROTOCOL §7.3). */
export function writeStatus(view: DataView, at: number, status: Status): void {
  assert(status.limit >= status.next, "limit below next");
  putId(view, at, status.owner);
  put32(view, at + 8, status.next);
  put32(view, at + 12, status.limit);
  put16(view, at + 16, status.sequence);
  put8(view, at + 18, RECEIVER_PHASES.indexOf(status.state));
  put32(view, at + 20, status.received);
}

/** The body of a SYNC at byte `at` (PROTOCOL §7.4), its length checked before; undefined: a value is out of range. */
export function readSync(view: DataView, at: number): Sync | undefined {
  const phase = SENDER_PHASES[view.getUint8(at)];
  const flags = view.getUint8(at + 1);
  const edgeSymbol = view.getUint8(at + 8);
  if (phase === undefined || (flags & ~FLAG_POLL) !== 0 || edgeSymbol > SYMBOLS_MAX) return undefined;
  const ids = readIds(view, at + SYNC_FIXED_BYTES, view.getUint16(at + 10));
  if (view.getUint8(at + 9) !== 0 || ids === undefined) return undefined;
  return {
    type: "sync",
    phase,
    poll: (flags & FLAG_POLL) !== 0,
    sequence: view.getUint16(at + 2),
    edgeBlock: view.getUint32(at + 4) as BlockIndex,
    edgeSymbol,
    low: view.getUint32(at + 12) as BlockIndex,
    roundTripUs: view.getUint32(at + 16),
    ids,
  };
}

/** Writes the body of a SYNC (PROTOCOL §7.4). */
export function writeSync(view: DataView, at: number, sync: Sync): void {
  assert(sync.edgeSymbol <= SYMBOLS_MAX, "edge symbol out of range");
  put8(view, at, SENDER_PHASES.indexOf(sync.phase));
  put8(view, at + 1, sync.poll ? FLAG_POLL : 0);
  put16(view, at + 2, sync.sequence);
  put32(view, at + 4, sync.edgeBlock);
  put8(view, at + 8, sync.edgeSymbol);
  put32(view, at + 12, sync.low);
  put16(view, at + 10, sync.ids.length);
  put32(view, at + 16, sync.roundTripUs);
  writeIds(view, at + SYNC_FIXED_BYTES, sync.ids);
}
