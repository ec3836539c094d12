import { BlockKind, FailStep } from "../../src/wire/constants.ts";
import type { DiskFailure, NeedAnswer, PushKey } from "../../src/wire/disk-port.ts";
import { bitAt, bitsOf, orNone } from "./bits.ts";
import * as blocks from "./blocks.ts";
import type { DiskEnvironment } from "./disk.ts";
import { type Journal, keyText, type PushRecord, type StageRecord } from "./journal.ts";
import { isCovered, removalsFrom, type SimTerms } from "./terms.ts";
import {
  bytesHash,
  contentBytes,
  describeVersion,
  type Entry,
  sameContent,
  sameVersion,
  type Version,
} from "./tree.ts";

/** Until the first section has told. */
const NO_TERMS: SimTerms = {
  mode: "send",
  removes: false,
  removesMax: undefined,
  names: false,
  listed: [],
  missing: [],
};

/** A file of the stream that is being received: where it lies in the stream. */
type StreamFile = { readonly entry: number; readonly from: number; readonly size: number };

type Staged = { readonly bytes: Uint8Array; filled: number; verdict: blocks.VerdictStatus | undefined };

/**
 * What a receiver's disk makes of the blocks of one push: the comparison with its own tree, the layout of the content stream, the staged
 * files, and at the end the new tree. It trusts nothing that the engine says and compares with the journal's truth.
 */
export class StageContents {
  readonly #env: DiskEnvironment;
  readonly #journal: Journal;
  readonly #key: PushKey;
  readonly #record: StageRecord;
  readonly #capacity: number;
  readonly #entries: Entry[] = [];
  terms: SimTerms = NO_TERMS;
  readonly #sections: { readonly first: number; readonly count: number }[] = [];
  readonly #update = new Set<number>();
  readonly #content = new Set<number>();
  readonly #planned = new Set<number>();
  readonly #staged = new Map<number, Staged>();
  readonly #excluded = new Set<number>();
  /** The stream that content blocks fill at present, and the index of its first block. */
  #stream: StreamFile[] = [];
  #streamFirst = 0;
  #streamBytes = 0;
  #amendedLast = false;
  #removals: readonly string[] = [];
  /** The newest change of the tree before the comparison. */
  readonly #comparedAt: number;

  constructor(environment: DiskEnvironment, key: PushKey, record: StageRecord, capacity: number) {
    this.#env = environment;
    this.#journal = environment.journal;
    this.#key = key;
    this.#record = record;
    this.#capacity = capacity;
    this.#comparedAt = environment.tree.changes;
  }

  /** The names that would be removed: of the tree as it is when the last entry is known. */
  get removals(): readonly string[] {
    return this.#removals;
  }

  /** Uses a block; the answer to a manifest block is what is needed of it. */
  take(options: {
    readonly blockKind: BlockKind;
    readonly block: number;
    readonly payload: Uint8Array;
    readonly lastOfKind: boolean;
  }): NeedAnswer | undefined {
    const { blockKind, block, payload } = options;
    const amended = this.#amendedLast;
    this.#amendedLast = blockKind === BlockKind.amendment;
    switch (blockKind) {
      case BlockKind.manifest:
        return this.#manifest(options);
      case BlockKind.plan:
        this.#plan(blocks.parseTable<blocks.PlanRecord>(payload));
        if (options.lastOfKind)
          this.#layOut(
            [...this.#planned].sort((a, b) => a - b),
            block + 1,
          );
        return undefined;
      case BlockKind.content:
        return this.#contents(block, payload);
      case BlockKind.compressed:
        return this.#contents(block, this.#journal.shortened.expand(payload));
      case BlockKind.verdict:
        return this.#verdict(blocks.parseTable<blocks.VerdictRecord>(payload));
      case BlockKind.amendment:
        this.#amend(blocks.parseTable<blocks.AmendmentRecord>(payload), { block, more: amended });
        return undefined;
    }
  }

