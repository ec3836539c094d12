import type { Micros } from "../wire/brand.ts";
import { Congestion, type CongestionMode, LossEstimate } from "./congestion.ts";
import type { Pacer } from "./pacer.ts";
import type { FlowStatus } from "./ports.ts";
import {
  CHANCE_SEGMENTS,
  ROUND_TRIP_US_FIRST,
  ROUND_TRIP_US_MAX,
  SEGMENTS,
  WINDOW_MAX,
  WINDOW_MIN,
} from "./tuning.ts";

/** What the owner knows of one target's view of the packet flow. Counts are of packets and do not wrap. */
export type TargetFlight = {
  /** Packets of the push that have reached this target or are lost to it. */
  seen: number;
  /** Of these, packets that arrived. */
  received: number;
  /** The same two at the start of the round. */
  roundSeen: number;
  roundReceived: number;
  /** Smoothed round trip; 0: not measured yet. */
  roundTripUs: number;
  /** The smallest of the push, and of the round; 0: none yet. */
  baseUs: number;
  roundLeastUs: number;
  readonly chance: LossEstimate;
  /** Bytes that the target's socket holds. */
  readonly receiveBuffer: number;
};

/** A target that has seen nothing yet; `receiveBuffer`: bytes that its socket holds. */
export function newTargetFlight(receiveBuffer: number): TargetFlight {
  const counts = { seen: 0, received: 0, roundSeen: 0, roundReceived: 0 };
  const times = { roundTripUs: 0, baseUs: 0, roundLeastUs: 0 };
  return { ...counts, ...times, chance: new LossEstimate(), receiveBuffer };
}

/** Rows remembered for round-trip measurement. */
const MARKS = 256;
/** The rate is measured over at least so long. */
const RATE_WINDOW_US = 100_000;
/** Of a socket's buffer, the share that payload may fill: the kernel charges about 2,300 bytes for a 1,500-byte packet, and control packets need room too. */
const BUFFER_SHARE = 0.4;

/**
 * How much may be under way: what has been sent and not seen by the slowest target is less than the window, which `Congestion` adapts with each round, and which
 * never exceeds what the smallest socket buffer holds.
 */
export class Flight {
  readonly #packetBytes: number;
  readonly #pacer: Pacer;
  /** Packets sent so far; also the next sequence number. */
  sent = 0;
  readonly #congestion = new Congestion();
  /** Packets sent when the round began, and when that was. */
  #roundEnd = 0;
  #roundAt = 0;
  #limitedByWindow = false;
  /** Bytes a second, and when and at which packet its measurement began. */
  #rate = 0;
  #rateAt = Number.NEGATIVE_INFINITY;
  #rateSent = 0;
  readonly #markSent = new Float64Array(MARKS);
  readonly #markAt = new Float64Array(MARKS);
  #marks = 0;
  /** Packets to single targets: of the last round trip, since when that is, and in all. */
  #direct = 0;
  #directSince = Number.NEGATIVE_INFINITY;
  #directSent = 0;
  /** When the targets were last asked anew, because no answer had come, and what had been sent then. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #askedSent = 0;

  constructor(options: { readonly packetBytes: number; readonly pacer: Pacer }) {
    this.#packetBytes = options.packetBytes;
    this.#pacer = options.pacer;
  }

  get window(): number {
    return this.#congestion.window;
  }

  get mode(): CongestionMode {
    return this.#congestion.mode;
  }

  /** Whether the smallest socket buffer, and nothing else, bounds the window. */
  isCapped(targets: readonly TargetFlight[]): boolean {
    return this.window >= this.#cap(targets);
  }

  /**
   * Packets for each poll: a window is several of them, so that the answer to one comes while others are under way, and few, as each burst costs every host
   * a wake-up and an answer (less room than for one waits for more: the silly window of RFC 9293 §3.8.6.2.1). Where answers are lost they are smaller.
   */
  segment(targets: readonly TargetFlight[]): number {
    return this.window / (SEGMENTS + CHANCE_SEGMENTS * this.chanceLoss(targets));
  }

