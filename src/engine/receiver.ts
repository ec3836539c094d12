import { assert, type Micros, type Slot } from "../wire/brand.ts";
import { FailStep } from "../wire/constants.ts";
import type { DiskFailure, PushKey, StageReply } from "../wire/disk-port.ts";
import type { Offer, Sync } from "../wire/messages.ts";
import { type Core, randomBelow } from "./core.ts";
import { FeedbackTurn } from "./feedback-turn.ts";
import type { Gap } from "./gap-detector.ts";
import { NakReporter } from "./nak-reporter.ts";
import { blockName, wireText } from "./names.ts";
import { OwnerPulse } from "./owner-pulse.ts";
import type { Address } from "./ports.ts";
import { phaseOf, type ReceiverState } from "./receiver-state.ts";
import { failRecord, removalRecords } from "./report-records.ts";
import { ReportStream } from "./report-stream.ts";
import { RxWindow } from "./rx-window.ts";
import { StatusReporter } from "./status-reporter.ts";
import {
  BROKEN_MAX,
  LEFT_NEAR,
  QUERY_FOR_US,
  QUERY_REPEAT_US,
  QUERY_SPREAD_US,
  REMEMBER_US,
  REPORT_BACKLOG_MAX,
} from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;

/** What a receiver needs from the node to take part in one push. */
export type ReceiverGrant = { readonly context: number; readonly slots: readonly Slot[] };

/** One push, seen by one of its receivers. */
export class Receiver {
  readonly key: PushKey;
  readonly context: number;
  readonly #core: Core;
  readonly #reports: ReportStream;
  readonly #window: RxWindow;
  readonly #naks: NakReporter;
  #state: ReceiverState = { kind: "opening" };
  /** Blocks that the stage has; and whether others may follow before it has answered. */
  #atStage = 0;
  #mayFollow = true;
  readonly #dryRun: boolean;
  /** All has been compared, and nothing will be changed. */
  #compared = false;
  #switched = false;
  #overtaken = false;
  /** Times that the block at the front came with a wrong digest. */
  #broken = 0;
  readonly owner: OwnerPulse;
  readonly #status: StatusReporter;
  /** Blocks used. */
  blocks = 0;

  constructor(
    core: Core,
    key: PushKey,
    options: { offer: Offer; from: Address; grant: ReceiverGrant; now: Micros },
  ) {
    const { offer, from, now } = options;
    const { context, slots } = options.grant;
    this.#core = core;
    this.key = key;
    this.context = context;
    this.#dryRun = offer.dryRun;
    this.owner = new OwnerPulse(now);
    const { symbolSize, blockSymbols } = offer;
    const [place, named] = [offer.ids.indexOf(core.config.node), offer.ids.length];
    const turn = new FeedbackTurn({ targets: offer.targets, place, named, random: core.random, now });
    this.#status = new StatusReporter(core, key, { offer, turn, now });
    const owner = { node: key.owner, push: key.push, address: from };
    this.#reports = new ReportStream(core, owner, { packetBytes: symbolSize, turn });
    this.#window = new RxWindow(core.memory.rx, context, { ...key, symbolSize, blockSymbols, slots });
    this.#naks = new NakReporter(core, key, { window: this.#window, context, offer, turn });
    const capacity = symbolSize * blockSymbols - 16;
    core.out.stage({ kind: "open", key, dryRun: offer.dryRun, check: offer.check, capacity });
  }

  get state(): ReceiverState["kind"] {
    return this.#state.kind;
  }

  /** Whether this member has switched its tree for this push. */
  get switched(): boolean {
    return this.#switched;
  }

  /** Whether this member knows that the push was committed (PROTOCOL §8.4), be its own renames done or not. */
  get decided(): boolean {
    return this.#switched || this.#state.kind === "committing";
  }

  get slots(): readonly Slot[] {
    return this.#window.slots;
  }

  /** Whether the owner waits for this receiver: as long as content flows that others answer for, and its end is not near, it does not. */
  get awaited(): boolean {
    return this.#state.kind !== "receiving" || this.#status.answers || this.#window.left < LEFT_NEAR;
  }

