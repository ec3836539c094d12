import { Flight, newTargetFlight, type TargetFlight } from "../../src/engine/flight.ts";
import { Pacer } from "../../src/engine/pacer.ts";
import type { Micros } from "../../src/wire/brand.ts";
import type { Prng } from "../support/prng.ts";

/** One link that all senders share: a queue that drops what does not fit, as a switch has it. */
export type LinkShape = {
  readonly packetsPerSecond: number;
  /** Packets that it holds. */
  readonly queueMax: number;
  /** There and back, without the queue. */
  readonly delayUs: number;
};

/** A sender: the production window, a row of packets at a time, to targets that each lose some behind the link. */
export type SenderShape = {
  readonly targets: number;
  /** Chance loss at each target, parts per million. */
  readonly lossPpm: number;
  readonly receiveBuffer: number;
  readonly startUs: number;
  /** -T, bytes a second. */
  readonly rateLimit?: number;
};

/** What one sender came to. */
export type SenderResult = {
  readonly flight: Flight;
  /** Packets that got through the link, in each hundred milliseconds. */
  readonly through: number[];
  /** The most packets under way, as the targets had not seen them. */
  underWayMax: number;
};

export const PACKET_BYTES = 1_500;
const ROW = 8;
const TICK_US = 50;
const SYNC_US = 2_000;
const BIN_US = 100_000;

type Running = SenderResult & { readonly shape: SenderShape; readonly targets: TargetFlight[] };
type Row = {
  readonly sender: Running;
  readonly packets: number;
  readonly end: number;
  readonly arrives: number;
};
type Answer = { readonly sender: Running; readonly end: number; readonly received: readonly number[] };

/** Windows, without blocks and repairs, over one bottleneck in virtual time. */
export class Bottleneck {
  readonly #link: LinkShape;
  readonly #prng: Prng;
  readonly #senders: Running[];
  readonly #received = new Map<Running, number[]>();
  #rows: Row[] = [];
  #answers: { readonly at: number; readonly answer: Answer }[] = [];
  /** When the link will have sent what is in its queue. */
  #freeAt = 0;
  #now = 0;
  /** Packets that found the queue full; and the longest that one waited in it. */
  dropped = 0;
  queueUsMax = 0;

  constructor(link: LinkShape, senders: readonly SenderShape[], prng: Prng) {
    this.#link = link;
    this.#prng = prng;
    this.#senders = senders.map((shape) => ({
      shape,
      flight: new Flight({ packetBytes: PACKET_BYTES, pacer: new Pacer(shape.rateLimit) }),
      targets: Array.from({ length: shape.targets }, () => newTargetFlight(shape.receiveBuffer)),
      through: [],
      underWayMax: 0,
    }));
    // As a node knows it of earlier pushes.
    for (const { targets } of this.#senders) for (const target of targets) target.baseUs = link.delayUs;
    for (const sender of this.#senders) this.#received.set(sender, Array(sender.targets.length).fill(0));
  }

  get senders(): readonly SenderResult[] {
    return this.#senders;
  }

  run(untilUs: number): void {
    for (; this.#now < untilUs; this.#now += TICK_US) {
      this.#deliver();
      this.#answer();
      // The first to ask is another one each time.
      const first = this.#prng.below(this.#senders.length);
      for (let at = 0; at < this.#senders.length; at++)
        this.#send(this.#senders[(first + at) % this.#senders.length] as Running);
    }
  }

  /** One row: more when the others have had their turn. */
  #send(sender: Running): void {
    const now = this.#now as Micros;
    if (now < sender.shape.startUs) return;
    const { flight, targets } = sender;
    for (let room = flight.budget(targets, now); room > 0; room = flight.budget(targets, now)) {
      const count = Math.min(room, ROW);
      let packets = 0;
      for (let packet = 0; packet < count; packet++) if (this.#enqueue()) packets++;
      flight.onSent(count, now);
      const seen = Math.min(...targets.map((target) => target.seen));
      sender.underWayMax = Math.max(sender.underWayMax, flight.sent - seen);
      // What is lost whole is known by what comes later, or by a SYNC.
      const arrives = this.#freeAt + this.#link.delayUs / 2 + (packets === 0 ? SYNC_US : 0);
      this.#rows.push({ sender, packets, end: flight.sent, arrives });
      if (flight.sent % (2 * ROW) < ROW) break;
    }
  }

  #enqueue(): boolean {
    const eachUs = 1e6 / this.#link.packetsPerSecond;
    const waits = Math.max(0, this.#freeAt - this.#now);
    if (waits > this.#link.queueMax * eachUs) {
      this.dropped++;
      return false;
    }
    this.queueUsMax = Math.max(this.queueUsMax, waits);
    this.#freeAt = Math.max(this.#freeAt, this.#now) + eachUs;
    return true;
  }

  #deliver(): void {
    const due = this.#rows.filter(({ arrives }) => arrives <= this.#now);
    if (due.length === 0) return;
    this.#rows = this.#rows.filter(({ arrives }) => arrives > this.#now);
    for (const { sender, packets, end } of due) {
      const received = this.#received.get(sender) as number[];
      for (let target = 0; target < received.length; target++) {
        for (let packet = 0; packet < packets; packet++)
          if (!this.#prng.chance(sender.shape.lossPpm)) received[target] = (received[target] as number) + 1;
      }
      const bin = Math.floor(this.#now / BIN_US);
      sender.through[bin] = (sender.through[bin] ?? 0) + packets;
      const answer = { sender, end, received: [...received] };
      this.#answers.push({ at: this.#now + this.#link.delayUs / 2, answer });
    }
  }

  #answer(): void {
    const due = this.#answers.filter(({ at }) => at <= this.#now);
    this.#answers = this.#answers.filter(({ at }) => at > this.#now);
    for (const { answer } of due) {
      const { sender, end, received } = answer;
      sender.targets.forEach((target, index) => {
        const status = { sequence: (end - 1) & 0xffff, received: received[index] as number };
        if (sender.flight.onStatus(target, status, this.#now as Micros))
          sender.flight.onProgress(sender.targets);
      });
    }
  }
}

/** Packets a second of a sender between two moments. */
export function rateOf(sender: SenderResult, fromUs: number, untilUs: number): number {
  let packets = 0;
  for (let bin = fromUs / BIN_US; bin < untilUs / BIN_US; bin++) packets += sender.through[bin] ?? 0;
  return (packets * 1e6) / (untilUs - fromUs);
}
