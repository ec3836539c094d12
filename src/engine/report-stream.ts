import type { Micros, NodeId, PushId } from "../wire/brand.ts";
import { REPORT_FIXED_BYTES, recordBytes } from "../wire/codec.ts";
import type { ReportRecord } from "../wire/messages.ts";
import type { Core } from "./core.ts";
import type { FeedbackTurn } from "./feedback-turn.ts";
import type { Address } from "./ports.ts";
import { REPORT_AHEAD, REPORT_TIMEOUT_US, REPORT_TIMEOUT_US_MAX, REPORT_WINDOW } from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;

/** Records that are made when there is room for them: all at once may be more than memory should hold. */
export type RecordSupply = {
  /** The next record; undefined: that was all. */
  readonly next: () => ReportRecord | undefined;
};

/** What a receiver has to say, in order, until the owner has all of it: go-back-N (PROTOCOL §6.2). */
export class ReportStream {
  readonly #core: Core;
  readonly #owner: { readonly node: NodeId; readonly push: PushId };
  /** Where the owner was heard last. */
  address: Address;
  readonly #packetBytes: number;
  readonly #turn: FeedbackTurn;
  /** Records not acknowledged yet; the first one has number #first. */
  readonly #records: ReportRecord[] = [];
  /** What comes after those. */
  readonly #later: RecordSupply[] = [];
  #first = 0;
  /** Number of the next record to send for the first time. */
  #sent = 0;
  /** For each packet under way, the number of the record after its last. */
  #underWay: number[] = [];
  #timeoutUs = REPORT_TIMEOUT_US;
  #sendDue: Micros = NEVER;
  #repeatDue: Micros = NEVER;

  /** `packetBytes`: most bytes of a packet's body; `turn`: when a packet may be sent. */
  constructor(
    core: Core,
    owner: { readonly node: NodeId; readonly push: PushId; readonly address: Address },
    options: { readonly packetBytes: number; readonly turn: FeedbackTurn },
  ) {
    this.#core = core;
    this.#owner = owner;
    this.address = owner.address;
    this.#packetBytes = options.packetBytes;
    this.#turn = options.turn;
  }

  /** Records that have been made and that the owner has not acknowledged. */
  get length(): number {
    return this.#records.length;
  }

  /** Most bytes of a record, so that it fits a packet. */
  get recordBytesMax(): number {
    return this.#packetBytes - REPORT_FIXED_BYTES;
  }

  add(record: ReportRecord, now: Micros): void {
    if (this.#later.length === 0) this.#records.push(record);
    else this.#later.push(once(record));
    this.#soon(now);
  }

  /** Adds all records of a supply: a few at a time. What is added later comes after them. */
  addAll(supply: RecordSupply, now: Micros): void {
    this.#later.push(supply);
    this.#refill();
    this.#soon(now);
  }

  #soon(now: Micros): void {
    // Sent when this moment's work is done, so that records that come together share a packet.
    this.#sendDue = Math.min(this.#sendDue, now) as Micros;
  }

  onAck(next: number, now: Micros): void {
    const acknowledged = next - this.#first;
    if (acknowledged <= 0 || acknowledged > this.#records.length) return;
    this.#records.splice(0, acknowledged);
    this.#refill();
    this.#first = next;
    this.#sent = Math.max(this.#sent, next);
    this.#underWay = this.#underWay.filter((end) => end > next);
    this.#timeoutUs = REPORT_TIMEOUT_US;
    this.#repeatDue = this.#underWay.length > 0 ? ((now + this.#timeoutUs) as Micros) : NEVER;
    if (this.#unsent) this.#sendDue = now;
  }

  onTimeout(now: Micros): void {
    if (now < this.deadline()) return;
    if (now >= this.#repeatDue) {
      this.#sent = this.#first;
      this.#underWay = [];
      this.#timeoutUs = Math.min(REPORT_TIMEOUT_US_MAX, this.#timeoutUs * 2);
      this.#core.counters.add("reports repeated");
      this.#transmit(now);
      this.#repeatDue = (now + this.#timeoutUs) as Micros;
    } else if (now >= this.#sendDue) {
      this.#transmit(now);
    }
  }

  deadline(): Micros {
    const room = this.#unsent && this.#underWay.length < REPORT_WINDOW;
    const wanted = room ? Math.min(this.#sendDue, this.#repeatDue) : this.#repeatDue;
    return this.#turn.next(wanted as Micros);
  }

  #refill(): void {
    for (let supply = this.#later[0]; supply !== undefined; supply = this.#later[0]) {
      if (this.#records.length >= REPORT_AHEAD) return;
      const record = supply.next();
      if (record === undefined) this.#later.shift();
      else this.#records.push(record);
    }
  }

  get #unsent(): boolean {
    return this.#sent < this.#first + this.#records.length;
  }

  #transmit(now: Micros): void {
    this.#sendDue = NEVER;
    while (this.#unsent && this.#underWay.length < REPORT_WINDOW) {
      const records = this.#nextRecords();
      const { node, push } = this.#owner;
      this.#core.out.send(push, { type: "report", owner: node, first: this.#sent, records }, this.address);
      this.#sent += records.length;
      this.#underWay.push(this.#sent);
      if (this.#repeatDue === NEVER) this.#repeatDue = (now + this.#timeoutUs) as Micros;
      if (this.#turn.periodUs === 0) continue;
      // What is left has the next turn.
      this.#turn.take(now);
      if (this.#unsent) this.#sendDue = now;
      return;
    }
  }

  /** As many of the records not sent yet as fit one packet, at least one. */
  #nextRecords(): readonly ReportRecord[] {
    const records: ReportRecord[] = [];
    let bytes = REPORT_FIXED_BYTES;
    for (const record of this.#records.slice(this.#sent - this.#first, this.#sent - this.#first + 64)) {
      bytes += recordBytes(record);
      if (records.length > 0 && bytes > this.#packetBytes) break;
      records.push(record);
    }
    return records;
  }
}

function once(record: ReportRecord): RecordSupply {
  let given = false;
  const next = () => {
    if (given) return undefined;
    given = true;
    return record;
  };
  return { next };
}
