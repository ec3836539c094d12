import { Flight, newTargetFlight, type TargetFlight } from "../../src/engine/flight.ts";
import { Pacer } from "../../src/engine/pacer.ts";
import { SYNC_INTERVAL_US, SYNC_SOON_US_MIN } from "../../src/engine/tuning.ts";
import type { Micros } from "../../src/wire/brand.ts";
import type { Prng } from "../support/prng.ts";
import { TcpFlow, type TcpShape } from "./tcp-flow.ts";

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
  /** Chance loss of what comes to a target, and of its answers, parts per million. */
  readonly lossPpm: number;
  readonly receiveBuffer: number;
  readonly startUs: number;
  /** -T, bytes a second. */
  readonly rateLimit?: number;
  /** Most packets of a row, the last of which is a poll; as a rule few. */
  readonly row?: number;
  /** Threads of busy targets wake up to so much later. */
  readonly wakesUs?: number;
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
const BIN_US = 100_000;

type Running = SenderResult & {
  readonly shape: SenderShape;
  readonly targets: TargetFlight[];
  /** What each target has got. */
  readonly received: number[];
  /** When it sent or asked last, and how long it waits before it asks again. */
  lastAt: number;
  soonUs: number;
};
/** Packets of a row that got into the queue, and whether the last, the poll, is among them; or a SYNC, which is a poll and no such packet. */
type Row = {
  readonly sender: Running;
  readonly packets: number;
  readonly polls: boolean;
  readonly end: number;
  readonly arrives: number;
};
type Answer = {
  readonly sender: Running;
  readonly target: TargetFlight;
  readonly end: number;
  readonly received: number;
};

/** Windows, without blocks and repairs, over one bottleneck in virtual time. */
export class Bottleneck {
  readonly #link: LinkShape;
  readonly #prng: Prng;
  readonly #senders: Running[];
  #rows: Row[] = [];
  #answers: { readonly at: number; readonly answer: Answer }[] = [];
  readonly #streams: { readonly flow: TcpFlow; readonly through: number[] }[];
  /** When the link will have sent what is in its queue. */
  #freeAt = 0;
  #now = 0;
  /** Packets that found the queue full, of all; and the longest that one waited in it. */
  dropped = 0;
  sent = 0;
  queueUsMax = 0;

