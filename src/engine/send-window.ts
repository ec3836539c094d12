import { assert, type BlockIndex, type PushId, type Slot } from "../wire/brand.ts";
import { DataFlag } from "../wire/constants.ts";
import { TX_ROW_WORDS, TxRow } from "../wire/tx-row.ts";

/** Words of a symbol bitmap that covers SYMBOLS_MAX. */
const WORDS = 7;

type HeldBlock = {
  readonly slot: Slot;
  readonly symbols: number;
  readonly lastBytes: number;
  readonly flags: number;
  /** Symbols to repeat. */
  readonly wanted: Uint32Array;
  /** Symbols repeated at `repeatedAt`, whose repeats may still be under way. */
  readonly repeated: Uint32Array;
  repeatedAt: number;
};

/** A run of symbols, ready to be written as a send row. */
type Run = {
  readonly block: BlockIndex;
  readonly held: HeldBlock;
  readonly first: number;
  readonly count: number;
  readonly repair: boolean;
};

/**
 * The owner's blocks between *low* and the newest read: what has been sent, what is to be repeated. Repeats go before new symbols,
 * since receivers use blocks in order and wait for them.
 */
export class SendWindow {
  readonly #push: PushId;
  readonly #symbolSize: number;
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  readonly #blocks = new Map<BlockIndex, HeldBlock>();
  readonly #repairs = new Set<BlockIndex>();
  /** Every block below is done with at every target. */
  low = 0 as BlockIndex;
  /** The next block to be read from the source. */
  next = 0 as BlockIndex;
  /** The edge (PROTOCOL §7.2): first position not sent yet. */
  edgeBlock = 0 as BlockIndex;
  edgeSymbol = 0;

  constructor(push: PushId, options: { readonly slots: readonly Slot[]; readonly symbolSize: number }) {
    this.#push = push;
    this.#symbolSize = options.symbolSize;
    this.#slots = options.slots;
    this.#free = [...options.slots];
  }

  /** All slots, to be given back when the push is over. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** A slot for the next block, if there is one. */
  takeSlot(): Slot | undefined {
    return this.#free.pop();
  }

  /** Takes a slot back that no block has come for. */
  giveSlot(slot: Slot): void {
    this.#free.push(slot);
  }

  /** Whether a block could be read now. */
  get full(): boolean {
    return this.#free.length === 0;
  }

