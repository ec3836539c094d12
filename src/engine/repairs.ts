import { assert, type BlockIndex } from "../wire/brand.ts";
import { SYMBOLS_MAX } from "../wire/constants.ts";
import { REPAIR_GATHER_US, VAIN_REPAIRS_MIN } from "./tuning.ts";

/** By symbol, whom a repeat is for: nobody, all, or the target of a place, plus one. */
const NOBODY = 0;
const GROUP = 255;
const NEVER = Number.POSITIVE_INFINITY;

/** A target misses symbols of a block. */
export type RepairRequest = {
  readonly missing: Uint8Array;
  /** Symbols of the block that have been sent for the first time. */
  readonly sent: number;
  /** Place of the target among those that may get repeats alone; undefined: it may not. */
  readonly from: number | undefined;
  readonly now: number;
  /** A repeat that is younger answers the request, too. */
  readonly lingerUs: number;
};

/** A run of symbols to be repeated: to the target of a place, or to the group. */
export type Repair = {
  readonly block: BlockIndex;
  readonly first: number;
  readonly count: number;
  readonly to: number | undefined;
};

/** One block's symbols: whom they are to be repeated for, and for whom and when they were repeated last. */
type Symbols = {
  readonly wanted: Uint8Array;
  readonly repeated: Uint8Array;
  readonly repeatedAt: Float64Array;
};

/** One target's repeats of its own. */
type Direct = {
  readonly blocks: Set<BlockIndex>;
  /** When they go out; NEVER: there are none. */
  due: number;
  /** Symbols repeated to it alone, and how many of these somebody asked for once more. */
  sent: number;
  vain: number;
};

/**
 * What an owner has to repeat (PROTOCOL §7.7). What one target misses goes to that one alone, once those who may miss it as well have had the time to say so;
 * what several miss, or was repeated to one and is still missed, goes to the group. A target whose repeats mostly turn out to be for nothing, as they do not get
 * there or the others miss the same, gets none of its own any more.
 */
export class Repairs {
  readonly #blocks = new Map<BlockIndex, Symbols>();
  /** Memory of blocks that are forgotten. */
  readonly #spare: Symbols[] = [];
  /** Blocks with symbols for the group. */
  readonly #forGroup = new Set<BlockIndex>();
  readonly #direct: readonly Direct[];
  readonly #gatherUs: number;

