import type { DiskFailure, NeedAnswer, PushKey, SourceRequest } from "../../src/wire/disk-port.ts";
import { bitAt, countBits, sameBits } from "./bits.ts";
import { Shortened } from "./blocks.ts";
import { SimFailure } from "./failure.ts";
import type { SimTerms } from "./terms.ts";
import type { Entry, Version } from "./tree.ts";

/** What one receiver answered and did in one push, as its disk saw it. */
export type StageRecord = {
  readonly host: string;
  readonly answers: Map<number, NeedAnswer>;
  /** When everything was on disk but for the renames; undefined: never. */
  preparedAt: number | undefined;
  /** When all that was staged was gone again; undefined: not yet. */
  closedAt: number | undefined;
  /** Virtual time of the commit; undefined: none. */
  committedAt: number | undefined;
  /** A fault was injected here, so that this push may fail at this host. */
  faulted: boolean;
  /** What it has told of the names that it would remove; undefined: nothing. */
  removals: readonly string[] | undefined;
  /** These are more than the push allows. */
  tooMany: boolean;
  /** What went wrong, as the disk said it. */
  failure: DiskFailure | undefined;
};

/** The truth about one push, from the disks at both ends; the engine's words are checked against it. */
export type PushRecord = {
  readonly key: PushKey;
  readonly owner: number;
  readonly openedAt: number;
  readonly terms: SimTerms;
  /** What is offered: amended while the push runs, when files change. */
  readonly entries: Entry[];
  /** Entries that were unreadable or never stood still: no receiver commits them. */
  readonly excluded: Set<number>;
  /** Number of entries and first entry of each section. */
  readonly sections: { readonly first: number; readonly count: number }[];
  /** The union of content needs, by section, as the engine gave it. */
  readonly unions: Map<number, Uint8Array | undefined>;
  /** By number of the receiver's run. */
  readonly stages: Map<number, StageRecord>;
  /** Sections whose names were asked for where nothing is received, by host. */
  readonly skipped: Map<string, Set<number>>;
  /** A fault was injected at the source, so that the push may end early. */
  sourceFailed: boolean;
  /** Whether the owner has ever told anybody to switch. */
  decided: boolean;
  dryRun: boolean;
};

/** All pushes of a run, and the place where a broken invariant ends it. */
export class Journal {
  readonly pushes = new Map<string, PushRecord>();
  /** What has been compressed in this run. */
  readonly shortened = new Shortened();
  readonly #now: () => number;
  readonly strangers: boolean;
  readonly isReadOnly: (host: string) => boolean;

  /**
   * @param options.strangers there may be offers from nodes that are not simulated
   * @param options.isReadOnly whether this host never receives
   */
  constructor(
    now: () => number,
    options: { readonly strangers: boolean; readonly isReadOnly: (host: string) => boolean },
  ) {
    this.#now = now;
    this.strangers = options.strangers;
    this.isReadOnly = options.isReadOnly;
  }

