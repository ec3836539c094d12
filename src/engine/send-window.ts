import { assert, type BlockIndex, type PushId, type Slot } from "../wire/brand.ts";
import { DataFlag } from "../wire/constants.ts";
import { TX_ROW_WORDS, TxRow } from "../wire/tx-row.ts";
import type { Address } from "./ports.ts";
import { type Repair, Repairs } from "./repairs.ts";

type HeldBlock = {
  readonly slot: Slot;
  readonly symbols: number;
  readonly lastBytes: number;
  readonly flags: number;
};

/** A run of symbols, ready to be written as a send row. */
type Run = {
  readonly block: BlockIndex;
  readonly first: number;
  readonly count: number;
  readonly repair: boolean;
  /** To this member alone. */
  readonly to: Address | undefined;
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
  readonly #repairs: Repairs;
  readonly #addresses: readonly Address[];
  /** Every block below is done with at every target. */
  low = 0 as BlockIndex;
  /** The next block to be read from the source. */
  next = 0 as BlockIndex;
  /** The edge (PROTOCOL §7.2): first position not sent yet. */
  edgeBlock = 0 as BlockIndex;
  edgeSymbol = 0;

  /** `addresses`: by place, of the targets that may get repeats alone. */
  constructor(
    push: PushId,
    options: {
      readonly slots: readonly Slot[];
      readonly symbolSize: number;
      readonly addresses: readonly Address[];
    },
  ) {
    this.#push = push;
    this.#addresses = options.addresses;
    this.#repairs = new Repairs(options.addresses.length);
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
    this.#blocks.set(block.index, { slot, symbols, lastBytes, flags: block.flags });
    this.next = (block.index + 1) as BlockIndex;
  }

  /** Every target is done with the blocks below `low`: their slots are free again. */
  release(low: BlockIndex): void {
    for (; this.low < low && this.low < this.next; this.low = (this.low + 1) as BlockIndex) {
      const held = this.#blocks.get(this.low);
      if (held !== undefined) this.#free.push(held.slot);
      this.#blocks.delete(this.low);
      this.#repairs.forget(this.low);
    }
    // With all targets gone or content that nobody waits for, the edge must not fall behind what is held.
    if (this.edgeBlock < this.low) {
      this.edgeBlock = this.low;
      this.edgeSymbol = 0;
    }
  }

  /**
   * A target misses symbols of `block`; `from`: its place, if it may get repeats alone; `lingerUs`: repeats younger than this answer the request, too.
   * Returns how many more will be repeated.
   */
  request(
    block: BlockIndex,
    missing: Uint8Array,
    asked: { readonly from: number | undefined; readonly now: number; readonly lingerUs: number },
  ): number {
    const held = this.#blocks.get(block);
    if (held === undefined || block > this.edgeBlock) return 0;
    const sent = block < this.edgeBlock ? held.symbols : this.edgeSymbol;
    return this.#repairs.request(block, { missing, sent, ...asked });
  }

  /** When repeats that go to single targets are due; Infinity: there are none. */
  get directDue(): number {
    return this.#repairs.directDue;
  }

  /** Whether anything could be sent, now or soon, given that no target has room for blocks at and above `limit`. */
  hasWork(limit: BlockIndex): boolean {
    return this.#repairs.pending || (this.edgeBlock < this.next && this.edgeBlock < limit);
  }

  /** Whether every block read so far has been sent. */
  get drained(): boolean {
    return this.edgeBlock >= this.next && !this.#repairs.pending;
  }

  /**
   * Writes one send row of at most `budget` packets, of repeats to a single target at most `direct`, at word `at` of `rows`; returns its number of packets, 0 when
   * there is nothing to send. `sequence` is the transmission counter of its first packet, which repeats to a single target do not have. These come first, so that
   * packets to the group end what is sent at one time: they can ask for an answer.
   */
  fillRow(
    rows: Uint32Array,
    at: number,
    options: {
      readonly budget: number;
      readonly direct: number;
      readonly limit: BlockIndex;
      readonly sequence: number;
      readonly now: number;
    },
  ): number {
    const { budget, direct, now } = options;
    const repair =
      this.#repairs.takeDirect(Math.min(budget, direct), now) ?? this.#repairs.takeGroup(budget, now);
    const run = repair === undefined ? this.#nextNew(options) : this.#runOf(repair);
    if (run === undefined) return 0;
    const held = this.#blocks.get(run.block);
    assert(held !== undefined, "only held blocks are sent");
    const marks = (run.repair ? DataFlag.repair : 0) | (run.to === undefined ? 0 : DataFlag.direct);
    rows.fill(0, at, at + TX_ROW_WORDS);
    rows[at + TxRow.slot] = held.slot;
    rows[at + TxRow.block] = run.block;
    rows[at + TxRow.first] = run.first;
    rows[at + TxRow.count] = run.count;
    rows[at + TxRow.symbols] = held.symbols;
    rows[at + TxRow.lastBytes] = held.lastBytes;
    rows[at + TxRow.flags] = held.flags | marks;
    rows[at + TxRow.push] = this.#push;
    rows[at + TxRow.symbolSize] = this.#symbolSize;
    rows[at + TxRow.sequence] = run.to === undefined ? options.sequence & 0xffff : 0;
    rows[at + TxRow.ip] = run.to?.ip ?? 0;
    rows[at + TxRow.port] = run.to?.port ?? 0;
    return run.count;
  }

  #runOf({ to, ...run }: Repair): Run {
    return { ...run, repair: true, to: to === undefined ? undefined : this.#addresses[to] };
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
    return { block, first, count, repair: false, to: undefined };
  }
}
