import type { Micros, NodeId, PushId } from "../wire/brand.ts";
import { REPORT_FIXED_BYTES, recordBytes } from "../wire/codec.ts";
import type { ReportRecord } from "../wire/messages.ts";
import type { Core } from "./core.ts";
import type { Address } from "./ports.ts";
import { REPORT_TIMEOUT_US, REPORT_TIMEOUT_US_MAX, REPORT_WINDOW } from "./tuning.ts";

/** What a receiver has to say, in order, until the owner has all of it: go-back-N (PROTOCOL §6.2). */
export class ReportStream {
  readonly #core: Core;
  readonly #owner: { readonly node: NodeId; readonly push: PushId };
  /** Where the owner was heard last. */
  address: Address;
  readonly #packetBytes: number;
  /** Records not acknowledged yet; the first one has number #first. */
  #records: ReportRecord[] = [];
  #first = 0;
  /** Number of the next record to send for the first time. */
  #sent = 0;
  #timeoutUs = REPORT_TIMEOUT_US;
  #due = Number.POSITIVE_INFINITY as Micros;

  /** `packetBytes`: most bytes of a packet's body. */
  constructor(
    core: Core,
    owner: { readonly node: NodeId; readonly push: PushId; readonly address: Address },
    packetBytes: number,
  ) {
    this.#core = core;
    this.#owner = owner;
    this.address = owner.address;
    this.#packetBytes = packetBytes;
  }

  get empty(): boolean {
    return this.#records.length === 0;
  }

  add(record: ReportRecord, now: Micros): void {
    this.#records.push(record);
    // Sent when this moment's work is done, so that records that come together share a packet.
    this.#due = Math.min(this.#due, now) as Micros;
  }

  onAck(next: number, now: Micros): void {
    const acknowledged = next - this.#first;
    if (acknowledged <= 0 || acknowledged > this.#records.length) return;
    this.#records.splice(0, acknowledged);
    this.#first = next;
    this.#sent = Math.max(this.#sent, next);
    this.#timeoutUs = REPORT_TIMEOUT_US;
    this.#due = this.#records.length === 0 ? (Number.POSITIVE_INFINITY as Micros) : this.#nextDue(now);
  }

  onTimeout(now: Micros): void {
    if (now < this.#due) return;
    const fresh = this.#sent < this.#first + this.#records.length;
    if (!fresh) {
      this.#sent = this.#first;
      this.#timeoutUs = Math.min(REPORT_TIMEOUT_US_MAX, this.#timeoutUs * 2);
      this.#core.counters.add("reports repeated");
    }
    this.#transmit();
    this.#due = (now + this.#timeoutUs) as Micros;
  }

  deadline(): Micros {
    return this.#due;
  }

  #nextDue(now: Micros): Micros {
    const unsent = this.#sent < this.#first + this.#records.length;
    return (unsent ? now : now + this.#timeoutUs) as Micros;
  }

  #transmit(): void {
    for (let packets = 0; packets < REPORT_WINDOW; packets++) {
      const at = this.#sent - this.#first;
      const records: ReportRecord[] = [];
      let bytes = REPORT_FIXED_BYTES;
      for (const record of this.#records.slice(at, at + 64)) {
        bytes += recordBytes(record);
        if (records.length > 0 && bytes > this.#packetBytes) break;
        records.push(record);
      }
      if (records.length === 0) return;
      const { node, push } = this.#owner;
      this.#core.out.send(push, { type: "report", owner: node, first: this.#sent, records }, this.address);
      this.#sent += records.length;
    }
  }
}