  /** Whether the owner has acknowledged all that there will be to tell: only its END is missing. */
  get told(): boolean {
    const { kind } = this.#state;
    const over = kind === "done" || kind === "failed" || (kind === "receiving" && this.#compared);
    return over && this.#reports.length === 0;
  }

  /** Any packet of the owner: it lives, and this is where. */
  touch(from: Address | undefined, now: Micros): void {
    this.owner.heard(now);
    if (from !== undefined) this.#reports.address = from;
    if (this.#state.kind === "asking") this.#state = { kind: "prepared" };
  }

  onReportAck(next: number, now: Micros): void {
    this.#reports.onAck(next, now);
    if (this.#state.kind === "receiving") this.#feed();
  }

  /** Another push has switched this tree since; whether this one came before or after it, only its owner can say. */
  overtake(): void {
    this.#overtaken ||= this.#state.kind === "prepared" || this.#state.kind === "asking";
  }

  /** Another receiver knows that the push was committed. */
  onVouch(): void {
    if (this.#state.kind === "asking" && !this.#overtaken) this.onCommit();
  }

  onSync(sync: Sync, now: Micros): void {
    // The owner no longer holds what we need: it goes on without us.
    if (sync.low > this.#window.next) return this.close();
    this.#naks.roundTripUs = sync.roundTripUs;
    const any = sync.edgeBlock > 0 || sync.edgeSymbol > 0;
    this.#window.onSync({ block: sync.edgeBlock, symbol: sync.edgeSymbol, sequence: sync.sequence, any });
    this.#naks.scan(now);
    this.#status.setDelegates(sync.ids);
    if (sync.poll) this.#status.missed(now);
  }

  /** Another receiver's NAK for this push. */
  onHeard(gaps: readonly Gap[], now: Micros): void {
    this.#naks.onHeard(gaps, now);
  }

  /** The packet handler may have changed the receive table. */
  onReceived(now: Micros): void {
    const { polled, touched } = this.#window.takeSigns();
    if (!touched) return;
    this.touch(undefined, now);
    if (this.#state.kind === "receiving") this.#feed();
    this.#naks.scan(now);
    if (polled) this.#status.polled(now);
    else this.#status.soon();
  }

  onCommit(): void {
    if (this.#state.kind === "prepared" || this.#state.kind === "asking") {
      this.#state = { kind: "committing" };
      this.#core.treeChanges++;
      this.#core.out.stage({ kind: "commit", key: this.key });
      this.#status.soon();
    }
  }

  /** The push is over for us: what is staged is removed. A commit under way is finished first. */
  close(): void {
    const { kind } = this.#state;
    if (kind === "closing" || kind === "closed" || kind === "committing") return;
    this.#state = { kind: "closing" };
    this.#window.close();
    this.#core.out.stage({ kind: "abort", key: this.key });
  }

  onStage(reply: StageReply, now: Micros): void {
    if (reply.kind === "closed") {
      this.#window.close();
      this.#state = { kind: "closed" };
      return;
    }
    if (this.#state.kind === "closing" || this.#state.kind === "closed") return;
    switch (reply.kind) {
      case "opened":
        return this.#opened(now);
      case "refused":
        this.#reports.add({ kind: "refuse", reason: reply.reason, text: wireText(reply.text) }, now);
        this.#state = { kind: "failed" };
        return;
      case "used":
        return this.#used(reply, now);
      case "prepared":
        this.#state = { kind: "prepared" };
        this.#reports.add({ kind: "prepared" }, now);
        return;
      case "committed":
        return this.#finish(undefined, now);
      case "failed":
        if (this.#state.kind === "committing") return this.#finish(reply.failure, now);
        // What failed with a block cannot be prepared either.
        if (this.#state.kind === "failed") return;
        return this.#fail(reply.failure, now);
    }
  }

  onTimeout(now: Micros): void {
    this.#patience(now);
    // Each uses the turn before the next one looks at it. NAKs go before STATUS, but not time after time.
    this.#reports.onTimeout(now);
    if (this.#status.isOverdue(now)) this.#tell(now);
    if (this.#state.kind === "receiving") this.#naks.onTimeout(this.#reports.address, now);
    this.#tell(now);
  }

  #tell(now: Micros): void {
    const state = phaseOf(this.#state.kind);
    if (state === undefined || now < this.#status.deadline) return;
    this.#status.send(this.#window, { state, address: this.#reports.address, now });
  }

  deadline(): Micros {
    if (this.#state.kind === "closing" || this.#state.kind === "closed") return NEVER;
    const patience =
      this.#state.kind === "asking"
        ? Math.min(this.#state.next, this.#state.until)
        : this.#state.kind === "done"
          ? this.#state.until
          : this.#state.kind === "committing"
            ? NEVER
            : this.owner.diesAt;
    const status = phaseOf(this.#state.kind) === undefined ? NEVER : this.#status.deadline;
    const naks = this.#state.kind === "receiving" ? this.#naks.deadline() : NEVER;
    return Math.min(this.#reports.deadline(), naks, status, patience) as Micros;
  }

  #opened(now: Micros): void {
    this.#state = { kind: "receiving" };
    const { receiveBuffer } = this.#core.config;
    this.#reports.add({ kind: "accept", receiveBuffer, window: this.#window.slots.length }, now);
    this.#status.soon();
    this.#feed();
  }

  /** Hands the next whole blocks to the stage, several at a time: each message wakes a thread, and so does each answer. */
  #feed(): void {
    const { ahead } = this.#window;
    while (this.#atStage < ahead && this.#mayFollow) {
      // What the stage has may each have an answer that is to be told.
      if (this.#reports.length + this.#atStage >= REPORT_BACKLOG_MAX) return;
      const arrived = this.#window.arrived();
      if (arrived === undefined) return;
      this.#mayFollow = !arrived.final;
      this.#atStage++;
      this.#window.hand();
      this.#core.out.stage({ kind: "block", key: this.key, ...arrived });
      if (arrived.final) this.#core.out.stage({ kind: "prepare", key: this.key });
    }
  }

  #used(reply: StageReply & { kind: "used" }, now: Micros): void {
    assert(this.#atStage > 0, "used without a block");
    this.#atStage--;
    if (this.#atStage === 0) this.#mayFollow = true;
    // What followed a block that failed the push, or was broken, comes back as it is.
    if (this.#state.kind !== "receiving") return;
    if (reply.skipped === true) return this.#feed();
    if (!reply.good) {
      this.#mayFollow = this.#atStage === 0;
      this.#core.counters.add("blocks broken");
      if (++this.#broken >= BROKEN_MAX)
        return this.#fail({ errno: 0, step: FailStep.digest, entry: undefined }, now);
      this.#window.again(reply.block);
      this.#naks.scan(now);
      return;
    }
    const arrived = this.#window.first();
    assert(arrived !== undefined && arrived.block === reply.block, "used block is the next one");
    this.#broken = 0;
    this.#compared = this.#dryRun && arrived.lastOfKind;
    this.blocks++;
    this.#core.counters.add(`received blocks ${blockName(arrived.blockKind)}`);
    this.#window.done();
    if (reply.wanted !== undefined) this.#window.setWanted(reply.wanted);
    if (reply.need !== undefined && reply.need.entries > 0)
      this.#reports.add({ kind: "need", ...reply.need }, now);
    if (reply.removals !== undefined)
      this.#reports.addAll(removalRecords(reply.removals, this.#reports.recordBytesMax), now);
    if (reply.failure !== undefined) return this.#fail(reply.failure, now);
    this.#naks.scan(now);
    this.#status.onUsed(this.#window, now);
    if (arrived.final) this.#state = { kind: "preparing" };
    else this.#feed();
  }

  #fail(failure: DiskFailure, now: Micros): void {
    this.#state = { kind: "failed" };
    this.#reports.add(failRecord(failure), now);
  }

  #finish(failure: DiskFailure | undefined, now: Micros): void {
    if (failure !== undefined) this.#reports.add(failRecord(failure), now);
    this.#switched = failure === undefined;
    this.#core.treeChanges++;
    this.#reports.add({ kind: "outcome", committed: this.#switched }, now);
    // A tree that is partly switched vouches for nothing, but stays to tell its owner.
    this.#state =
      failure === undefined ? { kind: "done", until: (now + REMEMBER_US) as Micros } : { kind: "failed" };
    this.#status.soon();
  }

  #patience(now: Micros): void {
    const state = this.#state;
    if (state.kind === "closing" || state.kind === "closed" || state.kind === "committing") return;
    if (state.kind === "done") {
      if (now >= state.until) this.close();
    } else if (state.kind === "asking") {
      if (now >= state.until) return this.close();
      if (now < state.next) return;
      this.#core.out.send(this.key.push, { type: "query", owner: this.key.owner });
      this.#state = { ...state, next: (now + QUERY_REPEAT_US) as Micros };
    } else if (now >= this.owner.diesAt) {
      this.#core.counters.add("owners lost");
      if (state.kind !== "prepared") return this.close();
      // Not all prepared receivers at once: one answer serves all.
      const next = (now + randomBelow(this.#core.random, QUERY_SPREAD_US)) as Micros;
      this.#state = { kind: "asking", until: (now + QUERY_FOR_US) as Micros, next };
    }
  }

  /** The owner is known to be dead. */
  ownerGone(now: Micros): void {
    if (this.#state.kind === "prepared") {
      this.owner.died(now);
      this.#patience(now);
    } else if (this.#state.kind !== "asking" && this.#state.kind !== "done") {
      this.close();
    }
  }
}
