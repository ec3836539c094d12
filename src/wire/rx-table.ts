import { assert, type BlockIndex, type NodeId, type PushId, type Slot } from "./brand.ts";

/**
 * The receive table: which blocks of which pushes are wanted, and what has arrived of them. It is flat memory, 32-bit words in
 * the machine's byte order, shared between the engine, which owns it, and the packet handler (the C shim, or its twin in
 * TypeScript), which fills it in. native/makuo.h repeats this layout; the two are compared when the shim is loaded.
 *
 * The table is `RX_CONTEXTS` contexts, one for each push that is being received. A context is `RX_HEAD_WORDS` words, then a ring of
 * `RX_RING` entries of `RX_ENTRY_WORDS` words; block b of the push is entry `b mod RX_RING`, valid while `base <= b < base + RX_RING`.
 */
export const RX_CONTEXTS = 8;
export const RX_RING = 512;
export const RX_HEAD_WORDS = 32;
export const RX_ENTRY_WORDS = 16;
export const RX_CONTEXT_WORDS = RX_HEAD_WORDS + RX_RING * RX_ENTRY_WORDS;
export const RX_TABLE_WORDS = RX_CONTEXTS * RX_CONTEXT_WORDS;

/** Words of a context's head. "E": written by the engine; "P": by the packet handler, and reset by the engine. */
export const RxHead = {
  active: 0, // E: 1 while the context is in use
  ownerHigh: 1, // E
  ownerLow: 2, // E
  push: 3, // E
  symbolSize: 4, // E: bytes
  blockSymbols: 5, // E: most symbols of a block
  base: 6, // E: first block of the ring
  limit: 7, // E: blocks at and above it have no slot yet; at most base + RX_RING
  edgeBlock: 8, // P: edge (PROTOCOL §7.2) from packets without the repair flag: block …
  edgeSymbol: 9, // P: … and symbol, one past the last seen
  sequence: 10, // P: sequence of the newest packet
  received: 11, // P: packets of this push to the group that passed all checks
  duplicates: 12, // P: of all, symbols that were there already, or of blocks not wanted
  outside: 13, // P: of all, blocks outside base..limit
  mismatched: 14, // P: of all, K, flags or length contradict the block's first packet or the OFFER
  polled: 15, // P: 1 when a packet had the poll flag
  touched: 16, // P: 1 when any packet of this push has come
} as const;

/** Words of a ring entry. */
export const RxEntry = {
  slot: 0, // E: slot that takes the payload; NO_SLOT: block not wanted, or already used
  symbols: 1, // P: K; 0 until the first packet
  flags: 2, // P: DATA flags of the first packet, repair and poll cleared
  have: 3, // P: symbols present
  lastBytes: 4, // P: bytes of the last symbol; 0 until it is there
  bitmap: 8, // P: 8 words; symbol s is bit (s mod 32) of word floor(s / 32)
} as const;
export const NO_SLOT = 0xffff_ffff;

/** Word index of context `index` in the table. */
export function contextAt(index: number): number {
  assert(index >= 0 && index < RX_CONTEXTS, "receive context out of range");
  return index * RX_CONTEXT_WORDS;
}

/** Word index of the ring entry of `block` in context `index`. */
export function entryAt(index: number, block: BlockIndex): number {
  return contextAt(index) + RX_HEAD_WORDS + (block % RX_RING) * RX_ENTRY_WORDS;
}

/** Puts a new push into context `index`: no packets seen, no slots. */
export function openContext(
  table: Uint32Array,
  index: number,
  push: { owner: NodeId; push: PushId; symbolSize: number; blockSymbols: number },
): void {
  const at = contextAt(index);
  table.fill(0, at, at + RX_CONTEXT_WORDS);
  table[at + RxHead.ownerHigh] = Number(push.owner >> 32n);
  table[at + RxHead.ownerLow] = Number(push.owner & 0xffff_ffffn);
  table[at + RxHead.push] = push.push;
  table[at + RxHead.symbolSize] = push.symbolSize;
  table[at + RxHead.blockSymbols] = push.blockSymbols;
  for (let ring = 0; ring < RX_RING; ring++) {
    table[at + RX_HEAD_WORDS + ring * RX_ENTRY_WORDS + RxEntry.slot] = NO_SLOT;
  }
  table[at + RxHead.active] = 1;
}

/** Takes context `index` out of use. */
export function closeContext(table: Uint32Array, index: number): void {
  table[contextAt(index) + RxHead.active] = 0;
}

/** Makes the entry of `block` empty, with `slot` for its payload (NO_SLOT: not wanted). */
export function resetEntry(
  table: Uint32Array,
  index: number,
  block: BlockIndex,
  slot: Slot | typeof NO_SLOT,
): void {
  const at = entryAt(index, block);
  table.fill(0, at, at + RX_ENTRY_WORDS);
  table[at + RxEntry.slot] = slot;
}
