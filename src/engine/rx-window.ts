import { setBit } from "../wire/bitmap.ts";
import { assert, type BlockIndex, type NodeId, type PushId, type Slot } from "../wire/brand.ts";
import type { BlockKind } from "../wire/constants.ts";
import { DataFlag } from "../wire/constants.ts";
import type { BlockInSlot } from "../wire/disk-port.ts";
import {
  closeContext,
  contextAt,
  entryAt,
  NO_SLOT,
  openContext,
  RX_RING,
  RxEntry,
  RxHead,
  resetEntry,
} from "../wire/rx-table.ts";
import { countFor } from "./slots.ts";
import { STAGE_AHEAD, WINDOW_MAX } from "./tuning.ts";

/**
 * A receiver's window over the block sequence, on top of its context of the receive table: which blocks have slots, which have
 * arrived, which are in other hands, which are done with. Blocks are handed out, and done with, in order.
 */
export class RxWindow {
  readonly #table: Uint32Array;
  readonly #context: number;
  readonly #head: number;
  readonly #symbolSize: number;
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  /** So many blocks may be in other hands at once. */
  readonly ahead: number;
  /** Every block below is done with. */
  next = 0 as BlockIndex;
  /** Every block below has been handed out. */
  #handed = 0 as BlockIndex;
  /** Blocks at and above it have no entry yet. */
  limit = 0 as BlockIndex;
  /** The edge as SYNC told it; the table has it as DATA told it. */
  #syncBlock = 0;
  #syncSymbol = 0;
  /** DATA packets that had arrived by the last SYNC. */
  #syncReceived = 0;
  #wanted: { readonly first: BlockIndex; readonly bits: Uint8Array } | undefined;

