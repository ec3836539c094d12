import { Pace } from "./pace.ts";

/**
 * Whether contents are compressed, and at which level: a rule without a clock and without a compressor. Time is in microseconds.
 *
 * Two questions have two answers. *Does this content shrink?* Blocks are tried; after one that does not, some are sent as they are, more each time.
 * *Is the push faster for it?* While blocks wait for the wire, fewer bytes are; else this thread, or the receivers, may be what holds the push up, and
 * compressing makes that worse. Then it is tried without, and the other way round, and the faster way is gone on with.
 */
export class CompressionPolicy {
  readonly #slots = new Map<number, Filling>();
  readonly #sampler = new Sampler();
  readonly #ladder: Ladder;
  /** Whether blocks are compressed at present, and how fast they go. */
  #on = true;
  #pace = new Pace();
  /** How fast they went the other way, while it is being tried whether this one is better. */
  #before: Pace | undefined;
  /** How fast they went the other way when it was last found worse, until that has been looked at again. */
  #rejected: Pace | undefined;
  /** Blocks until the other way may be tried, and what this will be next time. */
  #untilTrial = 0;
  #gap = GAP_MIN;
  #last: Asked | undefined;
  #sinceNewSlot = 0;
  #filling: Filling | undefined;

  /** `levelMax`: 1 to 19; 0: nothing is ever compressed. */
  constructor(levelMax: number) {
    this.#ladder = new Ladder(levelMax);
  }