  /** A block has been read into `slot`. */
  add(
    slot: Slot,
    block: { readonly index: BlockIndex; readonly bytes: number; readonly flags: number },
  ): void {
    assert(block.index === this.next, "blocks out of order");
    const symbols = Math.ceil(block.bytes / this.#symbolSize);
    const lastBytes = block.bytes - (symbols - 1) * this.#symbolSize;
    const held = { slot, symbols, lastBytes, flags: block.flags };
    this.#blocks.set(block.index, {
      ...held,
      wanted: new Uint32Array(WORDS),
      repeated: new Uint32Array(WORDS),
      repeatedAt: Number.NEGATIVE_INFINITY,
    });
    this.next = (block.index + 1) as BlockIndex;
  }

  /** Every target is done with the blocks below `low`: their slots are free again. */
  release(low: BlockIndex): void {
    for (; this.low < low && this.low < this.next; this.low = (this.low + 1) as BlockIndex) {
      const held = this.#blocks.get(this.low);
      if (held !== undefined) this.#free.push(held.slot);
      this.#blocks.delete(this.low);
      this.#repairs.delete(this.low);
    }
    // With all targets gone or content that nobody waits for, the edge must not fall behind what is held.
    if (this.edgeBlock < this.low) {
      this.edgeBlock = this.low;
      this.edgeSymbol = 0;
    }
  }

  /** A receiver misses symbols of `block`; `lingerUs`: repeats younger than this answer the request, too. Returns how many will be repeated. */
  request(
    block: BlockIndex,
    missing: Uint8Array,
    time: { readonly now: number; readonly lingerUs: number },
  ): number {
    const held = this.#blocks.get(block);
    if (held === undefined || block > this.edgeBlock) return 0;
    if (time.now - held.repeatedAt >= time.lingerUs) held.repeated.fill(0);
    const sent = block < this.edgeBlock ? held.symbols : this.edgeSymbol;
    let added = 0;
    for (let symbol = 0; symbol < sent; symbol++) {
      if (((missing[symbol >> 3] ?? 0) & (1 << (symbol & 7))) === 0) continue;
      if (hasBit(held.repeated, symbol) || hasBit(held.wanted, symbol)) continue;
      held.wanted[symbol >> 5] = (held.wanted[symbol >> 5] ?? 0) | (1 << (symbol & 31));
      added++;
    }
    if (added > 0) this.#repairs.add(block);
    return added;
  }

  /** Whether anything could be sent, given that no target has room for blocks at and above `limit`. */
  hasWork(limit: BlockIndex): boolean {
    return this.#repairs.size > 0 || (this.edgeBlock < this.next && this.edgeBlock < limit);
  }

  /** Whether every block read so far has been sent. */
  get drained(): boolean {
    return this.edgeBlock >= this.next && this.#repairs.size === 0;
  }

  /**
   * Writes one send row of at most `budget` packets at word `at` of `rows`; returns its number of packets, 0 when there is nothing to send.
   * `sequence` is the transmission counter of its first packet.
   */
  fillRow(
    rows: Uint32Array,
    at: number,
    options: {
      readonly budget: number;
      readonly limit: BlockIndex;
      readonly sequence: number;
      readonly now: number;
    },
  ): number {
    const run = this.#nextRepair(options) ?? this.#nextNew(options);
    if (run === undefined) return 0;
    const { held } = run;
    rows.fill(0, at, at + TX_ROW_WORDS);
    rows[at + TxRow.slot] = held.slot;
    rows[at + TxRow.block] = run.block;
    rows[at + TxRow.first] = run.first;
    rows[at + TxRow.count] = run.count;
    rows[at + TxRow.symbols] = held.symbols;
    rows[at + TxRow.lastBytes] = held.lastBytes;
    rows[at + TxRow.flags] = held.flags | (run.repair ? DataFlag.repair : 0);
    rows[at + TxRow.push] = this.#push;
    rows[at + TxRow.symbolSize] = this.#symbolSize;
    rows[at + TxRow.sequence] = options.sequence & 0xffff;
    return run.count;
  }

  #nextRepair(options: { readonly budget: number; readonly now: number }): Run | undefined {
    for (const block of this.#repairs) {
      const held = this.#blocks.get(block);
      const first = held === undefined ? -1 : firstBit(held.wanted, held.symbols);
      if (held === undefined || first < 0) {
        this.#repairs.delete(block);
        continue;
      }
      let count = 0;
      while (count < options.budget && first + count < held.symbols && hasBit(held.wanted, first + count)) {
        const symbol = first + count++;
        held.wanted[symbol >> 5] = (held.wanted[symbol >> 5] ?? 0) & ~(1 << (symbol & 31));
        held.repeated[symbol >> 5] = (held.repeated[symbol >> 5] ?? 0) | (1 << (symbol & 31));
      }
      held.repeatedAt = options.now;
      return { block, held, first, count, repair: true };
    }
    return undefined;
  }

  #nextNew(options: { readonly budget: number; readonly limit: BlockIndex }): Run | undefined {
    const block = this.edgeBlock;
    const held = this.#blocks.get(block);
    if (held === undefined || block >= options.limit) return undefined;
    const first = this.edgeSymbol;
    const count = Math.min(options.budget, held.symbols - first);
    this.edgeSymbol += count;
    if (this.edgeSymbol === held.symbols) {
      this.edgeBlock = (block + 1) as BlockIndex;
      this.edgeSymbol = 0;
    }
    return { block, held, first, count, repair: false };
  }
}

function hasBit(words: Uint32Array, bit: number): boolean {
  return ((words[bit >> 5] ?? 0) & (1 << (bit & 31))) !== 0;
}

/** The lowest set bit below `end`, or -1. */
function firstBit(words: Uint32Array, end: number): number {
  for (let word = 0; word * 32 < end; word++) {
    const bits = words[word] ?? 0;
    if (bits === 0) continue;
    const bit = word * 32 + (31 - Math.clz32(bits & -bits));
    return bit < end ? bit : -1;
  }
  return -1;
}