  constructor(
    table: Uint32Array,
    context: number,
    push: { owner: NodeId; push: PushId; symbolSize: number; blockSymbols: number; slots: readonly Slot[] },
  ) {
    this.#table = table;
    this.#context = context;
    this.#head = contextAt(context);
    this.#symbolSize = push.symbolSize;
    this.#slots = push.slots;
    this.#free = [...push.slots];
    this.ahead = countFor(push.symbolSize * push.blockSymbols, STAGE_AHEAD);
    openContext(table, context, push);
    this.#extend();
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  close(): void {
    closeContext(this.#table, this.#context);
  }

  /** The first block that is not done with, if it has arrived whole. */
  first(): BlockInSlot | undefined {
    return this.#whole(this.next);
  }

  /** The first block that has not been handed out, if it has arrived whole. */
  arrived(): BlockInSlot | undefined {
    return this.#whole(this.#handed);
  }

  /** The block of `arrived` is in other hands now, until `done` or `again`. */
  hand(): void {
    this.#handed = this.#wantedFrom(this.#handed + 1);
  }

  /** Blocks of the map of wanted ones that have not been handed out, up to 7 more at its end; 0 without a map, or beyond it. */
  get left(): number {
    if (this.#wanted === undefined) return 0;
    return Math.max(0, this.#wanted.first + 8 * this.#wanted.bits.length - this.#handed);
  }

  #whole(block: BlockIndex): BlockInSlot | undefined {
    // The ring may have an older block in this place.
    if (block >= this.limit) return undefined;
    const at = entryAt(this.#context, block);
    const symbols = this.#table[at + RxEntry.symbols] ?? 0;
    const slot = this.#table[at + RxEntry.slot] ?? NO_SLOT;
    if (slot === NO_SLOT || symbols === 0 || this.#table[at + RxEntry.have] !== symbols) return undefined;
    const flags = this.#table[at + RxEntry.flags] ?? 0;
    return {
      slot: slot as Slot,
      block,
      blockKind: (flags & 7) as BlockKind,
      bytes: (symbols - 1) * this.#symbolSize + (this.#table[at + RxEntry.lastBytes] ?? 0),
      lastOfKind: (flags & DataFlag.lastOfKind) !== 0,
      final: (flags & DataFlag.final) !== 0,
    };
  }

  /** The block at `next` has been used: its slot serves a later block. */
  done(): void {
    this.#finish(this.next);
    this.#skip();
    this.#extend();
  }

  /** What has come of `block` is useless: it must come again, whole. Blocks from it on are handed out anew. */
  again(block: BlockIndex): void {
    const slot = this.#table[entryAt(this.#context, block) + RxEntry.slot] ?? NO_SLOT;
    resetEntry(this.#table, this.#context, block, slot as Slot | typeof NO_SLOT);
    if (block < this.#handed) this.#handed = block;
  }

  /** Packets that contradicted their block's first packet (PROTOCOL §5.2). */
  get mismatched(): number {
    return this.#table[this.#head + RxHead.mismatched] ?? 0;
  }

  /** Takes the map of wanted blocks; passes over those at the front that are not. What is in other hands already counts as wanted. */
  setWanted({ first, bits }: { readonly first: BlockIndex; readonly bits: Uint8Array }): void {
    const wanted = { first, bits: bits.slice() };
    for (let block = Math.max(this.next, first); block < this.#handed; block++)
      if ((block - first) >> 3 < bits.length) setBit(wanted.bits, block - first);
    this.#wanted = wanted;
    for (let block = this.next as number; block < this.limit; block++) {
      if (this.#isWanted(block)) continue;
      const at = entryAt(this.#context, block as BlockIndex);
      const slot = this.#table[at + RxEntry.slot] ?? NO_SLOT;
      if (slot !== NO_SLOT) this.#free.push(slot as Slot);
      this.#table[at + RxEntry.slot] = NO_SLOT;
    }
    this.#skip();
    this.#extend();
  }

  /** Takes in what SYNC says of the edge. */
  onSync(edge: {
    readonly block: number;
    readonly symbol: number;
    readonly sequence: number;
    readonly any: boolean;
  }): void {
    if (edge.block > this.#syncBlock || (edge.block === this.#syncBlock && edge.symbol > this.#syncSymbol)) {
      this.#syncBlock = edge.block;
      this.#syncSymbol = edge.symbol;
    }
    // All DATA of before this SYNC has been taken in or is lost. Were the newest counter left to DATA alone, one packet that is
    // tens of thousands late would count as newer than all, and the owner would never hear of its own again.
    const ahead = (this.sequence - edge.sequence) & 0xffff;
    // But what followed it in the same batch has been taken in as well, and has been counted.
    const followed = ahead <= WINDOW_MAX && this.received !== this.#syncReceived;
    this.#syncReceived = this.received;
    if (edge.any && !followed) this.#table[this.#head + RxHead.sequence] = edge.sequence;
  }

  /** What is known to have been sent. */
  flow(): { from: BlockIndex; limit: BlockIndex; edgeBlock: number; edgeSymbol: number } {
    const block = this.#table[this.#head + RxHead.edgeBlock] ?? 0;
    const symbol = this.#table[this.#head + RxHead.edgeSymbol] ?? 0;
    const later = this.#syncBlock > block || (this.#syncBlock === block && this.#syncSymbol > symbol);
    return {
      from: this.next,
      limit: this.limit,
      edgeBlock: later ? this.#syncBlock : block,
      edgeSymbol: later ? this.#syncSymbol : symbol,
    };
  }

  get received(): number {
    return this.#table[this.#head + RxHead.received] ?? 0;
  }

  /** The newest transmission counter known, modulo 65,536 (PROTOCOL §7.3). */
  get sequence(): number {
    return this.#table[this.#head + RxHead.sequence] ?? 0;
  }

  /** Whether a packet asked for a STATUS, and whether any packet came at all, since the last call. */
  takeSigns(): { readonly polled: boolean; readonly touched: boolean } {
    const polled = this.#table[this.#head + RxHead.polled] === 1;
    const touched = this.#table[this.#head + RxHead.touched] === 1;
    this.#table[this.#head + RxHead.polled] = 0;
    this.#table[this.#head + RxHead.touched] = 0;
    return { polled, touched };
  }

  #isWanted(block: number): boolean {
    if (this.#wanted === undefined) return true;
    const bit = block - this.#wanted.first;
    const byte = this.#wanted.bits[bit >> 3];
    return bit < 0 || byte === undefined || (byte & (1 << (bit & 7))) !== 0;
  }

  #finish(block: BlockIndex): void {
    const at = entryAt(this.#context, block);
    const slot = this.#table[at + RxEntry.slot] ?? NO_SLOT;
    assert(slot !== NO_SLOT, "finished block has a slot");
    this.#free.push(slot as Slot);
    this.#table[at + RxEntry.slot] = NO_SLOT;
    this.next = (block + 1) as BlockIndex;
  }

  /** Passes over unwanted blocks that are known to come: those the map covers. */
  #skip(): void {
    this.next = this.#wantedFrom(this.next);
    if (this.#handed < this.next) this.#handed = this.next;
  }

  /** The first wanted block from `block` on. */
  #wantedFrom(block: number): BlockIndex {
    let wanted = block;
    while (!this.#isWanted(wanted)) wanted++;
    return wanted as BlockIndex;
  }

  /** Gives slots to further blocks, as far as slots and ring go. */
  #extend(): void {
    if (this.limit < this.next) this.limit = this.next;
    while (this.limit - this.next < RX_RING) {
      const slot = this.#isWanted(this.limit) ? this.#free.pop() : NO_SLOT;
      if (slot === undefined) break;
      resetEntry(this.#table, this.#context, this.limit, slot as Slot | typeof NO_SLOT);
      this.limit = (this.limit + 1) as BlockIndex;
    }
    this.#table[this.#head + RxHead.base] = this.next;
    this.#table[this.#head + RxHead.limit] = this.limit;
  }
}
