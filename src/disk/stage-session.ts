import { decodeAmendments } from "../wire/amendment.ts";
import { assert, type BlockIndex } from "../wire/brand.ts";
import { AMENDMENTS_MAX, BlockKind, DIGEST_BYTES, FailStep } from "../wire/constants.ts";
import type { DiskFailure, StageReply, StageRequest } from "../wire/disk-port.ts";
import type { Entry } from "../wire/manifest.ts";
import { readVerdicts } from "../wire/verdict.ts";
import { slotAt } from "./arena.ts";
import { Builder, isStaged } from "./builder.ts";
import { Committer } from "./committer.ts";
import { type CompareOptions, compareAgain } from "./compare.ts";
import { Mark } from "./marks.ts";
import { parentOf, toBytes, toLatin1 } from "./names.ts";
import { type ManifestBlock, ManifestIntake } from "./stage-manifest.ts";
import { PlanIntake } from "./stage-plan.ts";
import {
  failure as failureOf,
  memoryFailure,
  protocolFailure,
  type StagePush,
  type StageTools,
} from "./stage-push.ts";
import {
  type ContentForm,
  listedFiles,
  plannedFiles,
  Round,
  type RoundFile,
  type RoundFiles,
} from "./stage-round.ts";
import { Errno, type Extent, errnoOf } from "./sys.ts";

/** Up to so many removed names are cleared away before the owner hears of the commit: a slow disk removes hundreds a second. */
const CLEARED_SOON_MAX = 4096;
/** Bytes that are kept of an amended entry besides its path (Budget); an estimate. */
const AMENDED_BYTES = 512;

type BlockRequest = Extract<StageRequest, { kind: "block" }>;
type Used = Extract<StageReply, { kind: "used" }>;
/** What using a block comes to, besides that its digest was good. */
type Use = Pick<Used, "need" | "removals" | "wanted" | "failure">;

/** What may come next. `round`: its content and verdicts; `amending`: amendment blocks, or the first block of the round that they make. */
type Phase =
  | { readonly kind: "manifest" }
  | { readonly kind: "plan"; readonly intake: PlanIntake }
  | { readonly kind: "round"; readonly round: Round; readonly index: number; verdicts: boolean }
  | { readonly kind: "amending"; readonly index: number; readonly files: RoundFile[]; bytes: number }
  | { readonly kind: "complete" }
  | { readonly kind: "prepared" }
  | { readonly kind: "failed"; readonly failure: DiskFailure };

/** One push on a receiver: what each block does to it (PROTOCOL §5.5, §10), then prepare and commit. */
export class StageSession {
  readonly push: StagePush;
  readonly #tools: StageTools;
  readonly #comparing: CompareOptions;
  readonly #manifests: ManifestIntake;
  readonly #builder: Builder;
  #phase: Phase = { kind: "manifest" };
  /** The block whose digest was wrong: none that follows is used before it has come again. */
  #broken: BlockIndex | undefined;

  constructor(tools: StageTools, push: StagePush) {
    this.push = push;
    this.#tools = tools;
    const { directories, place, rules, marks, roots, exchanged } = push;
    this.#comparing = { sys: tools.sys, directories, place, rules, marks, roots, exchanged };
    this.#manifests = new ManifestIntake(tools, push, this.#comparing);
    this.#builder = new Builder(tools.sys, push);
  }