  /** Packets that may be sent now; remembers whether the window was what limited them. */
  budget(targets: readonly TargetFlight[], now: Micros): number {
    if (now < this.#pacer.at) return 0;
    const window = Math.min(this.window, this.#cap(targets));
    let room = window;
    for (const target of targets) room = Math.min(room, window - (this.sent - target.seen));
    room -= this.#directUnderWay(targets, now);
    // A rate limit makes bursts by itself.
    const least = this.#pacer.limited ? 1 : Math.min(window, this.segment(targets));
    if (room >= least) return Math.min(room, this.#pacer.burst);
    this.#limitedByWindow = true;
    return 0;
  }

  /** When packets to single targets no longer count as under way; Infinity: none do. */
  directUntil(targets: readonly TargetFlight[]): number {
    if (this.#direct === 0) return Number.POSITIVE_INFINITY;
    return this.#directSince + this.groupRoundTripUs(targets);
  }

  onSent(packets: number, now: Micros): void {
    this.#meter(now);
    this.sent += packets;
    // Rows that go out at one moment are one burst.
    if (this.#marks === 0 || this.#markAt[(this.#marks - 1) % MARKS] !== now) this.#marks++;
    const mark = (this.#marks - 1) % MARKS;
    this.#markSent[mark] = this.sent;
    this.#markAt[mark] = now;
    this.#pacer.onSent(packets * this.#packetBytes, now);
  }

  /** So many packets went to single targets, who tell nothing of them: they count as under way for a round trip. */
  onDirect(packets: number, now: Micros): void {
    this.#meter(now);
    this.#direct += packets;
    this.#directSent += packets;
    this.#pacer.onSent(packets * this.#packetBytes, now);
  }

  /** Asks again what the targets have seen: no answer had come. */
  onAsked(now: Micros): void {
    this.#askedAt = now;
    this.#askedSent = this.sent;
  }

  /** Takes in a STATUS; returns whether it told something new. */
  onStatus(
    target: TargetFlight,
    status: { readonly sequence: number; readonly received: number },
    now: Micros,
  ): boolean {
    if (this.sent === 0 || (status.sequence === 0 && status.received === 0)) return false;
    const behind = (this.sent - 1 - status.sequence) & 0xffff;
    const seen = this.sent - behind;
    if (seen <= target.seen) return false;
    target.seen = seen;
    target.received += (status.received - target.received) >>> 0;
    this.#measure(target, now);
    return true;
  }

  /** Closes the round when every target has seen something that was sent after it began, and adapts the window. */
  onProgress(targets: readonly TargetFlight[], now: Micros): void {
    if (targets.length === 0 || targets.some((target) => target.seen <= this.#roundEnd)) return;
    const views = targets.map((target) => ({
      expected: target.seen - target.roundSeen,
      received: target.received - target.roundReceived,
      roundTripUs: target.roundLeastUs || target.roundTripUs,
      // Without a measurement nothing is known of a queue.
      baseUs: target.baseUs || target.roundTripUs,
      chance: target.chance,
    }));
    for (const target of targets) {
      target.roundSeen = target.seen;
      target.roundReceived = target.received;
      target.roundLeastUs = 0;
    }
    this.#roundEnd = this.sent;
    const [limited, elapsedUs] = [this.#limitedByWindow, now - this.#roundAt];
    this.#roundAt = now;
    this.#congestion.onRound({ targets: views, limited, cap: this.#cap(targets), now, elapsedUs });
    this.#limitedByWindow = false;
  }

  /** Numbers of FlowStatus. */
  status(targets: readonly TargetFlight[]): Omit<FlowStatus, "limitedBy"> {
    return {
      rate: Math.round(this.#rate),
      windowPackets: this.window,
      windowBytes: this.window * this.#packetBytes,
      roundTripUs: Math.round(this.groupRoundTripUs(targets)),
      chanceLoss: this.chanceLoss(targets),
    };
  }

  /** Share of the packets that the worst target is taken to lose by chance. */
  chanceLoss(targets: readonly TargetFlight[]): number {
    let worst = 0;
    for (const { chance } of targets) worst = Math.max(worst, chance.share);
    return worst;
  }

  /** The slowest target's round trip. */
  groupRoundTripUs(targets: readonly TargetFlight[]): number {
    let worst = 0;
    for (const target of targets) worst = Math.max(worst, target.roundTripUs);
    return worst === 0 ? ROUND_TRIP_US_FIRST : worst;
  }

  #meter(now: Micros): void {
    const elapsed = now - this.#rateAt;
    if (elapsed < RATE_WINDOW_US) return;
    // After a pause there is nothing to go by.
    const sent = this.sent + this.#directSent;
    const bytes = (sent - this.#rateSent) * this.#packetBytes;
    this.#rate = elapsed < 10 * RATE_WINDOW_US ? (bytes * 1e6) / elapsed : 0;
    this.#rateAt = now;
    this.#rateSent = sent;
  }

  #directUnderWay(targets: readonly TargetFlight[], now: Micros): number {
    if (now >= this.#directSince + this.groupRoundTripUs(targets)) {
      this.#directSince = now;
      this.#direct = 0;
    }
    return this.#direct;
  }

  /** When the burst went out that the packet before `seen` was in; undefined: too long ago to know. */
  #sentAt(seen: number): number | undefined {
    for (let at = this.#marks - 1; at >= Math.max(0, this.#marks - MARKS + 1); at--) {
      const before = at === 0 ? 0 : (this.#markSent[(at - 1) % MARKS] ?? 0);
      if (before < seen) return this.#markAt[at % MARKS];
    }
    return undefined;
  }

  /** What has been seen tells the time of the round trip, wherever in a burst the last packet is: a receiver that answers while a burst still comes in has seen a part of it. */
  #measure(target: TargetFlight, now: Micros): void {
    const sentAt = this.#sentAt(target.seen);
    if (sentAt === undefined) return;
    // Who has not seen all that went before the second question has not had that yet: this answers the first one.
    if (target.seen === this.#askedSent && sentAt <= this.#askedAt) return raise(target, now - this.#askedAt);
    const sample = Math.min(ROUND_TRIP_US_MAX, now - sentAt);
    target.roundTripUs = target.roundTripUs === 0 ? sample : target.roundTripUs * 0.875 + sample * 0.125;
    target.baseUs = target.baseUs === 0 ? sample : Math.min(target.baseUs, sample);
    target.roundLeastUs = target.roundLeastUs === 0 ? sample : Math.min(target.roundLeastUs, sample);
  }

  #cap(targets: readonly TargetFlight[]): number {
    let bytes = Number.POSITIVE_INFINITY;
    for (const target of targets) bytes = Math.min(bytes, target.receiveBuffer * BUFFER_SHARE);
    return Math.max(WINDOW_MIN, Math.min(WINDOW_MAX, Math.floor(bytes / this.#packetBytes)));
  }
}

/**
 * An answer after the target was asked a second time: to which of the two, nobody knows (RFC 6298 §3, Karn's algorithm). That a poll was lost is no
 * queue; but the round trip is no shorter than the time since the second one.
 */
function raise(target: TargetFlight, leastUs: number): void {
  target.roundTripUs = Math.max(target.roundTripUs, Math.min(ROUND_TRIP_US_MAX, leastUs));
}
