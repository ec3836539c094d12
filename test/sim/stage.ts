import { BlockKind, FailStep, RefuseReason } from "../../src/wire/constants.ts";
import type { DiskFailure, PushKey, StageReply, StageRequest } from "../../src/wire/disk-port.ts";
import * as blocks from "./blocks.ts";
import { type DiskEnvironment, diskDelay } from "./disk.ts";
import { type Journal, keyText, type StageRecord } from "./journal.ts";
import { StageContents } from "./stage-contents.ts";
import { nameStream } from "./terms.ts";

type BlockRequest = Extract<StageRequest, { kind: "block" }>;

type Push = {
  readonly key: PushKey;
  readonly dryRun: boolean;
  readonly check: boolean;
  readonly record: StageRecord;
  readonly contents: StageContents;
  /** "failed" keeps what is staged until the abort. */
  state: "receiving" | "complete" | "prepared" | "committed" | "failed";
  /** Next block to be passed, among those that are wanted. */
  next: number;
  /** Blocks below it have been passed before, but for those left out. */
  passed: number;
  /** What the engine has been told of unneeded blocks. */
  wanted: { readonly first: number; readonly bits: Uint8Array } | undefined;
  /** A block whose digest was called wrong: nothing after it is used before it has come again. */
  again: number | undefined;
  readyAt: number;
  aborted: boolean;
};

/** A receiver's disk in the simulation: the stage side of wire/disk-port.ts over a model tree. */
export class FakeStage {
  readonly #env: DiskEnvironment;
  readonly #journal: Journal;
  readonly #reply: (reply: StageReply) => void;
  readonly #pushes = new Map<string, Push>();
  readonly #readyAt = new Map<string, number>();

  constructor(environment: DiskEnvironment, reply: (reply: StageReply) => void) {
    this.#env = environment;
    this.#journal = environment.journal;
    this.#reply = reply;
  }

  get open(): number {
    return this.#pushes.size;
  }

