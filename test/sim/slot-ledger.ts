import type { PushKey } from "../../src/wire/disk-port.ts";
import {
  NO_SLOT,
  RX_CONTEXT_WORDS,
  RX_CONTEXTS,
  RX_ENTRY_WORDS,
  RX_HEAD_WORDS,
  RX_RING,
  RxEntry,
  RxHead,
} from "../../src/wire/rx-table.ts";
import { type Journal, keyText } from "./journal.ts";

type Side = "source" | "stage";
type Loan = { readonly side: Side; readonly key: string; readonly block: number };

/**
 * Who uses which slot of one process: a disk, to which the engine has lent it, or the packet handler, through the receive table. Nobody
 * else may use a slot meanwhile. The one exception is a whole block: it stays in the table while the stage reads it.
 */
export class SlotLedger {
  readonly #journal: Journal;
  readonly #table: Uint32Array;
  readonly #slots: number;
  readonly #loans = new Map<number, Loan>();
  readonly #seen: Uint32Array;
  #scan = 0;
  /** Most slots that one context had at the last `checkTable`. */
  windowMax = 0;

  constructor(journal: Journal, table: Uint32Array, slots: number) {
    this.#journal = journal;
    this.#table = table;
    this.#slots = slots;
    this.#seen = new Uint32Array(slots);
  }

  get lent(): number {
    return this.#loans.size;
  }

  lend(side: Side, slot: number, use: { readonly key: PushKey; readonly block: number }): void {
    this.#journal.check(slot >= 0 && slot < this.#slots, "slots: a slot outside the arena");
    this.#journal.check(!this.#loans.has(slot), "slots: a slot is lent to two at once");
    this.#loans.set(slot, { side, key: keyText(use.key), block: use.block });
  }

  /** The answer that gives a slot back. */
  giveBack(slot: number): void {
    this.#journal.check(this.#loans.delete(slot), "slots: a slot is given back twice");
  }

  /** The disk has closed a push: whatever it still had is free. */
  closed(side: Side, key: PushKey): void {
    const text = keyText(key);
    for (const [slot, loan] of this.#loans)
      if (loan.side === side && loan.key === text) this.#loans.delete(slot);
  }

  /** A slot whose contents are being sent. */
  sent(slot: number): void {
    this.#journal.check(slot < this.#slots, "slots: a slot outside the arena is sent");
    this.#journal.check(!this.#loans.has(slot), "slots: a slot is sent while a disk uses it");
    this.#journal.check(
      this.#seen[slot] !== this.#scan || this.#scan === 0,
      "slots: a slot is sent while packets go to it",
    );
  }

  /** Looks through the receive table. To be called when the engine has settled. Returns the number of contexts in use. */
  checkTable(): number {
    this.#scan++;
    let active = 0;
    this.windowMax = 0;
    for (let context = 0; context < RX_CONTEXTS; context++) {
      const head = context * RX_CONTEXT_WORDS;
      if (this.#table[head + RxHead.active] !== 1) continue;
      active++;
      this.#checkContext(head);
    }
    return active;
  }

  #checkContext(head: number): void {
    const table = this.#table;
    const base = table[head + RxHead.base] as number;
    const limit = table[head + RxHead.limit] as number;
    this.#journal.check(
      limit >= base && limit - base <= RX_RING,
      "slots: a receive window larger than its ring",
    );
    let slots = 0;
    for (let block = base; block < limit; block++) {
      const at = head + RX_HEAD_WORDS + (block % RX_RING) * RX_ENTRY_WORDS;
      const slot = table[at + RxEntry.slot] as number;
      if (slot === NO_SLOT) continue;
      this.#journal.check(slot < this.#slots, "slots: the receive table has a slot outside the arena");
      this.#journal.check(this.#seen[slot] !== this.#scan, "slots: a slot stands twice in the receive table");
      this.#seen[slot] = this.#scan;
      slots++;
      const loan = this.#loans.get(slot);
      if (loan !== undefined) this.#checkLoan(at, block, loan);
    }
    this.windowMax = Math.max(this.windowMax, slots);
  }

  #checkLoan(at: number, block: number, loan: Loan): void {
    const symbols = this.#table[at + RxEntry.symbols] as number;
    const whole = symbols > 0 && this.#table[at + RxEntry.have] === symbols;
    this.#journal.check(
      whole && loan.side === "stage" && loan.block === block,
      "slots: packets go to a slot that a disk uses",
    );
  }
}
