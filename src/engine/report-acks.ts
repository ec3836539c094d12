import type { Micros, NodeId, PushId } from "../wire/brand.ts";
import type { Report } from "../wire/messages.ts";
import type { Core } from "./core.ts";
import type { Address } from "./ports.ts";
import { REPORT_ACK_DELAY_US, REPORT_ACK_PACKETS } from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;

type Waiting = { readonly address: Address; readonly next: number; readonly packets: number };

/**
 * The owner's REPORT_ACKs (PROTOCOL §6.2). A report is acknowledged a little later, together with those that follow it: nobody waits for that, and each
 * packet takes time that a short push has not got.
 */
export class ReportAcks {
  readonly #core: Core;
  readonly #push: PushId;
  readonly #waiting = new Map<NodeId, Waiting>();
  #due: Micros = NEVER;

  constructor(core: Core, push: PushId) {
    this.#core = core;
    this.#push = push;
  }

  get deadline(): Micros {
    return this.#due;
  }

  /** A report has come; `next`: all records before it have been taken, `before` of them before it came. */
  add(
    node: NodeId,
    report: Report,
    taken: { readonly from: Address; readonly before: number; readonly next: number; readonly now: Micros },
  ): void {
    const { from, before, next, now } = taken;
    const packets = (this.#waiting.get(node)?.packets ?? 0) + 1;
    this.#waiting.set(node, { address: from, next, packets });
    // Whoever repeats himself, or has lost something on the way, or may be near the end of his window, waits for nothing but this.
    if (report.first !== before || packets >= REPORT_ACK_PACKETS) this.#send(node);
    else this.#due = Math.min(this.#due, now + REPORT_ACK_DELAY_US) as Micros;
  }

  onTimeout(now: Micros): void {
    if (now >= this.#due) this.flush();
  }

  /** Sends all that wait. */
  flush(): void {
    for (const node of [...this.#waiting.keys()]) this.#send(node);
  }

  #send(node: NodeId): void {
    const waiting = this.#waiting.get(node);
    if (waiting === undefined) return;
    const { address, next } = waiting;
    this.#core.out.send(this.#push, { type: "reportAck", receiver: node, next }, address);
    this.#waiting.delete(node);
    if (this.#waiting.size === 0) this.#due = NEVER;
  }
}
