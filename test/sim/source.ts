import { AMENDMENTS_MAX, BlockKind } from "../../src/wire/constants.ts";
import type { PushKey, SourceReply, SourceRequest } from "../../src/wire/disk-port.ts";
import { bitAt } from "./bits.ts";
import * as blocks from "./blocks.ts";
import { type DiskEnvironment, diskDelay } from "./disk.ts";
import { type Journal, keyText, type PushRecord } from "./journal.ts";
import { termsOf } from "./terms.ts";
import { bytesHash, contentBytes, selectEntries, type Version } from "./tree.ts";

type Push = {
  readonly key: PushKey;
  readonly record: PushRecord;
  readonly capacity: number;
  readonly manifest: readonly blocks.Draft[];
  /** Everything after the manifest, once the unions are known. */
  rest: readonly blocks.Draft[] | undefined;
  contentBytes: number;
  nextBlock: number;
  /** Blocks that have been handed over. */
  told: number;
  /** The final block, or a failure, has been told. */
  over: boolean;
  /** Answers of one push come in order: none before this time. */
  readyAt: number;
  failure: string | undefined;
  closing: boolean;
};

/** The owner's disk in the simulation: the source side of wire/disk-port.ts over a model tree. */
export class FakeSource {
  readonly #env: DiskEnvironment;
  readonly #journal: Journal;
  readonly #reply: (reply: SourceReply) => void;
  readonly #pushes = new Map<string, Push>();

  constructor(environment: DiskEnvironment, reply: (reply: SourceReply) => void) {
    this.#env = environment;
    this.#journal = environment.journal;
    this.#reply = reply;
  }

  get open(): number {
    return this.#pushes.size;
  }

