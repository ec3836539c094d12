import type { BlockIndex, Micros, NodeId, Slot } from "../wire/brand.ts";
import { DIGEST_BYTES, EndReason, FailStep } from "../wire/constants.ts";
import type { PushKey, SourceReply } from "../wire/disk-port.ts";
import type { Nak, Report, ReportRecord, SenderPhase, Status } from "../wire/messages.ts";
import { sendCommit, sendOffer } from "./announce.ts";
import { Answers, removesNames } from "./answers.ts";
import type { Core } from "./core.ts";
import { newTargetFlight } from "./flight.ts";
import { failText, ipText, keyText } from "./names.ts";
import { lossOf } from "./patience.ts";
import type { Address, EngineStatus, Outcome } from "./ports.ts";
import { Progress } from "./progress.ts";
import { PushEnd } from "./push-end.ts";
import { ReportAcks } from "./report-acks.ts";
import { SenderFlow } from "./sender-flow.ts";
import { OUT_OF_ORDER, type PushOrder, phaseOf, type SenderState } from "./sender-state.ts";
import { type Target, Targets } from "./target.ts";
import { COMMIT_REPEAT_US, COMMIT_REPEAT_US_MAX, OFFER_REPEAT_US, OFFER_REPEAT_US_MAX } from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;
/** How often silent targets are looked for. */
const PATIENCE_CHECK_US = 50_000;

/** One push, seen by its owner. */
export class Sender {
  readonly key: PushKey;
  readonly order: PushOrder;
  readonly #core: Core;
  readonly #targets: Targets;
  readonly #flow: SenderFlow;
  readonly #answers: Answers;
  readonly #progress: Progress;
  readonly #ending: PushEnd;
  readonly #acks: ReportAcks;
  #state: SenderState;
  readonly #openedAt: Micros;
  #patienceDue: Micros;

  constructor(
    core: Core,
    key: PushKey,
    options: { order: PushOrder; targets: readonly Target[]; slots: readonly Slot[]; now: Micros },
  ) {
    const { order, slots, now } = options;
    this.#core = core;
    this.key = key;
    this.order = order;
    this.#acks = new ReportAcks(core, key.push);
    this.#ending = new PushEnd(core, key, { request: order.request, acks: this.#acks });
    this.#targets = new Targets(options.targets);
    const { symbolSize, blockSymbols, selection, task, dryRun, names } = order;
    const capacity = symbolSize * blockSymbols - DIGEST_BYTES;
    this.#flow = new SenderFlow(core, key, { targets: this.#targets, slots, symbolSize, capacity, now });
    this.#answers = new Answers(core, key, order);
    this.#progress = new Progress(core, order, { targets: this.#targets, flow: this.#flow, now });
    this.#openedAt = now;
    this.#state = { kind: "offering", due: now, repeatUs: OFFER_REPEAT_US };
    this.#patienceDue = (now + PATIENCE_CHECK_US) as Micros;
    const hosts = options.targets.map((target) => target.name);
    const { request, readOnly } = order;
    core.out.event({ kind: "started", request, key, hosts, readOnly });
    this.#log(2, `begins, to ${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}`);
    core.out.source({ kind: "open", key, selection, task, dryRun, names, capacity });
    this.#flow.pump();
  }