  constructor(
    link: LinkShape,
    given: { senders: readonly SenderShape[]; streams?: readonly TcpShape[] },
    prng: Prng,
  ) {
    const { senders, streams = [] } = given;
    this.#link = link;
    this.#prng = prng;
    this.#streams = streams.map((shape) => ({ flow: new TcpFlow(shape), through: [] }));
    this.#senders = senders.map((shape) => ({
      shape,
      flight: new Flight({ packetBytes: PACKET_BYTES, pacer: new Pacer(shape.rateLimit) }),
      targets: Array.from({ length: shape.targets }, () => newTargetFlight(shape.receiveBuffer)),
      received: Array<number>(shape.targets).fill(0),
      through: [],
      underWayMax: 0,
      lastAt: 0,
      soonUs: SYNC_SOON_US_MIN,
    }));
    // As a node knows it of earlier pushes.
    for (const { targets } of this.#senders) for (const target of targets) target.baseUs = link.delayUs;
  }

  get senders(): readonly SenderResult[] {
    return this.#senders;
  }

  get streams(): readonly { readonly through: readonly number[] }[] {
    return this.#streams;
  }

  run(untilUs: number): void {
    for (; this.#now < untilUs; this.#now += TICK_US) {
      this.#deliver();
      this.#answer();
      for (const stream of this.#streams) this.#stream(stream);
      // The first to ask is another one each time.
      for (const sender of this.#senders) this.#sync(sender);
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
      const row = sender.shape.row ?? ROW;
      const count = Math.min(room, row, Math.ceil(flight.segment(targets)));
      let packets = 0;
      let polls = false;
      for (let packet = 0; packet < count; packet++) {
        polls = this.#enqueue();
        if (polls) packets++;
      }
      flight.onSent(count, now);
      sender.lastAt = now;
      const seen = Math.min(...targets.map((target) => target.seen));
      sender.underWayMax = Math.max(sender.underWayMax, flight.sent - seen);
      const arrives = this.#freeAt + this.#link.delayUs / 2;
      this.#rows.push({ sender, packets, polls, end: flight.sent, arrives });
      if (flight.sent % (2 * row) < row) break;
    }
  }

  #stream(stream: { readonly flow: TcpFlow; readonly through: number[] }): void {
    const { delayUs } = this.#link;
    const enqueue = () => {
      if (!this.#enqueue()) return undefined;
      const bin = Math.floor(this.#freeAt / BIN_US);
      stream.through[bin] = (stream.through[bin] ?? 0) + 1;
      return this.#freeAt + delayUs / 2;
    };
    stream.flow.run(this.#now as Micros, { enqueue, delayUs });
  }

  /** When no answer comes, the sender asks again (PROTOCOL §7.4). */
  #sync(sender: Running): void {
    const { flight, targets } = sender;
    if (targets.every(({ seen }) => seen >= flight.sent)) return;
    if (this.#now < sender.lastAt + sender.soonUs + flight.groupRoundTripUs(targets)) return;
    flight.onAsked(this.#now as Micros);
    sender.lastAt = this.#now;
    sender.soonUs = Math.min(SYNC_INTERVAL_US, 2 * sender.soonUs);
    const arrives = Math.max(this.#now, this.#freeAt) + this.#link.delayUs / 2;
    this.#rows.push({ sender, packets: 0, polls: true, end: flight.sent, arrives });
  }

  #enqueue(): boolean {
    const eachUs = 1e6 / this.#link.packetsPerSecond;
    this.sent++;
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
    for (const { sender, packets, polls, end } of due) {
      for (const [index, target] of sender.targets.entries()) {
        let last = packets === 0 && !this.#isLost(sender);
        for (let packet = 0; packet < packets; packet++) {
          last = !this.#isLost(sender);
          if (last) sender.received[index] = (sender.received[index] ?? 0) + 1;
        }
        if (polls && last) this.#poll(sender, { target, index, end });
      }
      const bin = Math.floor(this.#now / BIN_US);
      sender.through[bin] = (sender.through[bin] ?? 0) + packets;
    }
  }

  #isLost(sender: Running): boolean {
    return this.#prng.chance(sender.shape.lossPpm);
  }

  #poll(sender: Running, asked: { target: TargetFlight; index: number; end: number }): void {
    if (this.#isLost(sender)) return;
    const { target, index, end } = asked;
    const at = this.#now + this.#link.delayUs / 2 + this.#prng.below(sender.shape.wakesUs ?? 1);
    this.#answers.push({ at, answer: { sender, target, end, received: sender.received[index] ?? 0 } });
  }

  #answer(): void {
    const due = this.#answers.filter(({ at }) => at <= this.#now);
    this.#answers = this.#answers.filter(({ at }) => at > this.#now);
    for (const { answer } of due) {
      const { sender, target, end, received } = answer;
      const status = { sequence: (end - 1) & 0xffff, received };
      if (!sender.flight.onStatus(target, status, this.#now as Micros)) continue;
      sender.soonUs = SYNC_SOON_US_MIN;
      sender.flight.onProgress(sender.targets, this.#now as Micros);
    }
  }
}

/** Packets a second of a sender or a stream between two moments. */
export function rateOf(
  sender: { readonly through: readonly number[] },
  fromUs: number,
  untilUs: number,
): number {
  let packets = 0;
  for (let bin = fromUs / BIN_US; bin < untilUs / BIN_US; bin++) packets += sender.through[bin] ?? 0;
  return (packets * 1e6) / (untilUs - fromUs);
}
