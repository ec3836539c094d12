import { assert, type Slot } from "../wire/brand.ts";
import { DIGEST_BYTES } from "../wire/constants.ts";

/** The memory of all slots, shared between threads; a slot holds one block. */
export type Arena = { readonly bytes: Uint8Array; readonly slotBytes: number };

/** Offset of a slot in the arena, in which a block of `capacity` bytes and its digest must have room. */
export function slotAt({ bytes, slotBytes }: Arena, slot: Slot, capacity: number): number {
  assert(capacity + DIGEST_BYTES <= slotBytes, "block larger than a slot");
  assert(slot >= 0 && slotBytes <= bytes.length - slot * slotBytes, "slot outside the arena");
  return slot * slotBytes;
}