  /** Uses a block, in the order of the push. A failure removes what is staged (`Staging.remove`), and all further blocks are ignored. */
  block({ key, slot, block, blockKind, bytes, lastOfKind, final }: BlockRequest): Used {
    const answer = { kind: "used", key, slot, block } as const;
    if (this.#broken !== undefined && block > this.#broken) return { ...answer, good: false, skipped: true };
    const at = slotAt(this.#tools.arena, slot, this.push.capacity);
    const content = bytes - DIGEST_BYTES;
    const extent = { at, bytes: content };
    const possible = content >= 0 && content <= this.push.capacity;
    const digest = possible ? this.#goodDigest(extent, block) : undefined;
    this.#broken = digest === undefined ? block : undefined;
    if (digest === undefined) return { ...answer, good: false };
    const use = this.#use({ extent, digest, block, blockKind, lastOfKind });
    if (use.failure === undefined && final) this.#complete();
    const failure = use.failure ?? (this.#phase.kind === "failed" ? this.#phase.failure : undefined);
    if (failure === undefined) return { ...answer, good: true, ...use };
    this.#fail(failure);
    // Where only their number is too large, the names that would be removed are told all the same.
    const { need, removals } = use;
    const told = need !== undefined && removals !== undefined ? { need, removals } : {};
    return { ...answer, good: true, ...told, failure };
  }

  /** Metadata and flush; undefined if everything but the renames is on disk now. "broken": blocks have to come again first. */
  prepare(): DiskFailure | "broken" | undefined {
    if (this.#broken !== undefined) return "broken";
    if (this.#phase.kind === "failed") return this.#phase.failure;
    const problem = this.#phase.kind === "complete" ? this.#finish() : protocolFailure();
    if (problem !== undefined) this.#fail(problem);
    else this.#phase = { kind: "prepared" };
    return problem;
  }

  /** Renames. Whatever comes of it, it is the last thing before `close`. */
  commit(): DiskFailure | undefined {
    if (this.#phase.kind === "failed") return this.#phase.failure;
    assert(this.#phase.kind === "prepared", "commit before prepare");
    const { sys } = this.#tools;
    const removed = this.#manifests.removals?.roots ?? [];
    const idle = !this.#differs() && removed.length === 0;
    const problem = idle ? undefined : new Committer(sys, this.push, removed).run();
    this.#phase = { kind: "failed", failure: problem ?? protocolFailure() };
    return problem;
  }

  /** Whether it may take long to remove what was removed from the tree. */
  get clearsLong(): boolean {
    return (this.#manifests.removals?.count ?? 0) > CLEARED_SOON_MAX;
  }

  /** Removes what is staged and closes everything. */
  close(): void {
    if (this.#phase.kind === "round") this.#phase.round.close();
    this.#phase = { kind: "failed", failure: protocolFailure() };
    this.push.directories.release();
    this.push.staging.remove();
  }

  #fail(failure: DiskFailure): void {
    this.close();
    this.#phase = { kind: "failed", failure };
  }

  /** The digest of a block, if that is what stands behind it. */
  #goodDigest(extent: Extent, block: BlockIndex): Uint8Array | undefined {
    const own = this.#tools.digest.block(extent, block);
    const after = extent.at + extent.bytes;
    for (let i = 0; i < DIGEST_BYTES; i++)
      if (own[i] !== this.#tools.arena.bytes[after + i]) return undefined;
    return own;
  }

  #use(at: Pick<BlockRequest, "block" | "blockKind" | "lastOfKind"> & Omit<ContentForm, "compressed">): Use {
    const { extent, digest, block, blockKind, lastOfKind } = at;
    if (this.#phase.kind === "failed") return { failure: this.#phase.failure };
    if (blockKind === BlockKind.content || blockKind === BlockKind.compressed)
      return this.#content(block, { extent, digest, compressed: blockKind === BlockKind.compressed });
    const { bytes, slotBytes } = this.#tools.arena;
    const frame = bytes.subarray(extent.at, extent.at + extent.bytes);
    const raw = this.#tools.zstd.expand(frame);
    if (raw === undefined) return { failure: protocolFailure() };
    switch (blockKind) {
      case BlockKind.manifest:
        return this.#manifest({ frame, raw, lastOfKind, room: { at: extent.at, bytes: slotBytes } });
      case BlockKind.plan:
        return this.#plan(raw, { block, lastOfKind });
      case BlockKind.verdict:
        return this.#verdict(block, raw);
      case BlockKind.amendment:
        return this.#amendment(raw);
    }
  }

  #manifest(block: ManifestBlock): Use {
    if (this.#phase.kind !== "manifest") return { failure: protocolFailure() };
    const { lastOfKind } = block;
    const use = this.#manifests.take(block);
    if (use.failure === undefined && lastOfKind)
      this.#phase = { kind: "plan", intake: new PlanIntake(this.#tools.sys, this.push) };
    return use;
  }

  #plan(raw: Uint8Array, { block, lastOfKind }: { block: BlockIndex; lastOfKind: boolean }): Use {
    const phase = this.#phase;
    if (phase.kind !== "plan" || this.push.dryRun) return { failure: protocolFailure() };
    const failure = phase.intake.take(raw) ?? (lastOfKind ? phase.intake.finish() : undefined);
    if (failure !== undefined) return { failure };
    if (!lastOfKind) return {};
    const first = (block + 1) as BlockIndex;
    const files = () => plannedFiles(this.push);
    let bytes = 0;
    for (const walk = this.push.sections.stream(); walk.next(); ) bytes += walk.size;
    const round = this.#openRound({ index: 0, firstBlock: first, files, bytes });
    return { wanted: { first, bits: round.wanted() } };
  }

  #openRound(options: { index: number; firstBlock: number; files: () => RoundFiles; bytes: number }): Round {
    const { index, firstBlock, files, bytes } = options;
    const round = new Round({
      tools: this.#tools,
      push: this.push,
      builder: this.#builder,
      firstBlock,
      files,
      bytes,
    });
    this.#phase = { kind: "round", round, index, verdicts: false };
    return round;
  }

  /** The round that a content or verdict block belongs to: the first such block after amendments starts one. */
  #currentRound(block: BlockIndex): Extract<Phase, { kind: "round" }> | undefined {
    if (this.#phase.kind === "amending" && this.#phase.files.length > 0) {
      const { files, bytes, index } = this.#phase;
      this.#openRound({ index, firstBlock: block, files: () => listedFiles(files), bytes });
    }
    return this.#phase.kind === "round" ? this.#phase : undefined;
  }

  #content(block: BlockIndex, form: ContentForm): Use {
    const phase = this.#currentRound(block);
    const failure =
      phase === undefined || phase.verdicts ? protocolFailure() : phase.round.content(block, form);
    return failure === undefined ? {} : { failure };
  }

  #verdict(block: BlockIndex, raw: Uint8Array): Use {
    // A copy: what is looked up between them is expanded into the same memory.
    const verdicts = readVerdicts(raw.slice());
    const phase = this.#currentRound(block);
    if (phase === undefined || typeof verdicts === "string") return { failure: protocolFailure() };
    phase.verdicts = true;
    const failure = phase.round.verdicts(verdicts);
    return failure === undefined ? {} : { failure };
  }

  #amendment(raw: Uint8Array): Use {
    const amendments = decodeAmendments(raw);
    if (typeof amendments === "string" || this.push.rules.terms.mode !== "send")
      return { failure: protocolFailure() };
    if (this.#phase.kind === "round") {
      const { round, index } = this.#phase;
      if (!round.ended() || index === AMENDMENTS_MAX) return { failure: protocolFailure() };
      round.close();
      this.#phase = { kind: "amending", index: index + 1, files: [], bytes: 0 };
    }
    const phase = this.#phase;
    if (phase.kind !== "amending") return { failure: protocolFailure() };
    for (const { entry, to } of amendments) {
      const after = (phase.files.at(-1)?.number ?? -1) < entry;
      const failure = after ? this.#amend(entry, to) : protocolFailure();
      if (failure !== undefined) return { failure };
      const wanted = (this.push.marks.get(entry) & Mark.content) !== 0;
      phase.files.push({ number: entry, size: to.size, wanted });
      phase.bytes += to.size;
    }
    return {};
  }

  /** Replaces an entry by its newer form, and compares that with the own tree. */
  #amend(number: number, to: Entry): DiskFailure | undefined {
    const { sections, marks, amended, rules } = this.push;
    if (number >= sections.entries) return protocolFailure();
    const at = sections.locate(number);
    const before = sections.entry(at.section, at.index);
    if (before.type !== "file" || toLatin1(before.path) !== toLatin1(to.path)) return protocolFailure(number);
    const old = marks.get(number);
    const exchanged = this.push.exchanged.has(number);
    const again = compareAgain(this.#comparing, { entry: to, number, before: old });
    // Names that would go now have not been told.
    const untold = rules.terms.removes && !exchanged && this.push.exchanged.has(number);
    const mark = untold ? -Errno.EBUSY : again;
    if (mark < 0) return { errno: errnoOf(mark), step: FailStep.compare, entry: number };
    if ((old & Mark.staged) !== 0) {
      const problem = this.#builder.discard(number);
      if (problem !== undefined) return problem;
    }
    if (!this.push.budget.take(AMENDED_BYTES + to.path.length)) return memoryFailure(number);
    amended.set(number, to);
    marks.change(number, { set: mark, clear: 0xff });
    if (!isStaged(mark)) return undefined;
    this.#touchParent(to);
    // Nothing of an empty file will come.
    return (mark & Mark.content) === 0 ? this.#builder.make(number) : undefined;
  }

  #touchParent(entry: Entry): void {
    const parent = this.push.sections.find(toBytes(parentOf(toLatin1(entry.path))));
    if (parent !== undefined) this.push.marks.change(parent, { set: Mark.touched });
  }

  /** The final block has been used. */
  #complete(): void {
    const phase = this.#phase;
    const whole = phase.kind === "round" && phase.round.ended();
    if (phase.kind === "round") phase.round.close();
    this.#phase = whole ? { kind: "complete" } : { kind: "failed", failure: protocolFailure() };
  }

  #finish(): DiskFailure | undefined {
    const { staging } = this.push;
    // What is removed is moved there, which must not be what fails then.
    const removing = (this.#manifests.removals?.roots.length ?? 0) > 0;
    const made = removing ? staging.make() : 0;
    if (made < 0) return failureOf(FailStep.stage, made, undefined);
    return this.#differs() ? this.#builder.finish() : undefined;
  }

  /** Whether anything is to be brought in here. */
  #differs(): boolean {
    const { sections, marks } = this.push;
    for (let section = 0; section < sections.count; section++)
      if (marks.of(section) !== undefined) return true;
    return false;
  }
}