  /** ending: END is repeated, the source closes; closed: the push can be forgotten. */
  get state(): SenderState["kind"] | "ending" | "closed" {
    if (this.#ending.over) return "closed";
    return this.#ending.begun ? "ending" : this.#state.kind;
  }

  get #phase(): SenderPhase {
    return phaseOf(this.#state.kind, {
      manifestRead: this.#answers.manifestRead,
      allRead: this.#flow.final,
    });
  }

  get slots(): readonly Slot[] {
    return this.#flow.slots;
  }

  status(): EngineStatus["sending"][number] {
    const hosts = this.#targets.all().filter(({ phase }) => phase !== "ended").length;
    const { blocks } = this.#flow;
    return { push: this.key.push, phase: this.#phase, hosts, blocks, ...this.#flow.status() };
  }

  /** Any packet of a target: it lives. */
  touch(node: NodeId, now: Micros): void {
    const target = this.#targets.get(node);
    if (target !== undefined) target.heard = now;
  }

  onReport(node: NodeId, report: Report, heard: { readonly from: Address; readonly now: Micros }): void {
    const { from, now } = heard;
    const target = this.#targets.get(node);
    if (target === undefined || this.#ending.begun) return this.#tellEnd(node, from);
    const before = target.reportNext;
    for (const [index, record] of report.records.entries()) {
      if (report.first + index !== target.reportNext) continue;
      target.reportNext++;
      target.progressAt = now;
      if (target.phase !== "ended") this.#record(target, record);
    }
    this.#acks.add(node, report, { from, before, next: target.reportNext, now });
    this.#advance(now);
  }

  onStatus(node: NodeId, status: Status, heard: { readonly from: Address; readonly now: Micros }): void {
    const target = this.#targets.get(node);
    if (target === undefined || this.#ending.begun) return this.#tellEnd(node, heard.from);
    // One that has switched stays until the end, to vouch for the push; any other that is out must know it.
    if (target.phase === "ended" && target.outcome?.kind !== "complete")
      return this.#tellEnd(node, heard.from);
    if (target.phase !== "live" && target.phase !== "prepared") return;
    if (this.#flow.onStatus(target, status, heard.now)) return this.#progress.onTime(this.#phase, heard.now);
    this.#end(target, { kind: "failed", text: "tells of blocks that do not exist" });
    this.#advance(heard.now);
  }

  onNak(node: NodeId, nak: Nak, now: Micros): void {
    const target = this.#targets.get(node);
    if (target?.phase !== "live" || this.#ending.begun) return;
    target.askedAt = now;
    this.#flow.onNak(target, nak, now);
  }

  /** A prepared receiver asks what has become of the push. */
  onQuery(node: NodeId, from: Address): void {
    const phase = this.#targets.get(node)?.phase;
    if (phase === undefined || phase === "ended" || this.#ending.begun) this.#tellEnd(node, from);
    else if (this.#state.kind === "committing")
      this.#core.out.send(this.key.push, { type: "commit", ids: [node] }, from);
  }

  onSource(reply: SourceReply, now: Micros): void {
    if (reply.kind === "closed") return this.#ending.onSourceClosed();
    if (this.#ending.begun) return;
    if (reply.kind === "failed") return this.reject(reply.message, now);
    if (!this.#answers.manifestRead) this.#answers.onSection(reply.entries, reply.lastOfKind);
    this.#flow.onBlock(reply);
    this.#advance(now);
  }

  /** The member is gone: no patience is needed. */
  onGone(node: NodeId, now: Micros): void {
    const target = this.#targets.get(node);
    if (target === undefined || target.phase === "ended" || this.#ending.begun) return;
    this.#end(target, { kind: "lost", text: "has left" });
    this.#advance(now);
  }

  /**
   * Another push begins, or has ended, to switch this node's tree. What it brings may be missing from a manifest that was read before, and would
   * be removed again where it arrives as well: a push that removes names is not gone on with.
   */
  treeChanged(now: Micros): void {
    if (!removesNames(this.order.task) || this.order.dryRun) return;
    this.reject("another host's push has changed this tree meanwhile: push again", now);
  }

  /** Stops the push unless the targets are switching already; nothing has changed anywhere then. */
  reject(text: string, now: Micros): void {
    if (this.#ending.begun || this.#state.kind === "committing") return;
    this.#ending.begin(EndReason.cancelled, { rejection: text, now });
  }

  onTimeout(now: Micros): void {
    if (!this.#ending.begun && now >= this.#patienceDue) this.#patience(now);
    this.#acks.onTimeout(now);
    if (this.#ending.begun) return this.#ending.onTimeout(now);
    const state = this.#state;
    if (state.kind === "offering" && now >= state.due) this.#offer(state, now);
    if (state.kind === "committing" && now >= state.due) this.#commit(state, now);
    this.#flow.onTimeout(this.#phase, now);
    this.#progress.onTime(this.#phase, now);
  }

  deadline(): Micros {
    const state = this.#state;
    const acks = this.#acks.deadline;
    if (this.#ending.begun) return Math.min(this.#ending.deadline(), acks) as Micros;
    const due = state.kind === "offering" || state.kind === "committing" ? state.due : NEVER;
    const flow = this.#flow.deadline(this.#sends);
    return Math.min(due, flow, acks, this.#patienceDue, this.#progress.deadline()) as Micros;
  }

  takeRows(
    rows: Uint32Array,
    at: number,
    options: { readonly rowsMax: number; readonly now: Micros },
  ): number {
    // Until all have answered, some would miss the beginning and ask for it again.
    return this.#sends ? this.#flow.takeRows(rows, at, options) : 0;
  }

  get #sends(): boolean {
    return !this.#ending.begun && (this.#state.kind === "manifest" || this.#state.kind === "content");
  }

  #record(target: Target, record: ReportRecord): void {
    switch (record.kind) {
      case "accept":
        target.flight = newTargetFlight(record.receiveBuffer);
        target.limit = record.window as BlockIndex;
        return this.#targets.setPhase(target, "live");
      case "refuse":
        return this.#end(target, { kind: "refused", text: record.text });
      case "need":
        if (!this.#answers.onNeed(target, record)) this.#end(target, OUT_OF_ORDER);
        return;
      case "removals":
        if (!this.#answers.onRemovals(target, record)) this.#end(target, OUT_OF_ORDER);
        return;
      case "fail":
        return this.#fail(target, record);
      case "prepared":
        if (!this.#flow.final || this.#state.kind !== "content") return this.#end(target, OUT_OF_ORDER);
        return this.#targets.setPhase(target, "prepared");
      case "outcome":
        if (this.#state.kind !== "committing") return this.#end(target, OUT_OF_ORDER);
        if (record.committed) return this.#end(target, { kind: "complete", updates: target.updates });
        return this.#end(target, { kind: "failed", text: target.failure ?? "could not switch" });
    }
  }

  #fail(target: Target, failure: ReportRecord & { readonly kind: "fail" }): void {
    const { errno, step, entry, path } = failure;
    const renames = step === FailStep.rename || step === FailStep.remove;
    const renaming = this.#state.kind === "committing" && renames;
    if (target.failure !== undefined) return this.#end(target, OUT_OF_ORDER);
    target.failure = failText(step, errno);
    const told = { errno, step, entry, path };
    this.#core.out.source({ kind: "explain", key: this.key, host: target.name, failure: told });
    // A failed rename is followed by the outcome; any other failure is the end of it.
    if (!renaming) this.#end(target, { kind: "failed", text: target.failure });
  }

  #log(level: number, what: string): void {
    this.#core.out.event({ kind: "log", level, text: `push ${keyText(this.key)} ${what}` });
  }

  #end(target: Target, outcome: Outcome): void {
    this.#targets.setPhase(target, "ended");
    target.outcome = outcome;
    const { name: host, address } = target;
    this.#core.counters.add(`targets ${outcome.kind}`);
    this.#core.out.event({ kind: "outcome", request: this.order.request, host, address, outcome });
    if (outcome.kind !== "complete") {
      this.#log(1, `has not reached ${ipText(address.ip)}(${host}): ${outcome.text}`);
      this.#tellEnd(target.node, address);
    }
    this.#flow.refresh();
  }

  /** Moves on when all live targets are where they must be. */
  #advance(now: Micros): void {
    if (this.#ending.begun) return;
    const offered =
      this.#state.kind === "offering" && this.#targets.all().some((target) => target.phase === "offered");
    if (this.#targets.liveCount === 0 && !offered)
      return this.#ending.begin(EndReason.done, { rejection: undefined, now });
    if (this.#state.kind === "offering" && !offered) this.#state = { kind: "manifest" };
    if (this.#state.kind === "manifest") {
      if (this.#targets.live.every((target) => this.#answers.isComplete(target))) this.#decide(now);
    } else if (
      this.#state.kind === "content" &&
      this.#targets.live.every((target) => target.phase === "prepared")
    ) {
      this.#progress.tell(this.#phase, now);
      this.#commit({ kind: "committing", due: now, repeatUs: COMMIT_REPEAT_US }, now);
    }
  }

  /** Whether nothing is to be changed anywhere. */
  get #onlyAsks(): boolean {
    return this.order.dryRun || this.order.task.mode === "check";
  }

  /** All answers are known: go on with content, or end here. */
  #decide(now: Micros): void {
    const { live } = this.#targets;
    // An empty manifest gets no answer that could have told it.
    for (const target of live) this.#answers.tell(target);
    const nothing = live.every(({ updates, removals }) => updates === 0 && (removals?.count ?? 0) === 0);
    if (this.#onlyAsks || nothing) {
      for (const target of live) this.#end(target, { kind: "complete", updates: target.updates });
      return this.#ending.begin(EndReason.done, { rejection: undefined, now });
    }
    for (let section = 0; section < this.#answers.sections; section++) {
      const content = this.#answers.union(section);
      this.#core.out.source({ kind: "union", key: this.key, section, content });
    }
    this.#state = { kind: "content" };
    this.#flow.resume();
  }

  #offer(state: SenderState & { readonly kind: "offering" }, now: Micros): void {
    sendOffer(this.#core, this.key, { order: this.order, targets: this.#targets });
    const repeatUs = Math.min(OFFER_REPEAT_US_MAX, state.repeatUs * 1.5);
    this.#state = { ...state, due: (now + state.repeatUs) as Micros, repeatUs };
  }

  #commit(state: SenderState & { readonly kind: "committing" }, now: Micros): void {
    sendCommit(this.#core, this.key, { order: this.order, targets: this.#targets });
    const repeatUs = Math.min(COMMIT_REPEAT_US_MAX, state.repeatUs * 1.5);
    this.#state = { ...state, due: (now + state.repeatUs) as Micros, repeatUs };
  }

  #patience(now: Micros): void {
    this.#patienceDue = (now + PATIENCE_CHECK_US) as Micros;
    const committing = this.#state.kind === "committing";
    const isBehind = (target: Target) => {
      const unanswered = this.#answers.manifestRead && !this.#answers.isComplete(target);
      return this.#flow.isBehind(target.next) || (unanswered && this.#flow.drained);
    };
    const hasAll = (next: number) => this.#flow.isAll(next);
    const { task } = this.order;
    const reading = this.#state.kind === "manifest" && (task.mode === "check" || removesNames(task));
    const view = { openedAt: this.#openedAt, committing, reading, hasAll, isBehind };
    for (const target of this.#targets.all()) {
      // Where nothing will be changed, who has answered all has done its part, and may have made room for another push.
      const done = target.phase === "ended" || (this.#onlyAsks && this.#answers.isComplete(target));
      const text = done ? undefined : lossOf(target, view, now);
      if (text !== undefined) this.#end(target, { kind: "lost", text });
    }
    this.#advance(now);
  }

  #tellEnd(node: NodeId, to: Address): void {
    this.#core.out.send(this.key.push, { type: "end", reason: this.#ending.reason, ids: [node] }, to);
  }
}
