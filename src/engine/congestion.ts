import {
  CHANCE_MARGIN,
  CHANCE_SHARE,
  DELAY_GROWTH,
  FUTILE_CUTS,
  FUTILE_SHARE,
  QUEUE_US,
  WINDOW_DECREASE,
  WINDOW_DRAIN_MIN,
  WINDOW_FIRST,
  WINDOW_MIN,
  WINDOW_STEP,
  WINDOW_STEP_SHARED,
} from "./tuning.ts";

/** What one target saw of a round: packets sent and received, and the round trip with what of it is waiting in queues. */
export type RoundView = {
  readonly expected: number;
  readonly received: number;
  /** The round's smallest round trip; 0: none was measured. */
  readonly roundTripUs: number;
  /** The smallest of the push. */
  readonly baseUs: number;
  /** Share of the packets that it loses whatever the window is. */
  readonly chance: LossEstimate;
};

/** A round, over the targets that pace the flow. */
export type Round = {
  readonly targets: readonly RoundView[];
  /** Whether more would have been sent had the window been larger. */
  readonly limited: boolean;
  /** Most that the window may be: what the smallest receive buffer takes. */
  readonly cap: number;
};

/** start: looks for the speed; delay: keeps the queue short; loss: shares a queue that others fill. */
export type CongestionMode = "start" | "delay" | "loss";

/** Weight of packets in the estimate of chance loss: after so many, half of it is new; and of a round that just cost a cut. */
const CHANCE_PACKETS = 2_000;
const CHANCE_LEARNT = 0.25;

/** Share of the packets that one target loses by chance, not because the window is too large. */
export class LossEstimate {
  #share = 0;

  get share(): number {
    return this.#share;
  }

  /** Whether so many losses are more than chance explains: three standard deviations, and one packet. */
  isExceeded(expected: number, lost: number): boolean {
    const usual = expected * this.#share;
    return lost > usual * CHANCE_SHARE + CHANCE_MARGIN * Math.sqrt(usual) + 1;
  }

  /** A round in which the queue was short; `cut`: it was taken for congestion, and chance is learnt fast, lest it costs one cut after the other. */
  learn(expected: number, lost: number, options: { readonly cut: boolean }): void {
    if (expected === 0) return;
    const weight = options.cut ? CHANCE_LEARNT : expected / (expected + CHANCE_PACKETS);
    this.#share += (Math.max(0, lost) / expected - this.#share) * weight;
  }
}

/**
 * How many packets may be under way: adapted once a round trip, to what the slowest target saw (the one that PGMCC calls the acker). It finds the
 * speed as in RFC 9406 (HyStart++: doubling ends when the round trip rises), then keeps some milliseconds of queue: enough for hosts whose threads wake late,
 * and little for everybody else. As in Copa (Arun and Balakrishnan, NSDI 2018, §2.2) it falls back to losses alone where others fill the queue
 * whatever it does, with the decrease of CUBIC (RFC 9438 §4.6) and a steady increase: a push lasts for seconds, in which CUBIC's own curve would hardly rise.
 *
 * Loss while the queue is short is chance, or a switch with little memory. The first such loss costs a cut; what stays is learnt, and counts no more.
 */
export class Congestion {
  #window = WINDOW_FIRST;
  #mode: CongestionMode = "start";
  /** Cuts in a row that left the queue as it was, the queue at the last one, and the window before them. */
  #futile = 0;
  #drained = Number.POSITIVE_INFINITY;
  #undo = WINDOW_FIRST;
  /** What the last round saw still answers to the window before the last cut. */
  #settling = false;

  get window(): number {
    return this.#window;
  }

  get mode(): CongestionMode {
    return this.#mode;
  }

  onRound(round: Round): void {
    const queueUs = queueOf(round.targets);
    const exceeded = round.targets.some(({ expected, received, chance }) =>
      chance.isExceeded(expected, expected - received),
    );
    const settling = this.#settling;
    this.#settling = false;
    const short = queueUs < QUEUE_US;
    if (!settling || !exceeded) this.#adapt({ queueUs, exceeded, limited: round.limited, settling });
    if (short)
      for (const { expected, received, chance } of round.targets)
        chance.learn(expected, expected - received, { cut: exceeded });
    this.#window = Math.max(WINDOW_MIN, Math.min(this.#window, round.cap));
  }

  #adapt(seen: { queueUs: number; exceeded: boolean; limited: boolean; settling: boolean }): void {
    const { queueUs, exceeded, limited, settling } = seen;
    if (exceeded) {
      if (this.#mode === "start") this.#mode = "delay";
      return this.#cut(WINDOW_DECREASE);
    }
    if (this.#mode === "start") {
      if (queueUs < QUEUE_US / 2) return limited ? this.#grow(this.#window) : undefined;
      this.#mode = "delay";
    }
    if (this.#mode === "loss") {
      if (queueUs >= QUEUE_US / 2) return limited ? this.#grow(WINDOW_STEP_SHARED) : undefined;
      this.#mode = "delay";
    }
    if (queueUs >= QUEUE_US) return settling ? undefined : this.#drain(queueUs);
    this.#futile = 0;
    this.#drained = Number.POSITIVE_INFINITY;
    // Near the queue wanted growth is the same for all, so that with each cut pushes that share a link become more alike.
    const free = Math.max(0, 1 - (2 * queueUs) / QUEUE_US);
    if (limited) this.#grow(WINDOW_STEP + this.#window * DELAY_GROWTH * free);
  }

  /** The queue is too long: what makes it as long as it may be. If that helps nothing, others fill it. */
  #drain(queueUs: number): void {
    const helps = queueUs < FUTILE_SHARE * this.#drained;
    this.#drained = queueUs;
    if (helps) this.#undo = this.#window;
    this.#futile = helps ? 0 : this.#futile + 1;
    if (this.#futile < FUTILE_CUTS) return this.#cut(Math.max(WINDOW_DRAIN_MIN, (0.8 * QUEUE_US) / queueUs));
    this.#futile = 0;
    this.#mode = "loss";
    this.#window = Math.max(this.#window, this.#undo);
  }

  #grow(packets: number): void {
    this.#window += Math.ceil(packets);
  }

  #cut(factor: number): void {
    this.#window = Math.max(WINDOW_MIN, Math.floor(this.#window * factor));
    this.#settling = true;
  }
}

/** The longest of the targets' queues. */
function queueOf(targets: readonly RoundView[]): number {
  let longest = 0;
  for (const { roundTripUs, baseUs } of targets) longest = Math.max(longest, roundTripUs - baseUs);
  return longest;
}
