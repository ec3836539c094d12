import type { Micros } from "../../src/wire/brand.ts";

/** One TCP stream that always has something to send. */
export type TcpShape = {
  readonly startUs: number;
  /** Most packets under way, whatever the congestion window is: a small receive window, or the limit on what may lie in queues of the own host. */
  readonly inFlightMax?: number;
};

/** CUBIC (RFC 9438 §4): scaling constant, and decrease; and the growth of its estimate of Reno's window, in packets a round trip. */
const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;
const RENO_ALPHA = (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA);
/** HyStart (RFC 9406 §4.2): limits of the rise of the round trip that ends slow start. */
const RISE_US_MIN = 4_000;
const RISE_US_MAX = 16_000;
const WINDOW_FIRST = 10;

type Packet = {
  readonly ackAt: number;
  readonly sentAt: number;
  readonly number: number;
  readonly lost: boolean;
};

/** The sender of a TCP stream with CUBIC, HyStart and selective acknowledgements, as Linux has them; packets of full size, an acknowledgement for each. */
export class TcpFlow {
  readonly #shape: TcpShape;
  readonly #underWay: Packet[] = [];
  #window = WINDOW_FIRST;
  #threshold = Number.POSITIVE_INFINITY;
  #sent = 0;
  /** Losses of packets before this one belong to the decrease that has been made. */
  #recovered = 0;
  #baseUs = Number.POSITIVE_INFINITY;
  /** The window before the last decrease, and when growth began after it. */
  #windowMax = 0;
  #epochAt = 0;
  #epochWindow = 0;
  #reno = 0;

  constructor(shape: TcpShape) {
    this.#shape = shape;
  }

  get window(): number {
    return this.#window;
  }

  /** Takes the acknowledgements that have come, and sends what the window allows; `enqueue` says when a packet reaches the receiver, or that it was dropped. */
  run(now: Micros, link: { readonly enqueue: () => number | undefined; readonly delayUs: number }): void {
    if (now < this.#shape.startUs) return;
    while ((this.#underWay[0]?.ackAt ?? Number.POSITIVE_INFINITY) <= now) {
      const packet = this.#underWay.shift();
      if (packet !== undefined) this.#onAck(packet, now);
    }
    const limit = Math.min(this.#window, this.#shape.inFlightMax ?? Number.POSITIVE_INFINITY);
    let last = this.#underWay.at(-1)?.ackAt ?? 0;
    while (this.#underWay.length < Math.floor(limit)) {
      const arrives = link.enqueue();
      // A loss is seen when a packet after it is acknowledged.
      last =
        arrives === undefined ? Math.max(last, now + this.#baseOr(link.delayUs)) : arrives + link.delayUs / 2;
      const lost = arrives === undefined;
      this.#underWay.push({ ackAt: last, sentAt: now, number: this.#sent++, lost });
    }
  }

  #baseOr(delayUs: number): number {
    return Math.min(this.#baseUs, delayUs);
  }

  #onAck(packet: Packet, now: number): void {
    if (packet.lost) {
      if (packet.number >= this.#recovered) this.#decrease(now);
      return;
    }
    const roundTripUs = now - packet.sentAt;
    this.#baseUs = Math.min(this.#baseUs, roundTripUs);
    // What does not limit it does not grow (RFC 9438 §5.8).
    if (this.#underWay.length + 1 < Math.floor(this.#window)) return;
    if (this.#window >= this.#threshold) return this.#avoid(now, roundTripUs);
    this.#window++;
    const rise = Math.max(RISE_US_MIN, Math.min(RISE_US_MAX, this.#baseUs / 8));
    if (roundTripUs >= this.#baseUs + rise) this.#startEpoch(now);
  }

  #decrease(now: number): void {
    this.#recovered = this.#sent;
    const fast = this.#window < this.#windowMax;
    this.#windowMax = fast ? (this.#window * (1 + CUBIC_BETA)) / 2 : this.#window;
    this.#window = Math.max(2, this.#window * CUBIC_BETA);
    this.#startEpoch(now);
  }

  #startEpoch(now: number): void {
    this.#threshold = this.#window;
    this.#windowMax = Math.max(this.#windowMax, this.#window);
    this.#epochAt = now;
    this.#epochWindow = this.#window;
    this.#reno = this.#window;
  }

  #avoid(now: number, roundTripUs: number): void {
    const k = Math.cbrt((this.#windowMax - this.#epochWindow) / CUBIC_C);
    const elapsed = (now - this.#epochAt + roundTripUs) / 1e6;
    const target = this.#windowMax + CUBIC_C * (elapsed - k) ** 3;
    this.#reno += (this.#reno >= this.#windowMax ? 1 : RENO_ALPHA) / this.#window;
    const bounded = Math.max(this.#window, Math.min(1.5 * this.#window, target));
    this.#window = Math.max(this.#reno, this.#window + (bounded - this.#window) / this.#window);
  }
}
