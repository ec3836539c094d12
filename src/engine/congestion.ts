import {
  CHANCE_MARGIN,
  CHANCE_SHARE,
  DELAY_GROWTH,
  DRAIN_TO,
  FUTILE_CUTS,
  FUTILE_SHARE,
  QUEUE_US,
  START_QUEUE_US,
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

/** Packets of one measurement of chance loss, and how many of them count. */
const CHANCE_PACKETS = 1_024;
const CHANCE_SAMPLES = 4;

/**
 * Share of the packets that one target loses by chance, not because the window is too large: the least of some measurements, as chance is always there,
 * and a queue that overflows only until the window has been cut.
 */
export class LossEstimate {
  readonly #samples: number[] = [];
  #expected = 0;
  #lost = 0;
  #share = 0;

  get share(): number {
    return this.#share;
  }

  /** A round whose losses were no congestion. */
  learn(expected: number, lost: number, options: { readonly atFloor: boolean }): void {
    this.#expected += expected;
    this.#lost += Math.max(0, lost);
    // As long as chance is taken for congestion the window is small: this must not last.
    const soon = options.atFloor || this.#samples.length === 0;
    if (this.#expected < (soon ? CHANCE_PACKETS / 8 : CHANCE_PACKETS)) return;
    this.#samples.push(this.#lost / this.#expected);
    if (this.#samples.length > CHANCE_SAMPLES) this.#samples.shift();
    this.#share = Math.min(...this.#samples);
    this.#expected = 0;
    this.#lost = 0;
  }
}

/**
 * How many packets may be under way: adapted once a round trip, to what the slowest target saw (the one that PGMCC calls the acker). It finds the
 * speed as in RFC 9406 (HyStart++: doubling ends when the round trip rises), then keeps some milliseconds of queue: enough for hosts whose threads wake late,
 * and little for everybody else. As in Copa (Arun and Balakrishnan, NSDI 2018, §2.2) it falls back to losses alone where others fill the queue
 * whatever it does, with the decrease of CUBIC (RFC 9438 §4.6) and a steady increase: a push lasts for seconds, in which CUBIC's own curve would hardly rise.
 *
 * Loss is chance, or a queue that overflows. It costs cuts at first; what stays all the same is learnt, and counts no more. What does
 * not stay was such a queue: near the window at which it lost something, growth is a binary search (as in BIC, CUBIC's forerunner).
 */
export class Congestion {
  #window = WINDOW_FIRST;
  #mode: CongestionMode = "start";
  /** Cuts in a row that left the queue as it was, the queue at the last one, and the window before them. */
  #futile = 0;
  #drained = Number.POSITIVE_INFINITY;
  #undo = WINDOW_FIRST;
  /** The window at which packets were lost last. */
  #ceiling = Number.POSITIVE_INFINITY;
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
    // Who paces the flow changes: a newcomer's own share is not known yet.
    let usual = 0;
    for (const { chance } of round.targets) usual = Math.max(usual, chance.share);
    const exceeded = round.targets.some(({ expected, received }) =>
      isExceeded(usual, expected, expected - received),
    );
    const atFloor = this.#window === WINDOW_MIN;
    const settling = this.#settling;
    this.#settling = false;
    if (!settling || !exceeded) this.#adapt({ queueUs, exceeded, limited: round.limited, settling });
    // What the smallest window loses is nobody's congestion.
    if (!exceeded || atFloor)
      for (const { expected, received, chance } of round.targets)
        chance.learn(expected, expected - received, { atFloor });
    this.#window = Math.max(WINDOW_MIN, Math.min(this.#window, round.cap));
  }

  #adapt(seen: { queueUs: number; exceeded: boolean; limited: boolean; settling: boolean }): void {
    const { queueUs, exceeded, limited, settling } = seen;
    if (exceeded) {
      if (this.#mode === "start") this.#mode = "delay";
      this.#ceiling = this.#window;
      return this.#cut(WINDOW_DECREASE);
    }
    if (this.#mode === "start") {
      if (queueUs < START_QUEUE_US) return limited ? this.#grow(this.#window) : undefined;
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
    if (limited) this.#grow(this.#belowCeiling(WINDOW_STEP + this.#window * DELAY_GROWTH * free));
  }

  /** The queue is too long: what makes it as long as it may be. If that helps nothing, others fill it. */
  #drain(queueUs: number): void {
    const helps = queueUs < FUTILE_SHARE * this.#drained;
    this.#drained = queueUs;
    if (helps) this.#undo = this.#window;
    this.#futile = helps ? 0 : this.#futile + 1;
    if (this.#futile < FUTILE_CUTS)
      return this.#cut(Math.max(WINDOW_DRAIN_MIN, (DRAIN_TO * QUEUE_US) / queueUs));
    this.#futile = 0;
    this.#mode = "loss";
    this.#window = Math.max(this.#window, this.#undo);
  }

  /** How far to grow where more might be lost again: half of the way, then a little. */
  #belowCeiling(packets: number): number {
    if (this.#window >= this.#ceiling) this.#ceiling = Number.POSITIVE_INFINITY;
    return Math.min(packets, Math.max(WINDOW_STEP_SHARED, (this.#ceiling - this.#window) / 2));
  }

  #grow(packets: number): void {
    this.#window += Math.ceil(packets);
  }

  #cut(factor: number): void {
    this.#window = Math.max(WINDOW_MIN, Math.floor(this.#window * factor));
    this.#settling = true;
  }
}

/** Whether so many losses are more than chance explains: some standard deviations, and one packet. */
function isExceeded(share: number, expected: number, lost: number): boolean {
  const usual = expected * share;
  return lost > usual * CHANCE_SHARE + CHANCE_MARGIN * Math.sqrt(usual) + 1;
}

/** The longest of the targets' queues. */
function queueOf(targets: readonly RoundView[]): number {
  let longest = 0;
  for (const { roundTripUs, baseUs } of targets) longest = Math.max(longest, roundTripUs - baseUs);
  return longest;
}