  /** The level to try the block at that has been asked for; 0: it goes as it is. `made` follows. */
  level(asked: Asked): number {
    if (this.#ladder.level === 0) return 0;
    this.#onDelivered(asked);
    this.#last = asked;
    this.#untilTrial--;
    if (this.#before !== undefined) this.#judge(this.#before);
    else this.#review();
    if (this.#before === undefined && this.#mayTry()) this.#turn(this.#pace);
    this.#filling = { slot: asked.slot, on: this.#on, bytes: 0 };
    if (!this.#on) return this.#pace.wireBound && this.#sampler.samples() ? 1 : 0;
    const level = this.#ladder.next(this.#pace);
    return this.#sampler.tries() ? level : 0;
  }

  /** What came of the block that `level` was asked for. */
  made(made: Made): void {
    const filling = this.#filling;
    if (filling === undefined) return;
    this.#slots.set(filling.slot, { ...filling, bytes: made.raw });
    if (made.compressUs > 0) this.#sampler.onTried(made);
  }

  /** What was in the slot before has reached everybody, so long after the block before it. */
  #onDelivered({ slot, atUs, busyUs, waiting }: Asked): void {
    const filled = this.#slots.get(slot);
    // While more and more slots are taken, blocks are made faster than they are delivered: that does not last, and is no pace.
    this.#sinceNewSlot = filled === undefined ? 0 : this.#sinceNewSlot + 1;
    if (filled === undefined || this.#last === undefined || this.#sinceNewSlot < STEADY_BLOCKS) return;
    if (filled.on !== this.#on) return;
    const tookUs = atUs - this.#last.atUs;
    this.#pace.add({ bytes: filled.bytes, tookUs, busyUs: busyUs - this.#last.busyUs, waiting });
  }

  #mayTry(): boolean {
    const { blocks, wireBound, usPerByte } = this.#pace;
    if (this.#untilTrial > 0 || blocks < BLOCKS_MIN) return false;
    return this.#on ? !wireBound : wireBound && this.#sampler.couldGain(usPerByte);
  }

  /** Changes over to the other way. */
  #turn(before: Pace | undefined): void {
    this.#on = !this.#on;
    this.#before = before;
    this.#pace = new Pace();
    this.#ladder.restart();
  }

  /** Compares this way with the one before, when enough is known of it, and goes back if it is not better. */
  #judge(before: Pace): void {
    const { blocks, usPerByte, usPerBlock } = this.#pace;
    const slowness = usPerByte / before.usPerByte;
    const enough = Math.min(TRIAL_BLOCKS_MAX, Math.max(BLOCKS_MIN, TRIAL_US / usPerBlock));
    if (blocks < BLOCKS_MIN || (blocks < enough && slowness < CLEAR)) return;
    const good = this.#on ? slowness <= 1 / START_GAIN : slowness < STAY_GAIN;
    this.#before = undefined;
    this.#gap = good ? GAP_MIN : slowness >= CLEAR ? GAP_MAX : Math.min(GAP_MAX, this.#gap * 2);
    this.#untilTrial = this.#gap;
    this.#rejected = good ? undefined : this.#pace;
    if (!good) this.#turn(undefined);
  }

  /** A rejection stands on what went before it. If things were changing just then, what comes after it shows it. */
  #review(): void {
    if (this.#rejected === undefined || this.#pace.blocks < REVIEW_BLOCKS) return;
    const slowness = this.#rejected.usPerByte / this.#pace.usPerByte;
    this.#rejected = undefined;
    const good = this.#on ? slowness < STAY_GAIN : slowness <= 1 / START_GAIN;
    if (good) this.#untilTrial = Math.min(this.#untilTrial, GAP_MIN);
  }
}

/** What is known when a block is asked for. */
export type Asked = {
  /** Where it goes: what was there before has reached everybody. */
  readonly slot: number;
  /** When, and for how long this thread has worked in all, for other pushes, too. */
  readonly atUs: number;
  readonly busyUs: number;
  /** Whether blocks that were made before wait for the wire, and not for receivers. */
  readonly waiting: boolean;
};

/** A block, made. */
export type Made = {
  /** Bytes of contents, and of what is sent for them. */
  readonly raw: number;
  readonly sent: number;
  /** What trying to compress it took; 0: it was not tried. */
  readonly compressUs: number;
};

/** The block in a slot. */
type Filling = { readonly slot: number; readonly on: boolean; readonly bytes: number };

/** Compression goes on while it makes a push so many times as fast, and starts if it makes it so many times as fast: it is not free. */
const STAY_GAIN = 1.1;
const START_GAIN = 1.2;
/** A way that takes so many times as long is not looked at any longer, nor soon again. */
const CLEAR = 1.5;
/** A trial's length: long against what receivers report at once, short against the push. */
const TRIAL_US = 20_000;
const TRIAL_BLOCKS_MAX = 32;
/** Nothing is said of a pace before so many blocks. */
const BLOCKS_MIN = 4;
/** So many blocks after a new slot has been taken, and after a trial was given up, the pace is a steady one. */
const STEADY_BLOCKS = 6;
const REVIEW_BLOCKS = 16;
/** Blocks between two trials. */
const GAP_MIN = 16;
const GAP_MAX = 512;

/** A block has shrunk if less than this part of it is left: what is saved must outweigh what expanding costs the receivers. */
const SHRUNK = 0.93;
/** After a block that does not shrink, at most so many go untried. */
const SKIP_BLOCKS_MAX = 16;
/** Without compression, one block of so many is tried, to see what would come of it. */
const SAMPLE_GAP = 32;
/** Where even one that shrinks to nothing would not help. */
const SLOW_SAMPLE_GAP = 256;

/** Which blocks are worth trying. */
class Sampler {
  #skip = 0;
  #skipped = 0;
  #sinceSample = 0;
  /** Of the last block that was tried. */
  #ratio = 1;
  #usPerByte = Number.POSITIVE_INFINITY;
  /** Whether compressing takes too long, however well it does. */
  #tooSlow = false;

  /** Whether the next block is tried, while compression is on. */
  tries(): boolean {
    if (this.#skipped >= this.#skip) return true;
    this.#skipped++;
    return false;
  }

  /** Whether the next block is tried, while compression is off. */
  samples(): boolean {
    this.#sinceSample++;
    if (this.#sinceSample < (this.#tooSlow ? SLOW_SAMPLE_GAP : SAMPLE_GAP)) return false;
    this.#sinceSample = 0;
    return true;
  }

  onTried(made: Made): void {
    this.#ratio = made.raw / made.sent;
    const usPerByte = made.compressUs / made.raw;
    // A thread that was held up for once says nothing of what compressing takes.
    const before = Number.isFinite(this.#usPerByte) ? this.#usPerByte : usPerByte;
    this.#usPerByte = before + (Math.min(usPerByte, 2 * before) - before) / 4;
    this.#skipped = 0;
    this.#skip = isShrunk(made) ? 0 : Math.min(SKIP_BLOCKS_MAX, this.#skip * 2 + 1);
  }

  /** Whether compressing could make a push that takes so long for a byte enough faster to be tried. */
  couldGain(usPerByte: number): boolean {
    this.#tooSlow = usPerByte / this.#usPerByte < START_GAIN;
    return usPerByte / Math.max(this.#usPerByte, usPerByte / this.#ratio) >= START_GAIN;
  }
}

/** Whether the compressed form of a block is the one to send. */
export function isShrunk({ raw, sent }: Pick<Made, "raw" | "sent">): boolean {
  return sent < raw * SHRUNK;
}

/** Blocks between two looks at the level. */
const LADDER_BLOCKS = 8;
/** The thread may work so much of the time before a higher level is tried, and before a lower one is gone back to. */
const BUSY_SHARE_LOW = 0.4;
const BUSY_SHARE_HIGH = 0.8;
/** Blocks for which a level that was too high is not tried again, at first and at most. */
const HOLD_BLOCKS_MIN = 64;
const HOLD_BLOCKS_MAX = 1024;

/** The level, by how busy the thread is. */
class Ladder {
  readonly #levelMax: number;
  level: number;
  #sinceLook = 0;
  #hold = 0;
  #holdNext = HOLD_BLOCKS_MIN;

  constructor(levelMax: number) {
    this.#levelMax = levelMax;
    this.level = Math.min(1, levelMax);
  }

  /** Begins again at the bottom. */
  restart(): void {
    this.level = Math.min(1, this.#levelMax);
    this.#sinceLook = 0;
  }

  /** The level for the next block. */
  next({ blocks, busyShare, wireBound }: Pace): number {
    this.#hold--;
    if (blocks < LADDER_BLOCKS || ++this.#sinceLook < LADDER_BLOCKS) return this.level;
    this.#sinceLook = 0;
    if (this.level > 1 && (busyShare > BUSY_SHARE_HIGH || !wireBound)) {
      this.level--;
      this.#hold = this.#holdNext;
      this.#holdNext = Math.min(HOLD_BLOCKS_MAX, this.#holdNext * 2);
    } else if (this.level < this.#levelMax && busyShare < BUSY_SHARE_LOW && wireBound && this.#hold <= 0) {
      this.level++;
    }
    return this.level;
  }
}
