import type { BlockIndex, NodeId, PushId } from "../../../src/wire/brand.ts";
import { DataFlag } from "../../../src/wire/constants.ts";
import { contextAt, entryAt, NO_SLOT, RX_CONTEXTS, RxEntry, RxHead } from "../../../src/wire/rx-table.ts";

/** DATA packets of one block that follow each other, as a send row has them, without their bytes. */
export type DataRun = {
  readonly owner: NodeId;
  readonly push: PushId;
  readonly block: BlockIndex;
  /** First symbol, and how many. */
  readonly first: number;
  readonly count: number;
  /** K of the block. */
  readonly symbols: number;
  readonly lastBytes: number;
  /** Poll goes on the last packet of the run only. */
  readonly flags: number;
  /** Of the first packet. */
  readonly sequence: number;
};

/**
 * Puts packets `from` .. `end`-1 of a run into a receive table: what wire/twin.ts does with them one by one, in one go and without the bytes, for
 * where a thousand receivers get the same packets. Returns how many symbols are new; -1: nobody receives this push here.
 */
export function takeRun(
  table: Uint32Array,
  run: DataRun,
  part: { readonly from: number; readonly end: number },
): number {
  const index = contextOf(table, run);
  if (index < 0) return -1;
  const head = contextAt(index);
  noteRun(table, head, run, part);
  const count = part.end - part.from;
  const { block } = run;
  if (block < word(table, head + RxHead.base) || block >= word(table, head + RxHead.limit)) {
    add(table, head + RxHead.outside, count);
    return 0;
  }
  const entry = entryAt(index, block);
  if (word(table, entry + RxEntry.slot) === NO_SLOT) {
    add(table, head + RxHead.duplicates, count);
    return 0;
  }
  table[entry + RxEntry.symbols] = run.symbols;
  table[entry + RxEntry.flags] = run.flags & ~(DataFlag.repair | DataFlag.poll | DataFlag.direct);
  const fresh = setBits(table, entry + RxEntry.bitmap, run.first + part.from, run.first + part.end);
  add(table, entry + RxEntry.have, fresh);
  add(table, head + RxHead.duplicates, count - fresh);
  if (run.first + part.end === run.symbols) table[entry + RxEntry.lastBytes] = run.lastBytes;
  return fresh;
}

/** Whether packet `at` of a run would bring something new. */
export function isMissing(table: Uint32Array, run: DataRun, at: number): boolean {
  const index = contextOf(table, run);
  if (index < 0 || run.block < word(table, contextAt(index) + RxHead.base)) return false;
  if (run.block >= word(table, contextAt(index) + RxHead.limit)) return true;
  const entry = entryAt(index, run.block);
  const symbol = run.first + at;
  const bits = word(table, entry + RxEntry.bitmap + (symbol >>> 5));
  return word(table, entry + RxEntry.slot) !== NO_SLOT && (bits & (1 << (symbol & 31))) === 0;
}

function contextOf(table: Uint32Array, { owner, push }: DataRun): number {
  const high = Number(owner >> 32n);
  const low = Number(owner & 0xffff_ffffn);
  for (let index = 0; index < RX_CONTEXTS; index++) {
    const at = contextAt(index);
    const same = table[at + RxHead.ownerHigh] === high && table[at + RxHead.ownerLow] === low;
    if (same && table[at + RxHead.active] === 1 && table[at + RxHead.push] === push) return index;
  }
  return -1;
}

/** What every packet tells, wanted or not: sequence, poll and edge. */
function noteRun(
  table: Uint32Array,
  head: number,
  run: DataRun,
  part: { readonly from: number; readonly end: number },
): void {
  table[head + RxHead.touched] = 1;
  if ((run.flags & DataFlag.direct) !== 0) return;
  const sequence = (run.sequence + part.end - 1) & 0xffff;
  const ahead = (sequence - word(table, head + RxHead.sequence)) & 0xffff;
  if (table[head + RxHead.received] === 0 || ahead < 0x8000) table[head + RxHead.sequence] = sequence;
  add(table, head + RxHead.received, part.end - part.from);
  if ((run.flags & DataFlag.poll) !== 0 && part.end === run.count) table[head + RxHead.polled] = 1;
  if ((run.flags & DataFlag.repair) !== 0) return;
  const edgeBlock = word(table, head + RxHead.edgeBlock);
  const end = run.first + part.end;
  if (run.block > edgeBlock || (run.block === edgeBlock && end > word(table, head + RxHead.edgeSymbol))) {
    table[head + RxHead.edgeBlock] = run.block;
    table[head + RxHead.edgeSymbol] = end;
  }
}

/** Sets bits `from` .. `end`-1 of the bitmap at `at`; returns how many were not set. */
function setBits(table: Uint32Array, at: number, from: number, end: number): number {
  let fresh = 0;
  for (let bit = from; bit < end; ) {
    const place = bit & 31;
    const count = Math.min(32 - place, end - bit);
    const mask = ((count === 32 ? -1 : (1 << count) - 1) << place) >>> 0;
    const before = word(table, at + (bit >>> 5));
    fresh += ones(mask & ~before);
    table[at + (bit >>> 5)] = before | mask;
    bit += count;
  }
  return fresh;
}

function ones(bits: number): number {
  let rest = bits - ((bits >>> 1) & 0x5555_5555);
  rest = (rest & 0x3333_3333) + ((rest >>> 2) & 0x3333_3333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

function word(words: Uint32Array, at: number): number {
  return words[at] as number;
}

function add(table: Uint32Array, at: number, amount: number): void {
  table[at] = word(table, at) + amount;
}