  /** Which of the content blocks from `first` on hold anything that is needed here. */
  wanted(first: number): { readonly first: never; readonly bits: Uint8Array } {
    const count = Math.ceil(this.#streamBytes / this.#capacity);
    // What is left of the last byte stands for blocks after the stream, which are wanted.
    const bits = bitsOf((count + 7) & ~7, (block) => {
      if (block >= count) return true;
      const from = block * this.#capacity;
      return this.#stream.some(
        (file) =>
          this.#content.has(file.entry) && file.from < from + this.#capacity && file.from + file.size > from,
      );
    });
    return { first: first as never, bits };
  }

  /** Everything is here: is it right? */
  verify(): DiskFailure | undefined {
    for (const entry of this.#content) {
      const staged = this.#staged.get(entry);
      if (staged === undefined) return { errno: 5, step: FailStep.stage, entry };
      this.#journal.check(staged.verdict !== undefined, "stage: a staged file has no verdict at the end");
      if (staged.verdict !== 0) this.#excluded.add(entry);
    }
    return undefined;
  }

  /** Switches the tree, at once, and compares it with what was offered. */
  commit(): void {
    const { tree } = this.#env;
    const change = tree.begin();
    for (const entry of this.#update) {
      const now = this.#entries[entry];
      if (now === undefined || this.#excluded.has(entry)) continue;
      this.#checkStaged(entry, now.version);
      tree.write(now.path, now.version);
    }
    for (const path of this.#removals) tree.remove(path);
    const truth = this.#journal.find(this.#key);
    this.#journal.check(truth !== undefined, "stage: the commit of a push that nobody has begun");
    this.#journal.check(truth.decided, "stage: a commit that the push's owner has not asked for");
    this.#checkRemoved(truth, change);
    if (truth.terms.mode === "prune") return;
    truth.entries.forEach(({ path, version }, entry) => {
      if (truth.excluded.has(entry)) return;
      // Another push, or the user, has changed this path since the comparison: this push cannot know.
      const last = tree.changedAt(path);
      if (last > this.#comparedAt && last !== change) return;
      const seen = tree.get(path);
      if (sameVersion(seen, version)) return;
      this.#journal.fail(
        `after the commit of ${keyText(this.#key)}, ${path} is ${describeVersion(seen)} where ${describeVersion(version)} was offered`,
      );
    });
  }

  /** Of what the push covers, only the owner's names are left. */
  #checkRemoved(truth: PushRecord, change: number): void {
    const { tree } = this.#env;
    const offered = new Set(truth.entries.map(({ path }) => path));
    for (const path of tree.files.keys()) {
      if (offered.has(path) || !isCovered(truth.terms, path)) continue;
      const last = tree.changedAt(path);
      if (last > this.#comparedAt && last !== change) continue;
      this.#journal.fail(
        `after the commit of ${keyText(this.#key)}, ${path} is there, which was not offered`,
      );
    }
  }

  #manifest(options: {
    readonly block: number;
    readonly payload: Uint8Array;
    readonly lastOfKind: boolean;
  }): NeedAnswer {
    const { block, payload, lastOfKind } = options;
    const section = block === 0 ? this.#opening(payload) : blocks.parseTable<Entry>(payload);
    const first = this.#entries.length;
    this.#sections.push({ first, count: section.length });
    this.#entries.push(...section);
    section.forEach((entry, i) => {
      this.#compare(first + i, entry.path, entry.version);
    });
    const answer: NeedAnswer = {
      section: block,
      entries: section.length,
      update: orNone(bitsOf(section.length, (i) => this.#update.has(first + i))),
      content: orNone(bitsOf(section.length, (i) => this.#content.has(first + i))),
    };
    this.#record.answers.set(block, answer);
    const paths = new Set(this.#entries.map(({ path }) => path));
    if (lastOfKind) this.#removals = removalsFrom(this.#env.tree.files, this.terms, paths);
    return answer;
  }

  /** The first section, which has the terms before its entries. */
  #opening(payload: Uint8Array): readonly Entry[] {
    const [terms, ...entries] = blocks.parseTable<SimTerms | Entry>(payload);
    if (terms !== undefined && "mode" in terms) this.terms = terms;
    return entries.filter((item) => "path" in item);
  }

  #compare(entry: number, path: string, version: Version): void {
    const own = this.#env.tree.get(path);
    this.#update.delete(entry);
    this.#content.delete(entry);
    if (this.terms.mode === "prune" || sameVersion(own, version)) return;
    if (this.terms.mode === "check") {
      if (!sameContent(own, version)) this.#update.add(entry);
      return;
    }
    this.#update.add(entry);
    if (version.kind === "file" && !sameContent(own, version)) this.#content.add(entry);
  }

  #plan(records: readonly blocks.PlanRecord[]): void {
    for (const [section, bits] of records) {
      const { first, count } =
        this.#sections[section] ?? this.#journal.fail("stage: the plan names no section");
      const bitmap = Uint8Array.from(bits);
      for (let i = 0; i < count; i++) if (bitAt(bitmap, i)) this.#planned.add(first + i);
    }
  }

  #layOut(files: readonly number[], firstBlock: number): void {
    let from = 0;
    this.#stream = files.map((entry) => {
      const size = this.#entries[entry]?.version.size ?? 0;
      const file = { entry, from, size };
      from += size;
      return file;
    });
    this.#streamFirst = firstBlock;
    this.#streamBytes = from;
    for (const { entry, size } of this.#stream) {
      if (this.#content.has(entry))
        this.#staged.set(entry, { bytes: new Uint8Array(size), filled: 0, verdict: undefined });
    }
  }

  #contents(block: number, payload: Uint8Array): undefined {
    const from = (block - this.#streamFirst) * this.#capacity;
    const end = from + payload.length;
    this.#journal.check(from >= 0 && end <= this.#streamBytes, "stage: a content block outside the stream");
    for (const file of this.#stream) {
      const staged = this.#staged.get(file.entry);
      const low = Math.max(from, file.from);
      const high = Math.min(end, file.from + file.size);
      if (staged === undefined || low >= high) continue;
      staged.bytes.set(payload.subarray(low - from, high - from), low - file.from);
      staged.filled += high - low;
    }
  }

  #verdict(records: readonly blocks.VerdictRecord[]): undefined {
    for (const [entry, status, hash] of records) {
      if (status !== 0) this.#excluded.add(entry);
      const staged = this.#staged.get(entry);
      if (staged === undefined) continue;
      staged.verdict = status;
      if (status !== 0) continue;
      this.#journal.check(
        staged.filled === staged.bytes.length,
        "stage: a file is not filled at its verdict",
      );
      this.#journal.check(
        bytesHash(staged.bytes, 0) === hash,
        "stage: a file's bytes do not match its verdict",
      );
    }
  }

  #amend(
    records: readonly blocks.AmendmentRecord[],
    at: { readonly block: number; readonly more: boolean },
  ): void {
    const before = at.more ? this.#stream.map((file) => file.entry) : [];
    for (const [entry, version] of records) {
      const old = this.#entries[entry];
      if (old === undefined) continue;
      this.#entries[entry] = { path: old.path, version };
      this.#excluded.delete(entry);
      this.#staged.delete(entry);
      this.#compare(entry, old.path, version);
    }
    this.#layOut([...before, ...records.map(([entry]) => entry)], at.block + 1);
  }

  #checkStaged(entry: number, version: Version): void {
    if (!this.#content.has(entry)) return;
    const staged = this.#staged.get(entry);
    this.#journal.check(
      staged !== undefined && staged.verdict === 0,
      "stage: a file is committed that was never staged",
    );
    const truth = contentBytes(version.content, version.size);
    this.#journal.check(
      Buffer.compare(staged.bytes, truth) === 0,
      "stage: a file is committed with bytes that were never offered",
    );
  }
}
