import { DIGEST_BYTES, FailStep } from "../wire/constants.ts";
import type { DiskFailure, NeedAnswer, StageReply } from "../wire/disk-port.ts";
import type { EntryTable } from "../wire/entry-table.ts";
import { type Entry, mayFollow, type TableSection } from "../wire/manifest.ts";
import type { Terms } from "../wire/terms.ts";
import { Checker } from "./check.ts";
import { type CompareOptions, Comparer } from "./compare.ts";
import { Mark } from "./marks.ts";
import { Removals } from "./removals.ts";
import { memoryFailure, protocolFailure, type StagePush, type StageTools } from "./stage-push.ts";
import type { Extent } from "./sys.ts";

/** Bytes that are kept of a section besides its frame, and of what is in it (Budget); the objects' sizes are estimates. */
const SECTION_BYTES = 256;
/** Of a file that is needed: its digest, in a table that doubles. */
const CONTENT_BYTES = 3 * DIGEST_BYTES;
const ROOT_BYTES = 64;

type Used = Extract<StageReply, { kind: "used" }>;
/** What taking a manifest block comes to. */
export type ManifestUse = Pick<Used, "need" | "removals" | "failure">;

/** A manifest block: its frame, what that expands to, and memory that is free once both have been looked at. */
export type ManifestBlock = {
  readonly frame: Uint8Array;
  readonly raw: Uint8Array;
  readonly lastOfKind: boolean;
  readonly room: Extent;
};

/** What the terms say is to be done with each section. */
type Work = {
  readonly comparer: Comparer | undefined;
  readonly checker: Checker | undefined;
  readonly removals: Removals | undefined;
};

/** Takes the manifest blocks of a push on a receiver (PROTOCOL §10.1, §10.6): compares each with the own tree, and finds out what is removed. */
export class ManifestIntake {
  readonly #tools: StageTools;
  readonly #push: StagePush;
  readonly #comparing: CompareOptions;
  #work: Work | undefined;
  #lastEntry: Entry | undefined;

  constructor(tools: StageTools, push: StagePush, comparing: CompareOptions) {
    this.#tools = tools;
    this.#push = push;
    this.#comparing = comparing;
  }

  /** What the commit removes, if anything; known after the last block. */
  get removals(): Removals | undefined {
    return this.#work?.removals;
  }

  /** Takes the next block. */
  take({ frame, raw, lastOfKind, room }: ManifestBlock): ManifestUse {
    const { sections, marks } = this.#push;
    const decoded = sections.decode(raw);
    if (typeof decoded === "string") return { failure: protocolFailure() };
    const section = sections.count;
    const wrong = this.#check(decoded, lastOfKind);
    if (wrong !== undefined) return { failure: wrong };
    const { firstEntry, table } = decoded;
    const { count } = table;
    sections.add(frame, count, table);
    this.#lastEntry = count === 0 ? undefined : table.entry(count - 1);
    this.#work ??= this.#begin(decoded.terms);
    // The frame has been copied: from here on its memory is free.
    const failure =
      this.#work.comparer?.section(section, firstEntry, table) ??
      this.#work.checker?.section(section, firstEntry, { entries: table.entries(), room }) ??
      this.#work.removals?.section(firstEntry, table.entries()) ??
      this.#charge(section, frame.length);
    if (failure !== undefined) return { failure };
    const update = marks.bitmap(section, Mark.update);
    const content = marks.bitmap(section, Mark.content);
    // The plan will ask for them, and here the entries are at hand.
    if (content !== undefined) sections.sizes(section);
    const need: NeedAnswer = { section, entries: count, update, content };
    return lastOfKind ? { need, ...this.#end() } : { need };
  }

  /** Whether a section may be the next one. */
  #check(
    { firstEntry, table, terms }: TableSection & { readonly table: EntryTable },
    lastOfKind: boolean,
  ): DiskFailure | undefined {
    const { sections, check } = this.#push;
    const first = table.count === 0 ? undefined : table.entry(0);
    const empty = first === undefined && (sections.count > 0 || !lastOfKind);
    if (empty || firstEntry !== sections.entries) return protocolFailure();
    // Who was asked to compare contents need not even be able to do anything else.
    if ((terms.mode === "check") !== check) return protocolFailure();
    const follows = first === undefined || this.#lastEntry === undefined || mayFollow(this.#lastEntry, first);
    return follows ? undefined : protocolFailure(firstEntry);
  }

  /** The terms have come. */
  #begin(terms: Terms): Work {
    const push = this.#push;
    const { sys, digest } = this.#tools;
    push.rules.set(terms);
    push.sections.terms = terms;
    const { mode, removes } = terms;
    const { directories, marks, rules } = push;
    return {
      comparer: mode === "send" ? new Comparer(this.#comparing) : undefined,
      checker: mode === "check" ? new Checker({ sys, digest, directories, marks, rules }) : undefined,
      removals: removes ? new Removals(sys, push) : undefined,
    };
  }

  /** The last block has been compared. */
  #end(): ManifestUse {
    const { directories, rules } = this.#push;
    const found = this.#work?.removals?.finish();
    // The directories that the comparison held are of no use any more, and there may be many pushes.
    directories.release();
    if (found === undefined) return {};
    if (!("count" in found)) return { failure: found };
    const { removesMax = Number.POSITIVE_INFINITY } = rules.terms;
    if (found.count <= removesMax) return { removals: found };
    // How many they are is told all the same.
    return { removals: found, failure: { errno: 0, step: FailStep.remove, entry: undefined } };
  }

  /** Counts what is kept of a section; fails if that is too much. */
  #charge(section: number, frameBytes: number): DiskFailure | undefined {
    let bytes = SECTION_BYTES + frameBytes;
    const marks = this.#push.marks.of(section);
    for (const mark of marks ?? []) {
      bytes += 1;
      if ((mark & Mark.content) !== 0) bytes += CONTENT_BYTES;
      if ((mark & (Mark.root | Mark.implicit)) !== 0) bytes += ROOT_BYTES;
    }
    return this.#push.budget.take(bytes) ? undefined : memoryFailure();
  }
}
