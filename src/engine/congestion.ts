import type { Micros } from "../wire/brand.ts";
import { othersOf, type Standing } from "./capacity.ts";
import { Cubic } from "./cubic.ts";
import {
  AIM_STEP,
  ALONE_CUTS,
  BACKLOG,
  CHANCE_MARGIN,
  CHANCE_QUEUE_US,
  CHANCE_SHARE,
  CHANCE_STRAY,
  CHANCE_WINDOW,
  CUT_MOST,
  DELAY_GROWTH,
  DRAIN_TO,
  QUEUE_US,
  QUEUE_US_MAX,
  SHARE_OF_OTHERS,
  SHARE_TOLD,
  SHARE_US,
  SHARE_US_MAX,
  START_QUEUE_US,
  VARIATION_GAIN,
  VARIATIONS,
  VARIATIONS_ALONE,
  VARIATIONS_TOLD,
  WINDOW_DECREASE,
  WINDOW_DRAIN_MIN,
  WINDOW_FIRST,
  WINDOW_MIN,
  WINDOW_STEP,
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
  readonly now: Micros;
  /** Since the end of the round before. */
  readonly elapsedUs: number;
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
  /** Whether the present measurement may tell of more chance than is known. */
  #raises = true;

  get share(): number {
    return this.#share;
  }

  /** A round whose losses were no congestion. `raises`: the window is so small that they cannot be a queue that overflows a little. */
  learn(
    expected: number,
    lost: number,
    options: { readonly atFloor: boolean; readonly raises: boolean },
  ): void {
    this.#expected += expected;
    this.#lost += Math.max(0, lost);
    // The first measurement is of rounds that lost one packet at most.
    this.#raises &&= options.raises || this.#samples.length === 0;
    // As long as chance is taken for congestion the window is small: this must not last.
    const soon = options.atFloor || this.#samples.length === 0;
    if (this.#expected < (soon ? CHANCE_PACKETS / 8 : CHANCE_PACKETS)) return;
    if (this.#raises || this.#isFarBelow()) {
      this.#samples.push(this.#lost / this.#expected);
      if (this.#samples.length > CHANCE_SAMPLES) this.#samples.shift();
      this.#share = Math.min(...this.#samples);
    }
    this.#expected = 0;
    this.#lost = 0;
    this.#raises = true;
  }

  #isFarBelow(): boolean {
    const usual = this.#expected * this.#share;
    return this.#lost < usual - CHANCE_MARGIN * Math.sqrt(usual);
  }
}

/**
 * How many packets may be under way: adapted once a round trip, to what the slowest target saw (the one that PGMCC calls the acker). It finds the
 * speed as in RFC 9406 (HyStart++: doubling ends when the round trip rises), then keeps a queue of a few milliseconds, and of more where the hosts' threads wake
 * late, most of all while its cuts show nobody else in it; but always a few bursts of its own, like TCP Vegas and the small queues of Linux' TCP: a stream
 * beside it that may not have more under way gets its part.
 *
 * Controls that look at delay yield to those that fill the queue (Copa, Arun and Balakrishnan, NSDI 2018, §2.2). When cuts do not shorten it enough, what they did
 * bring tells how much of it is others': the push then takes as much as they have, and behaves as one stream with CUBIC does (RFC 9438), for a while.
 *
 * Loss is chance, or a queue that overflows. It costs cuts at first; what stays all the same is learnt, and counts no more.
 */
export class Congestion {
  #window = WINDOW_FIRST;
  #mode: CongestionMode = "start";
  readonly #cubic = new Cubic();
  /** The first round's round trip, with what others had in the queue. */
  #firstUs = 0;
  /** Before the first of the cuts that are to shorten the queue, as long as they have not. */
  #cutFrom: Standing | undefined;
  /** Among others that fill the queue: the window to reach, from what; until when, and for how long the next time. */
  #aim = 0;
  #aimFrom: Standing | undefined;
  #aimRounds = 0;
  #sharesUntil = 0;
  #shareUs = SHARE_US;
  /** The last round's queue, and by how much it differs from round to round, as RFC 6298 has it for round trips. */
  #queueUs = 0;
  #variationUs = 0;
  /** What is wanted where nothing is lost by chance. */
  #calmUs = QUEUE_US;
  /** Cuts in a row that have shown nobody else in the queue. */
  #alone = 0;
  /** What the last round saw still answers to the window before the last cut. */
  #settling = false;

  get window(): number {
    return Math.floor(this.#window);
  }

  get mode(): CongestionMode {
    return this.#mode;
  }

  onRound(round: Round): void {
    const { queueUs, roundTripUs } = slowestOf(round.targets);
    // Who paces the flow changes: a newcomer's own share is not known yet.
    let usual = 0;
    for (const { chance } of round.targets) usual = Math.max(usual, chance.share);
    const exceeded = round.targets.some(({ expected, received }) =>
      isExceeded(usual, expected, expected - received),
    );
    const atFloor = this.#window === WINDOW_MIN;
    const settling = this.#settling;
    this.#settling = false;
    if (exceeded && !settling) this.#lose(round.now);
    else if (!exceeded && !settling)
      this.#adapt({ window: this.#window, queueUs, roundTripUs: Math.max(1, roundTripUs) }, round, usual);
    // What the smallest window loses is nobody's congestion.
    if (!exceeded || atFloor) this.#learn(round.targets, { atFloor, queueUs });
    if (exceeded && atFloor) this.#cubic.forget();
    this.#window = Math.max(WINDOW_MIN, Math.min(this.#window, round.cap));
  }

  #learn(
    targets: readonly RoundView[],
    { atFloor, queueUs }: { readonly atFloor: boolean; readonly queueUs: number },
  ): void {
    const low =
      this.#window <= CHANCE_WINDOW * this.#cubic.lossAt && queueUs < Math.min(QUEUE_US_MAX, this.#calmUs);
    const raises = atFloor || low;
    for (const { expected, received, chance } of targets) {
      const before = chance.share;
      chance.learn(expected, expected - received, { atFloor, raises });
      // What was taken for congestion was none.
      if (chance.share > before) this.#cubic.forget();
    }
  }

  #lose(now: Micros): void {
    const before = this.#window;
    this.#alone = 0;
    this.#cut(WINDOW_DECREASE);
    this.#cubic.onLoss(before, this.#window, now);
    this.#cutFrom = undefined;
    this.#aim = 0;
    if (this.#mode === "start") this.#mode = "delay";
  }

  #adapt(seen: Standing, { limited, now, elapsedUs }: Round, usual: number): void {
    const { queueUs, roundTripUs } = seen;
    if (this.#mode === "start") {
      if (this.#firstUs === 0) this.#firstUs = roundTripUs;
      const rises = roundTripUs - this.#firstUs >= START_QUEUE_US;
      // Others that leave the queue may hide what this push brings.
      const ends = rises || (queueUs >= QUEUE_US_MAX && this.#window > 2 * BACKLOG);
      if (!ends) return limited ? this.#grow(this.#window) : undefined;
      this.#mode = "delay";
      // The last doubling has not been seen yet.
      this.#settling = true;
      return;
    }
    const most = this.#want(seen, elapsedUs, usual);
    const cubic = this.#cubic.growth(this.#window, { roundTripUs, now });
    if (this.#mode === "loss") {
      const filled = queueUs >= most / 2 && now < this.#sharesUntil;
      if (filled) return limited ? this.#share(seen, cubic, now) : undefined;
      this.#mode = "delay";
    }
    const own = (this.#window * queueUs) / roundTripUs;
    if (queueUs >= most && (own >= BACKLOG || this.#cutFrom !== undefined))
      return this.#shorten(most, seen, now);
    if (this.#cutFrom !== undefined) this.#judge(this.#cutFrom, seen);
    this.#cutFrom = undefined;
    if (queueUs < most) this.#shareUs = SHARE_US;
    if (!limited) return;
    // Near the queue wanted growth is the same for all, so that with each cut pushes that share a link become more alike.
    const free = Math.max(0, 1 - (2 * queueUs) / most);
    const step = WINDOW_STEP + this.#window * DELAY_GROWTH * free;
    // With hardly a queue nobody else has less for it: up to the last loss a binary search (as in BIC, CUBIC's forerunner), beyond it as before.
    const left = this.#cubic.lossAt - this.#window;
    const search = left > 0 ? left / 2 : step;
    this.#grow(Math.min(step, free < 0.5 ? cubic : Math.max(cubic, search)));
  }

  /** The queue that is wanted: no longer than it must be not to run dry when threads wake late or the answer to a poll is lost, which shows in round trips that differ. */
  #want({ queueUs, roundTripUs }: Standing, elapsedUs: number, usual: number): number {
    const waitedUs = Math.max(queueUs, elapsedUs - roundTripUs);
    if (this.#queueUs > 0)
      this.#variationUs += (Math.abs(waitedUs - this.#queueUs) - this.#variationUs) * VARIATION_GAIN;
    this.#queueUs = queueUs;
    const variations = this.#alone >= ALONE_CUTS ? VARIATIONS_ALONE : VARIATIONS;
    this.#calmUs = QUEUE_US + variations * this.#variationUs;
    return Math.min(QUEUE_US_MAX, this.#calmUs + CHANCE_QUEUE_US * usual);
  }

  /** Whether cuts have shortened the queue by as much as they must if all of it was the push's own. */
  #judge(before: Standing, after: Standing): void {
    if (after.window >= before.window) return;
    const baseUs = after.roundTripUs - after.queueUs;
    const ownUs = Math.max(baseUs, (before.roundTripUs * after.window) / before.window);
    const othersUs = after.roundTripUs - ownUs;
    this.#alone =
      othersUs > Math.max(SHARE_TOLD * after.roundTripUs, VARIATIONS_TOLD * this.#variationUs)
        ? 0
        : this.#alone + 1;
  }

  /** The queue is too long: what makes it as long as it may be. When that does not help, the queue is others' as well. */
  #shorten(most: number, seen: Standing, now: Micros): void {
    this.#cutFrom ??= seen;
    const from = this.#cutFrom;
    const others = othersOf(from, seen);
    const tells = seen.window <= Math.max(WINDOW_MIN, from.window * CUT_MOST);
    if (!tells || others < seen.window) {
      if (tells) this.#cutFrom = seen;
      return this.#cut(Math.max(WINDOW_DRAIN_MIN, (DRAIN_TO * most) / seen.queueUs));
    }
    this.#cutFrom = undefined;
    this.#alone = 0;
    this.#mode = "loss";
    this.#sharesUntil = now + this.#shareUs;
    this.#shareUs = Math.min(SHARE_US_MAX, 2 * this.#shareUs);
    this.#aim = SHARE_OF_OTHERS * others;
    this.#aimFrom = seen;
    this.#aimRounds = 0;
    this.#cubic.begin(this.#window, now);
  }

  /** Takes its part, as far as the queue's growth does not contradict; then behaves as one stream with CUBIC. */
  #share(seen: Standing, cubic: number, now: Micros): void {
    // What was lost by chance leaves CUBIC without a measure.
    const step = WINDOW_STEP + this.#window * DELAY_GROWTH;
    if (this.#window >= this.#aim || this.#aimFrom === undefined) return this.#grow(Math.min(step, cubic));
    // Every other round has seen the last step.
    if (this.#aimRounds++ % 2 === 1) return;
    if (seen.window > this.#aimFrom.window)
      this.#aim = Math.min(this.#aim, SHARE_OF_OTHERS * othersOf(seen, this.#aimFrom));
    this.#grow(Math.max(0, Math.min(this.#window * AIM_STEP, this.#aim - this.#window)));
    this.#cubic.begin(this.#window, now);
  }

  #grow(packets: number): void {
    this.#window += packets;
  }

  #cut(factor: number): void {
    this.#window = Math.max(WINDOW_MIN, Math.floor(this.#window * factor));
    this.#settling = true;
    // The next round's queue differs by this.
    this.#queueUs = 0;
  }
}

/** Whether so many losses are more than chance explains: some standard deviations, and a few packets. */
function isExceeded(share: number, expected: number, lost: number): boolean {
  const usual = expected * share;
  return lost > usual * CHANCE_SHARE + CHANCE_MARGIN * Math.sqrt(usual) + (share > 0 ? CHANCE_STRAY : 1);
}

/** The view of the target with the longest queue. */
function slowestOf(targets: readonly RoundView[]): Omit<Standing, "window"> {
  let slowest = { queueUs: 0, roundTripUs: 0 };
  for (const { roundTripUs, baseUs } of targets) {
    const queueUs = roundTripUs - baseUs;
    if (queueUs >= slowest.queueUs) slowest = { queueUs, roundTripUs };
  }
  return slowest;
}