  fail(invariant: string): never {
    throw new SimFailure(invariant, this.#now());
  }

  check(condition: boolean, invariant: string): asserts condition {
    if (!condition) this.fail(invariant);
  }

  opened(
    key: PushKey,
    push: { readonly owner: number; readonly entries: Entry[]; readonly terms: SimTerms },
  ): PushRecord {
    this.check(!this.pushes.has(keyText(key)), "a push id is used twice by one owner");
    const record: PushRecord = {
      key,
      ...push,
      openedAt: this.#now(),
      excluded: new Set(),
      sections: [],
      unions: new Map(),
      stages: new Map(),
      skipped: new Map(),
      sourceFailed: false,
      decided: false,
      dryRun: false,
    };
    this.pushes.set(keyText(key), record);
    return record;
  }

  find(key: PushKey): PushRecord | undefined {
    return this.pushes.get(keyText(key));
  }

  /** The owner has sent a COMMIT. */
  decided(key: PushKey): void {
    const record = this.find(key);
    if (record !== undefined) record.decided = true;
  }

  stageOpened(key: PushKey, run: number, host: string): StageRecord {
    const record = this.find(key);
    this.check(record !== undefined || this.strangers, "a stage opens for a push that nobody has begun");
    this.check(record?.stages.has(run) !== true, "a stage opens twice for one push");
    const stage: StageRecord = {
      host,
      answers: new Map(),
      preparedAt: undefined,
      closedAt: undefined,
      committedAt: undefined,
      faulted: false,
      removals: undefined,
      tooMany: false,
      failure: undefined,
    };
    record?.stages.set(run, stage);
    return stage;
  }

  /** The engine says what of this section's contents is needed. A stranger may need what nobody here knows of. */
  union(record: PushRecord, section: number, content: Uint8Array | undefined): void {
    const { first, count } =
      record.sections[section] ?? this.fail("a union for a section that does not exist");
    this.check(!record.unions.has(section), "a section's union is given twice");
    record.unions.set(section, content);
    for (let i = 0; i < count; i++) {
      if (!bitAt(content, i)) continue;
      const needed =
        this.strangers ||
        [...record.stages.values()].some((stage) => bitAt(stage.answers.get(section)?.content, i));
      this.check(
        needed,
        `the plan has the contents of ${record.entries[first + i]?.path}, which nobody needs`,
      );
    }
  }

  /** The engine passes on what a host would update: it must be what this host answered. */
  names(key: PushKey, section: number, host: string, update: Uint8Array | undefined): void {
    const record = this.find(key);
    this.check(record !== undefined, "names are asked for in an unknown push");
    this.check(record.terms.mode !== "prune", "names are asked for where no entry was compared");
    const { count } =
      record.sections[section] ?? this.fail("names are asked for in a section that does not exist");
    // Where nothing is received nothing was asked, either.
    if (this.isReadOnly(host) && record.terms.mode !== "check") return this.#skipped(record, section, host);
    const told = [...record.stages.values()].some(
      (stage) =>
        stage.host === host &&
        stage.answers.has(section) &&
        sameBits(stage.answers.get(section)?.update, update, count),
    );
    this.check(told || this.strangers, `the updates shown for ${host} are not what it answered`);
  }

  #skipped(record: PushRecord, section: number, host: string): void {
    const sections = record.skipped.get(host) ?? new Set();
    record.skipped.set(host, sections);
    this.check(
      !sections.has(section) || this.strangers,
      `the names of a section are asked for twice for ${host}`,
    );
    sections.add(section);
  }

  /** The engine passes on why a host has failed: it must be what that host's disk said, but for what a packet has no room for. */
  explained({ key, host, failure }: Extract<SourceRequest, { kind: "explain" }>): void {
    const stages = [...(this.find(key)?.stages.values() ?? [])];
    const told = stages.some((stage) => stage.host === host && isFailure(stage.failure, failure));
    this.check(told || this.strangers, `the failure shown for ${host} is not what it said`);
  }

  amended(record: PushRecord, entry: number, version: Version): void {
    const old = record.entries[entry];
    if (old !== undefined) record.entries[entry] = { path: old.path, version };
  }
}

const NONE = new Uint8Array();

/** Whether `told` is `failure`, whose path may have been shortened. */
function isFailure(failure: DiskFailure | undefined, told: DiskFailure): boolean {
  if (failure === undefined || failure.errno !== told.errno || failure.step !== told.step) return false;
  const same = Buffer.compare(failure.path?.subarray(0, 400) ?? NONE, told.path ?? NONE) === 0;
  return failure.entry === told.entry && same;
}

/** Number of entries that a stage said it would update. */
export function updatesOf(stage: StageRecord): number {
  let sum = 0;
  for (const answer of stage.answers.values()) sum += countBits(answer.update, answer.entries);
  return sum;
}

/** A push as text, for maps. */
export function keyText(key: PushKey): string {
  return `${key.owner.toString(16).padStart(16, "0")}/${key.push}`;
}
