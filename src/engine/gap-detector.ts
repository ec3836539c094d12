import type { BlockIndex, Micros } from "../wire/brand.ts";
import { NAK_BITMAP_BYTES, SYMBOLS_MAX } from "../wire/constants.ts";
import { entryAt, NO_SLOT, RX_RING, RxEntry } from "../wire/rx-table.ts";
import { randomBelow } from "./core.ts";
import type { Random } from "./ports.ts";
import {
  NAK_BACKOFF_US,
  NAK_HOLD_ROUND_TRIPS,
  NAK_HOLD_US_MAX,
  NAK_HOLD_US_MIN,
  NAK_SPREAD_US_MAX,
  NAK_SPREAD_US_MIN,
  NAK_SPREAD_US_PER_TARGET,
} from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** What is known of the flow when gaps are looked for: blocks `from` .. `limit`-1 may have entries; the edge is PROTOCOL §7.2's. */
export type FlowView = {
  readonly from: BlockIndex;
  readonly limit: BlockIndex;
  readonly edgeBlock: number;
  readonly edgeSymbol: number;
};

export type Gap = { readonly block: BlockIndex; readonly missing: Uint8Array };

/** A gap to ask for; `vain`: requests so far after which nothing more of the block had come. */
export type DueGap = Gap & { readonly vain: number };

/** One block's repair state. `due` NEVER: no gap known. */
type Repair = {
  block: number;
  due: number;
  tries: number;
  /** Symbols present at the last request, and requests since that changed. */
  have: number;
  vain: number;
  /** What others have asked for, believed until `heardUntil`, but only once between two requests of our own. */
  heardUntil: number;
  spared: boolean;
  readonly heard: Uint8Array;
};

/**
 * Finds gaps in one push and says when to ask for repair: back-off before the first request, silence about what others have asked
 * for, hold time after a request (PROTOCOL §7.2).
 */
export class GapDetector {
  readonly #table: Uint32Array;
  readonly #context: number;
  readonly #random: Random;
  readonly #spreadUs: number;
  readonly #repairs: (Repair | undefined)[] = Array.from({ length: RX_RING });
  /** Gaps that were filled before they were asked for: another had asked, or the packets came late. */
  suppressed = 0;
  #deadline = NEVER;

  constructor(options: {
    readonly table: Uint32Array;
    readonly context: number;
    readonly random: Random;
    readonly targets: number;
  }) {
    this.#table = options.table;
    this.#context = options.context;
    this.#random = options.random;
    const spread = options.targets * NAK_SPREAD_US_PER_TARGET;
    this.#spreadUs = Math.min(NAK_SPREAD_US_MAX, Math.max(NAK_SPREAD_US_MIN, spread));
  }