  request(request: SourceRequest): void {
    if (request.kind === "open") return this.#open(request);
    if (request.kind === "names")
      return this.#journal.names(request.key, request.section, request.host, request.update);
    if (request.kind === "explain") return this.#journal.explained(request);
    const push = this.#pushes.get(keyText(request.key));
    this.#journal.check(
      push !== undefined && !push.closing,
      `source: ${request.kind} for a push that is not open`,
    );
    if (request.kind === "union") return this.#union(push, request.section, request.content);
    if (request.kind === "close") return this.#close(push);
    return this.#next(push, request.slot, request.block);
  }

  #open(request: Extract<SourceRequest, { kind: "open" }>): void {
    const { tree, hostIndex, sectionEntries } = this.#env;
    const paths = request.selection.paths.map((path) => new TextDecoder().decode(path));
    const entries = selectEntries(tree.files, paths);
    const { key, task, names, capacity } = request;
    const terms = termsOf(task, { paths, names, files: tree.files });
    const record = this.#journal.opened(key, { owner: hostIndex, entries, terms });
    const manifest = blocks.manifestDrafts(terms, entries, { capacity, sectionEntries });
    let first = 0;
    for (const draft of manifest) {
      record.sections.push({ first, count: draft.entries });
      first += draft.entries;
    }
    const missing = terms.removes ? undefined : paths.find((path) => tree.get(path) === undefined);
    if (missing !== undefined) record.sourceFailed = true;
    this.#pushes.set(keyText(request.key), {
      key: request.key,
      record,
      capacity: request.capacity,
      manifest,
      rest: undefined,
      contentBytes: 0,
      nextBlock: 0,
      told: 0,
      over: false,
      readyAt: 0,
      failure: missing === undefined ? undefined : `no such path: ${missing}`,
      closing: false,
    });
  }

  #union(push: Push, section: number, content: Uint8Array | undefined): void {
    this.#journal.check(
      push.nextBlock >= push.manifest.length,
      "source: a union before the end of the manifest",
    );
    this.#journal.union(push.record, section, content);
  }

  #next(push: Push, slot: number, block: number): void {
    const { prng } = this.#env;
    this.#journal.check(block === push.nextBlock, "source: blocks are asked for out of order");
    this.#journal.check(
      block < push.manifest.length || push.told >= push.manifest.length,
      "source: what follows the manifest is asked for before its end",
    );
    push.nextBlock++;
    // Whatever reads the slot before the answer reads garbage.
    if (!push.over) this.#env.slot(slot).fill(prng.u32() & 0xff);
    this.#later(push, () => {
      // What is asked for behind the final block, or a failure, has no answer.
      if (push.over) return;
      if (push.closing && prng.below(2) === 0) return;
      if (push.failure === undefined && prng.chance(this.#env.faults().sourceFail)) {
        push.record.sourceFailed = true;
        push.failure = "the disk has failed";
      }
      if (push.failure !== undefined) {
        push.over = true;
        return this.#reply({ kind: "failed", key: push.key, message: push.failure });
      }
      this.#block(push, slot, block);
    });
  }

  #block(push: Push, slot: number, block: number): void {
    if (block >= push.manifest.length && push.rest === undefined) {
      this.#journal.check(
        push.record.unions.size === push.manifest.filter(({ entries }) => entries > 0).length,
        "source: the plan begins before every union is known",
      );
      push.rest = this.#afterManifest(push);
    }
    const draft = push.manifest[block] ?? push.rest?.[block - push.manifest.length];
    if (draft === undefined) return this.#journal.check(push.closing, "source: a block without contents");
    push.told++;
    push.over = draft.final;
    const bytes = blocks.putBlock(draft.payload, this.#env.slot(slot), block);
    this.#reply({
      kind: "block",
      key: push.key,
      slot: slot as never,
      block: block as never,
      blockKind: draft.kind,
      bytes,
      lastOfKind: draft.lastOfKind,
      final: draft.final,
      entries: draft.entries,
      contentBytes:
        draft.kind === BlockKind.manifest || (draft.kind === BlockKind.plan && !draft.lastOfKind)
          ? 0
          : (draft.contentBytes ?? push.contentBytes),
    });
  }

  /** Plan, content, verdict, and what follows when files have changed (PROTOCOL §5.5). */
  #afterManifest(push: Push): blocks.Draft[] {
    const { record, capacity } = push;
    const plan: blocks.PlanRecord[] = [];
    const stream: number[] = [];
    record.sections.forEach(({ first, count }, section) => {
      const union = record.unions.get(section);
      if (union === undefined) return;
      plan.push([section, [...union]]);
      for (let i = 0; i < count; i++) if (bitAt(union, i)) stream.push(first + i);
    });
    push.contentBytes = this.#sizeOf(push, stream);
    let files = stream;
    const drafts: blocks.Draft[] = blocks
      .tableDrafts(BlockKind.plan, plan, capacity)
      .map((draft) => ({ ...draft, contentBytes: push.contentBytes }));
    for (let round = 0; files.length > 0; round++) {
      const changed = this.#round(push, files, drafts);
      files = round < AMENDMENTS_MAX ? changed : [];
      if (round >= AMENDMENTS_MAX) for (const entry of changed) record.excluded.add(entry);
      if (files.length === 0) continue;
      drafts.push(...this.#amend(push, files));
      push.contentBytes += this.#sizeOf(push, files);
    }
    const last = drafts.pop() as blocks.Draft;
    return [...drafts, { ...last, final: true }];
  }

  /** Content and verdicts of some files; returns those that changed meanwhile. */
  #round(push: Push, files: readonly number[], drafts: blocks.Draft[]): number[] {
    const { prng } = this.#env;
    const faults = this.#env.faults();
    const parts: Uint8Array[] = [];
    const verdicts: blocks.VerdictRecord[] = [];
    for (const entry of files) {
      const version = this.#version(push, entry);
      const status = prng.chance(faults.fileUnreadable) ? 2 : prng.chance(faults.fileChange) ? 1 : 0;
      const bytes = blocks.readFile(version, status);
      parts.push(bytes);
      verdicts.push([
        entry,
        status,
        status === 0 ? bytesHash(contentBytes(version.content, version.size), 0) : 0,
      ]);
      if (status === 2) push.record.excluded.add(entry);
    }
    const { contentBytes: total } = push;
    const content = blocks
      .contentDrafts(Buffer.concat(parts), push.capacity)
      .map((draft) => this.#journal.shortened.shorten(draft));
    drafts.push(...content.map((draft) => ({ ...draft, contentBytes: total })));
    drafts.push(...blocks.tableDrafts(BlockKind.verdict, verdicts, push.capacity));
    return verdicts.filter(([, status]) => status === 1).map(([entry]) => entry);
  }

  #amend(push: Push, files: readonly number[]): blocks.Draft[] {
    const { tree, numbers } = this.#env;
    tree.begin();
    const records = files.map((entry): blocks.AmendmentRecord => {
      const old = this.#version(push, entry);
      const version: Version = { ...old, content: numbers.next(), size: old.size + 7, meta: old.meta + 1 };
      tree.write(push.record.entries[entry]?.path ?? "", version);
      this.#journal.amended(push.record, entry, version);
      return [entry, version];
    });
    return blocks.tableDrafts(BlockKind.amendment, records, push.capacity);
  }

  #sizeOf(push: Push, files: readonly number[]): number {
    return files.reduce((bytes, entry) => bytes + this.#version(push, entry).size, 0);
  }

  #close(push: Push): void {
    push.closing = true;
    this.#later(push, () => {
      this.#pushes.delete(keyText(push.key));
      this.#reply({ kind: "closed", key: push.key });
    });
  }

  #version(push: Push, entry: number): Version {
    return push.record.entries[entry]?.version ?? this.#journal.fail("source: an entry that does not exist");
  }

  #later(push: Push, run: () => void): void {
    push.readyAt = Math.max(push.readyAt, this.#env.queue.now) + diskDelay(this.#env);
    this.#env.queue.at(push.readyAt, () => {
      if (this.#env.alive()) run();
    });
  }
}
