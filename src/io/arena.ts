import { RX_TABLE_WORDS } from "../wire/rx-table.ts";
import type { NetMemory } from "./net-shim.ts";

/**
 * Bytes of a slot. It holds 73 symbols of a network with jumbo frames, so that what is done for each block is not done more often for them. Of a block with
 * frames of 1,500 bytes, which has 224 symbols and no more, it is half.
 */
const slotBytes = 640 << 10;
/** Slots: twice what a push to a thousand hosts takes, or thirty times one to a few. Pages that were never used cost nothing. */
const slotCount = 896;

/** The memory that all threads share: the block arena and the receive table, zeroed. */
export function openMemory(): NetMemory {
  return {
    rx: new SharedArrayBuffer(RX_TABLE_WORDS * 4),
    arena: new SharedArrayBuffer(slotCount * slotBytes),
    slotBytes,
  };
}