  /** `places`: targets that may get repeats alone. */
  constructor(places: number) {
    assert(places < GROUP, "more targets than can be told apart");
    this.#direct = Array.from({ length: places }, () => ({
      blocks: new Set(),
      due: NEVER,
      sent: 0,
      vain: 0,
    }));
    // One has nobody to wait for.
    this.#gatherUs = places > 1 ? REPAIR_GATHER_US : 0;
  }

  /** Whether anything is to be repeated, now or later. */
  get pending(): boolean {
    return this.#forGroup.size > 0 || this.directDue < NEVER;
  }

  /** When the first of the repeats to single targets may go out; Infinity: there are none. */
  get directDue(): number {
    let due = NEVER;
    for (const direct of this.#direct) due = Math.min(due, direct.due);
    return due;
  }

  /** Takes in a request; returns how many symbols will be repeated that would not have been without it. */
  request(block: BlockIndex, request: RepairRequest): number {
    const symbols = this.#symbolsOf(block);
    const asker = this.#asker(request.from);
    let added = 0;
    for (let symbol = 0; symbol < request.sent; symbol++) {
      if (((request.missing[symbol >> 3] ?? 0) & (1 << (symbol & 7))) === 0) continue;
      const wanted = symbols.wanted[symbol] ?? NOBODY;
      if (wanted === GROUP || wanted === asker) continue;
      if (wanted === NOBODY && lingers(symbols, symbol, request)) continue;
      if (wanted === NOBODY) added++;
      const last = symbols.repeated[symbol] ?? NOBODY;
      const whom = wanted === NOBODY ? this.#whom(last, asker) : GROUP;
      symbols.wanted[symbol] = whom;
      this.#queue(block, whom, request.now);
    }
    return added;
  }

  /** The next run to be repeated to one target now, or undefined. */
  takeDirect(budget: number, now: number): Repair | undefined {
    for (const [to, direct] of this.#direct.entries()) {
      if (now < direct.due || budget <= 0) continue;
      const run = this.#takeRun(direct.blocks, to + 1, { budget, now });
      if (direct.blocks.size === 0) direct.due = NEVER;
      if (run === undefined) continue;
      direct.sent += run.count;
      return { ...run, to };
    }
    return undefined;
  }

  /** The next run to be repeated to the group, or undefined. */
  takeGroup(budget: number, now: number): Repair | undefined {
    const run = this.#takeRun(this.#forGroup, GROUP, { budget, now });
    return run === undefined ? undefined : { ...run, to: undefined };
  }

  /** Nobody needs this block any more. */
  forget(block: BlockIndex): void {
    const symbols = this.#blocks.get(block);
    if (symbols === undefined) return;
    symbols.wanted.fill(NOBODY);
    symbols.repeated.fill(NOBODY);
    this.#spare.push(symbols);
    this.#blocks.delete(block);
    this.#forGroup.delete(block);
    for (const direct of this.#direct) {
      direct.blocks.delete(block);
      if (direct.blocks.size === 0) direct.due = NEVER;
    }
  }

  #symbolsOf(block: BlockIndex): Symbols {
    const known = this.#blocks.get(block);
    if (known !== undefined) return known;
    const symbols = this.#spare.pop() ?? {
      wanted: new Uint8Array(SYMBOLS_MAX),
      repeated: new Uint8Array(SYMBOLS_MAX),
      repeatedAt: new Float64Array(SYMBOLS_MAX),
    };
    this.#blocks.set(block, symbols);
    return symbols;
  }

  /** Whom the repeats are for that the target of a place asks for. */
  #asker(place: number | undefined): number {
    const direct = place === undefined ? undefined : this.#direct[place];
    if (place === undefined || direct === undefined) return GROUP;
    return direct.vain >= VAIN_REPAIRS_MIN && 2 * direct.vain >= direct.sent ? GROUP : place + 1;
  }

  /** Whom a symbol is for that nobody else asks for at present, and that was repeated to `last` before. */
  #whom(last: number, asker: number): number {
    const direct = this.#direct[last - 1];
    if (direct === undefined) return asker;
    direct.vain++;
    return GROUP;
  }

  #queue(block: BlockIndex, whom: number, now: number): void {
    const direct = this.#direct[whom - 1];
    if (direct === undefined) {
      this.#forGroup.add(block);
      return;
    }
    if (direct.blocks.size === 0) direct.due = now + this.#gatherUs;
    direct.blocks.add(block);
  }

  /** The next run of symbols for `whom` in one of these blocks; blocks without such symbols are taken out. */
  #takeRun(
    blocks: Set<BlockIndex>,
    whom: number,
    options: { readonly budget: number; readonly now: number },
  ): Omit<Repair, "to"> | undefined {
    for (const block of blocks) {
      const symbols = this.#blocks.get(block);
      const first = symbols === undefined ? -1 : symbols.wanted.indexOf(whom);
      if (symbols === undefined || first < 0) {
        blocks.delete(block);
        continue;
      }
      let end = first;
      while (end - first < options.budget && symbols.wanted[end] === whom) {
        symbols.wanted[end] = NOBODY;
        symbols.repeated[end] = whom;
        symbols.repeatedAt[end] = options.now;
        end++;
      }
      return { block, first, count: end - first };
    }
    return undefined;
  }
}

/** Whether a repeat is under way that the asker gets. */
function lingers(symbols: Symbols, symbol: number, request: RepairRequest): boolean {
  const last = symbols.repeated[symbol] ?? NOBODY;
  if (last !== GROUP && last - 1 !== request.from) return false;
  return request.now - (symbols.repeatedAt[symbol] ?? 0) < request.lingerUs;
}