  /** Looks for new gaps after packets have come, and forgets filled ones. */
  scan(flow: FlowView, now: Micros): void {
    this.#deadline = NEVER;
    const end = Math.min(flow.limit, flow.edgeSymbol > 0 ? flow.edgeBlock + 1 : flow.edgeBlock);
    for (let block = flow.from as number; block < end; block++) {
      const repair = this.#repairOf(block);
      if (!this.#hasGap(block as BlockIndex, flow)) {
        if (repair.due !== NEVER && repair.tries === 0) this.suppressed++;
        repair.due = NEVER;
        repair.tries = 0;
        repair.spared = false;
        continue;
      }
      if (repair.due === NEVER) repair.due = now + NAK_BACKOFF_US + randomBelow(this.#random, this.#spreadUs);
      this.#deadline = Math.min(this.#deadline, repair.due);
    }
  }

  /** Another receiver has asked for these symbols: the repeat will come to us, too. */
  onHeard(gap: Gap, time: { readonly now: Micros; readonly roundTripUs: number }): void {
    const at = entryAt(this.#context, gap.block);
    const symbols = this.#table[at + RxEntry.symbols] ?? 0;
    // Most of what others ask for is here already.
    if (symbols !== 0 && this.#table[at + RxEntry.have] === symbols) return;
    const repair = this.#repairOf(gap.block);
    if (repair.spared) return;
    if (time.now >= repair.heardUntil) repair.heard.fill(0);
    for (let byte = 0; byte < NAK_BITMAP_BYTES; byte++)
      repair.heard[byte] = (repair.heard[byte] ?? 0) | (gap.missing[byte] ?? 0);
    repair.heardUntil = time.now + holdUs(time.roundTripUs, 0);
  }

  /** The gaps to ask for now, at most `most`. Each then holds until a repeat can have come. */
  due(
    flow: FlowView,
    time: { readonly now: Micros; readonly roundTripUs: number },
    most: number,
  ): readonly DueGap[] {
    const { now } = time;
    if (now < this.#deadline) return [];
    const gaps: DueGap[] = [];
    const end = Math.min(flow.limit, flow.edgeBlock + 1);
    for (let index = flow.from as number; index < end && gaps.length < most; index++) {
      const block = index as BlockIndex;
      const repair = this.#repairOf(block);
      if (repair.due > now || !this.#hasGap(block, flow)) continue;
      const missing = this.#missing(block, flow, now < repair.heardUntil ? repair.heard : undefined);
      if (missing === undefined) {
        repair.due = repair.heardUntil;
        repair.spared = true;
        continue;
      }
      const have = this.#table[entryAt(this.#context, block) + RxEntry.have] ?? 0;
      repair.vain = repair.tries > 0 && have === repair.have ? repair.vain + 1 : 0;
      repair.have = have;
      repair.spared = false;
      repair.heardUntil = 0;
      gaps.push({ block, missing, vain: repair.vain });
      repair.due = now + holdUs(time.roundTripUs, repair.vain) + randomBelow(this.#random, this.#spreadUs);
      repair.tries++;
    }
    this.scan(flow, now);
    return gaps;
  }

  deadline(): Micros {
    return this.#deadline as Micros;
  }

  #repairOf(block: number): Repair {
    const ring = block % RX_RING;
    const repair = this.#repairs[ring] ?? newRepair();
    this.#repairs[ring] = repair;
    if (repair.block !== block) Object.assign(repair, newRepair(), { block, heard: repair.heard });
    return repair;
  }

  #hasGap(block: BlockIndex, flow: FlowView): boolean {
    const at = entryAt(this.#context, block);
    if (this.#table[at + RxEntry.slot] === NO_SLOT) return false;
    const symbols = this.#table[at + RxEntry.symbols] ?? 0;
    const have = this.#table[at + RxEntry.have] ?? 0;
    if (symbols !== 0 && have === symbols) return false;
    // In the edge's own block nothing beyond the edge has been sent, so a count is enough.
    return block < flow.edgeBlock || have < flow.edgeSymbol;
  }

  /** Bits of the symbols below the edge that are neither here nor in `except`; undefined if there are none. */
  #missing(block: BlockIndex, flow: FlowView, except: Uint8Array | undefined): Uint8Array | undefined {
    const at = entryAt(this.#context, block);
    const symbols = this.#table[at + RxEntry.symbols] || SYMBOLS_MAX;
    const end = block < flow.edgeBlock ? symbols : Math.min(symbols, flow.edgeSymbol);
    const missing = new Uint8Array(NAK_BITMAP_BYTES);
    let any = false;
    for (let symbol = 0; symbol < end; symbol++) {
      const word = this.#table[at + RxEntry.bitmap + (symbol >> 5)] ?? 0;
      if ((word & (1 << (symbol & 31))) !== 0) continue;
      if (except !== undefined && ((except[symbol >> 3] ?? 0) & (1 << (symbol & 7))) !== 0) continue;
      missing[symbol >> 3] = (missing[symbol >> 3] ?? 0) | (1 << (symbol & 7));
      any = true;
    }
    return any ? missing : undefined;
  }
}

function newRepair(): Repair {
  const heard = new Uint8Array(NAK_BITMAP_BYTES);
  return { block: -1, due: NEVER, tries: 0, have: 0, vain: 0, heardUntil: 0, spared: false, heard };
}

/** Time for a repeat to come: some round trips, growing with each request that has brought nothing. Where packets are lost by chance many bring a part. */
function holdUs(roundTripUs: number, vain: number): number {
  const hold = Math.max(NAK_HOLD_US_MIN, NAK_HOLD_ROUND_TRIPS * roundTripUs) * 1.5 ** Math.min(vain, 8);
  return Math.min(NAK_HOLD_US_MAX, hold);
}