  request(request: StageRequest): void {
    const text = keyText(request.key);
    if (request.kind === "open") return this.#open(request);
    const push = this.#pushes.get(text);
    if (request.kind === "abort") return this.#abort(request.key, push);
    this.#journal.check(
      push !== undefined && !push.aborted,
      `stage: ${request.kind} for a push that is not open`,
    );
    if (request.kind === "block") return this.#block(push, request);
    if (request.kind === "prepare") return this.#prepare(push);
    return this.#commit(push);
  }

  #open(request: Extract<StageRequest, { kind: "open" }>): void {
    const { run, hostName, noReceive, staging } = this.#env;
    this.#journal.check(request.check || !noReceive, "stage: a host that does not receive is to receive");
    this.#journal.check(request.dryRun || !request.check, "stage: a comparison that changes something");
    const text = keyText(request.key);
    const record = this.#journal.stageOpened(request.key, run, hostName);
    const truth = this.#journal.find(request.key);
    if (truth !== undefined) truth.dryRun ||= request.dryRun;
    const push: Push = {
      key: request.key,
      dryRun: request.dryRun,
      check: request.check,
      record,
      contents: new StageContents(this.#env, request.key, record, request.capacity),
      state: "receiving",
      next: 0,
      passed: 0,
      wanted: undefined,
      again: undefined,
      readyAt: 0,
      aborted: false,
    };
    this.#pushes.set(text, push);
    staging.add(text);
    this.#later(request.key, 0, () => {
      if (!this.#env.prng.chance(this.#env.faults().refuse))
        return this.#reply({ kind: "opened", key: push.key });
      record.faulted = true;
      this.#forget(push);
      this.#reply({ kind: "refused", key: push.key, reason: RefuseReason.outOfSpace, text: "no room" });
    });
  }

  /** The engine has got a reply: from now on it knows what is wanted, and that what follows a broken block is to be passed again. */
  heard(reply: StageReply): void {
    const push = this.#pushes.get(keyText(reply.key));
    if (push === undefined || reply.kind !== "used") return;
    if (reply.wanted !== undefined) push.wanted = reply.wanted;
    if (!reply.good && reply.skipped !== true) push.next = Math.min(push.next, reply.block);
  }

  #block(push: Push, request: BlockRequest): void {
    this.#journal.check(
      push.state === "receiving" || push.state === "failed",
      `stage: a block in state ${push.state}`,
    );
    this.#journal.check(
      !isBeyond(push, request) || this.#journal.find(push.key) === undefined,
      "stage: a dry run goes beyond the manifest",
    );
    this.#checkOrder(push, request.block);
    this.#later(push.key, 0, () => this.#use(push, request));
  }

  /** Blocks come in order, from a broken one on anew; only those are left out that have been announced as unneeded. */
  #checkOrder(push: Push, block: number): void {
    for (; push.next < block; push.next++) {
      this.#journal.check(
        !isWanted(push, push.next),
        `stage: block ${push.next}, which is needed, is left out`,
      );
    }
    this.#journal.check(push.next === block, `stage: block ${block} is passed again`);
    // What was passed before that was known may be passed again.
    this.#journal.check(
      isWanted(push, block) || block < push.passed,
      `stage: block ${block}, which is not needed, is passed`,
    );
    push.next++;
    push.passed = Math.max(push.passed, push.next);
  }

  #use(push: Push, request: BlockRequest): void {
    const { prng } = this.#env;
    const { key, slot, block } = request;
    // Passed before it was known that an earlier one is broken: it stays as it is, to be passed again.
    if (push.again !== undefined && block > push.again && push.state !== "failed")
      return this.#reply({ kind: "used", key, slot, block, good: false, skipped: true });
    const payload = blocks.takeBlock(this.#env.slot(slot), request.bytes, block);
    const real = this.#journal.find(key) !== undefined;
    this.#journal.check(
      payload !== undefined || !real,
      `stage: block ${block} is handed over incomplete or overwritten`,
    );
    this.#env.slot(slot).fill(0xdd);
    if (push.state === "failed") return this.#reply({ kind: "used", key, slot, block, good: true });
    if (payload === undefined || prng.chance(this.#env.faults().badDigest)) {
      push.again = block;
      return this.#reply({ kind: "used", key, slot, block, good: false });
    }
    push.again = undefined;
    if (isBeyond(push, request)) {
      const failure = this.#note(push, { errno: 0, step: FailStep.manifest, entry: undefined });
      return this.#reply({ kind: "used", key, slot, block, good: true, failure });
    }
    const need = push.contents.take({ ...request, payload });
    const removals =
      request.blockKind === BlockKind.manifest && request.lastOfKind ? this.#removals(push) : undefined;
    const wanted =
      request.blockKind === BlockKind.plan && request.lastOfKind
        ? push.contents.wanted(block + 1)
        : undefined;
    const failure = this.#failure(push, request);
    if (request.final && push.state === "receiving") push.state = "complete";
    this.#reply({
      kind: "used",
      key,
      slot,
      block,
      good: true,
      ...(need === undefined ? {} : { need }),
      ...(removals === undefined ? {} : { removals }),
      ...(wanted === undefined ? {} : { wanted }),
      ...(failure === undefined ? {} : { failure }),
    } as StageReply);
  }

  #failure(push: Push, request: BlockRequest): DiskFailure | undefined {
    let failure: DiskFailure | undefined;
    if (this.#env.prng.chance(this.#env.faults().full)) {
      push.record.faulted = true;
      const path = new TextEncoder().encode(`d0/${"y".repeat(this.#env.prng.below(600))}`);
      const entry = this.#env.prng.below(3);
      failure = { errno: 28, step: FailStep.write, ...(entry > 0 ? { entry } : { entry: undefined, path }) };
    }
    if (request.final) failure ??= push.contents.verify();
    if (push.check !== (push.contents.terms.mode === "check")) {
      this.#journal.check(this.#journal.strangers, "stage: the offer and the terms differ");
      // Somebody has forged the offer: nothing is done that was not agreed to.
      push.record.faulted = true;
      failure ??= { errno: 0, step: FailStep.manifest, entry: undefined };
    }
    if (push.record.tooMany) failure ??= { errno: 0, step: FailStep.remove, entry: undefined };
    return failure === undefined ? undefined : this.#note(push, failure);
  }

  /** From now on the push has failed here. */
  #note(push: Push, failure: DiskFailure): DiskFailure {
    push.state = "failed";
    push.record.failure = failure;
    return failure;
  }

  /** What would be removed, once all entries are known. */
  #removals(push: Push): { readonly count: number; readonly names: Uint8Array } | undefined {
    const { terms, removals } = push.contents;
    if (!terms.removes) return undefined;
    push.record.removals = removals;
    push.record.tooMany = terms.removesMax !== undefined && removals.length > terms.removesMax;
    return { count: removals.length, names: nameStream(terms.names ? removals : []) };
  }

  #prepare(push: Push): void {
    const { prng } = this.#env;
    const flushUs = prng.below(this.#env.faults().flushUs + 1);
    this.#later(push.key, flushUs, () => {
      // A block has to come again first, and this with the final one.
      if (push.again !== undefined) return;
      if (push.state === "failed") return this.#refail(push);
      this.#journal.check(push.state === "complete", `stage: prepare in state ${push.state}`);
      if (prng.chance(this.#env.faults().prepareFail)) return this.#fail(push, FailStep.flush);
      push.state = "prepared";
      push.record.preparedAt = this.#env.queue.now;
      this.#reply({ kind: "prepared", key: push.key });
    });
  }

  #commit(push: Push): void {
    const { prng, queue } = this.#env;
    this.#journal.check(push.state === "prepared", `stage: commit in state ${push.state}`);
    push.state = "committed";
    this.#later(push.key, 0, () => {
      if (prng.chance(this.#env.faults().commitFail)) {
        const removes = push.contents.removals.length > 0 && prng.below(2) === 0;
        return this.#fail(push, removes ? FailStep.remove : FailStep.rename);
      }
      push.contents.commit();
      push.record.committedAt = queue.now;
      this.#forget(push);
      this.#reply({ kind: "committed", key: push.key });
    });
  }

  /** What has failed with a block is not prepared. */
  #refail({ key, record: { failure } }: Push): void {
    this.#journal.check(failure !== undefined, "stage: a failure without a reason");
    this.#reply({ kind: "failed", key, failure });
  }

  #fail(push: Push, step: FailStep): void {
    push.record.faulted = true;
    const failure = this.#note(push, { errno: 5, step, entry: undefined });
    this.#reply({ kind: "failed", key: push.key, failure });
  }

  #abort(key: PushKey, push: Push | undefined): void {
    if (push !== undefined) push.aborted = true;
    this.#later(key, 0, () => {
      if (push !== undefined) this.#forget(push);
      this.#reply({ kind: "closed", key });
    });
  }

  #forget(push: Push): void {
    push.record.closedAt ??= this.#env.queue.now;
    this.#pushes.delete(keyText(push.key));
    this.#env.staging.delete(keyText(push.key));
  }

  /** One disk worker takes a push's requests in order. */
  #later(key: PushKey, extraUs: number, run: () => void): void {
    const text = keyText(key);
    const at = Math.max(this.#readyAt.get(text) ?? 0, this.#env.queue.now) + diskDelay(this.#env) + extraUs;
    this.#readyAt.set(text, at);
    this.#env.queue.at(at, () => {
      if (this.#env.alive()) run();
    });
  }
}

/** What no owner sends of a push that only asks; of a forged one it fails the push, as at the disk. */
function isBeyond(push: Push, { blockKind }: BlockRequest): boolean {
  return push.dryRun && blockKind !== BlockKind.manifest;
}

function isWanted(push: Push, block: number): boolean {
  if (push.wanted === undefined || block < push.wanted.first) return true;
  const index = block - push.wanted.first;
  const byte = push.wanted.bits[index >> 3];
  return byte === undefined || ((byte >> (index & 7)) & 1) === 1;
}
