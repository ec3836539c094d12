import type { Micros } from "../wire/brand.ts";
import type { Pacer } from "./pacer.ts";
import {
  LOSS_TOLERATED,
  ROUND_TRIP_US_FIRST,
  WINDOW_DECREASE,
  WINDOW_FIRST,
  WINDOW_MIN,
  WINDOW_STEP,
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
  /** Bytes that the target's socket holds. */
  readonly receiveBuffer: number;
};

/** A target that has seen nothing yet; `receiveBuffer`: bytes that its socket holds. */
export function newTargetFlight(receiveBuffer: number): TargetFlight {
  return { seen: 0, received: 0, roundSeen: 0, roundReceived: 0, roundTripUs: 0, receiveBuffer };
}

/** Rows remembered for round-trip measurement. */
const MARKS = 256;
/** Rounds over which chance loss is forgotten. */
const CHANCE_MEMORY = 32;
/** Of a socket's buffer, the share that payload may fill: the kernel charges about 2,300 bytes for a 1,500-byte packet, and control packets need room too. */
const BUFFER_SHARE = 0.4;

/**
 * How much may be under way. A window in packets, as TCP has it, over the slowest target: doubled every round trip until loss appears, then growing
 * slowly; cut when a round lost more than chance explains. Constant loss that does not answer to the window is learnt as chance. The
 * window never exceeds what the smallest socket buffer holds.
 */
export class Flight {
  readonly #packetBytes: number;
  readonly #pacer: Pacer;
  /** Packets sent so far; also the next sequence number. */
  sent = 0;
  #window = WINDOW_FIRST;
  #slowStart = true;
  #roundEnd = 0;
  #limitedByWindow = false;
  #chance = 0;
  readonly #markSent = new Float64Array(MARKS);
  readonly #markAt = new Float64Array(MARKS);
  #marks = 0;

  constructor(options: { readonly packetBytes: number; readonly pacer: Pacer }) {
    this.#packetBytes = options.packetBytes;
    this.#pacer = options.pacer;
  }

  get window(): number {
    return this.#window;
  }

  /** Packets that may be sent now; remembers whether the window was what limited them. */
  budget(targets: readonly TargetFlight[], now: Micros): number {
    if (now < this.#pacer.at) return 0;
    const window = Math.min(this.#window, this.#cap(targets));
    let room = window;
    for (const target of targets) room = Math.min(room, window - (this.sent - target.seen));
    if (room <= 0) this.#limitedByWindow = true;
    return Math.max(0, Math.min(room, this.#pacer.burst));
  }

  onSent(packets: number, now: Micros): void {
    this.sent += packets;
    const mark = this.#marks++ % MARKS;
    this.#markSent[mark] = this.sent;
    this.#markAt[mark] = now;
    this.#pacer.onSent(packets * this.#packetBytes, now);
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

  /** Closes the round when every target has seen all that was sent before it began, and adapts the window. */
  onProgress(targets: readonly TargetFlight[]): void {
    if (targets.length === 0 || targets.some((target) => target.seen < this.#roundEnd)) return;
    let loss = 0;
    for (const target of targets) {
      const expected = target.seen - target.roundSeen;
      const got = target.received - target.roundReceived;
      if (expected > 0) loss = Math.max(loss, 1 - got / expected);
      target.roundSeen = target.seen;
      target.roundReceived = target.received;
    }
    this.#roundEnd = this.sent;
    this.#adapt(loss);
    this.#window = Math.max(WINDOW_MIN, Math.min(this.#window, this.#cap(targets)));
    this.#limitedByWindow = false;
  }

  /** The slowest target's round trip. */
  groupRoundTripUs(targets: readonly TargetFlight[]): number {
    let worst = 0;
    for (const target of targets) worst = Math.max(worst, target.roundTripUs);
    return worst === 0 ? ROUND_TRIP_US_FIRST : worst;
  }

  #adapt(loss: number): void {
    const tolerated = Math.max(LOSS_TOLERATED, 1.5 * this.#chance);
    if (loss > tolerated) {
      this.#window = Math.max(WINDOW_MIN, Math.floor(this.#window * WINDOW_DECREASE));
      this.#slowStart = false;
    } else if (this.#limitedByWindow) {
      this.#window = this.#slowStart
        ? this.#window * 2
        : this.#window + Math.max(WINDOW_STEP, this.#window >> 5);
    }
    // Loss that stays while the window shrinks is not congestion: it is learnt slowly. It is forgotten more slowly yet, since a
    // small window has many rounds in which chance strikes nobody.
    if (loss < this.#chance) this.#chance -= (this.#chance - loss) / CHANCE_MEMORY;
    else this.#chance = Math.min(loss, this.#chance * 1.1 + 0.004);
  }

  #measure(target: TargetFlight, now: Micros): void {
    for (let back = 1; back <= Math.min(MARKS, this.#marks); back++) {
      const mark = (this.#marks - back) % MARKS;
      if ((this.#markSent[mark] ?? 0) > target.seen) continue;
      if (this.#markSent[mark] !== target.seen) return;
      const sample = now - (this.#markAt[mark] ?? now);
      target.roundTripUs = target.roundTripUs === 0 ? sample : target.roundTripUs * 0.875 + sample * 0.125;
      return;
    }
  }

  #cap(targets: readonly TargetFlight[]): number {
    let bytes = Number.POSITIVE_INFINITY;
    for (const target of targets) bytes = Math.min(bytes, target.receiveBuffer * BUFFER_SHARE);
    return Math.max(WINDOW_MIN, Math.min(16_384, Math.floor(bytes / this.#packetBytes)));
  }
}
