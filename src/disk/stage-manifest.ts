import { DIGEST_BYTES } from "../wire/constants.ts";
import type { DiskFailure, NeedAnswer } from "../wire/disk-port.ts";
import { decodeSection, type Entry, mayFollow } from "../wire/manifest.ts";
import { type CompareOptions, Comparer } from "./compare.ts";
import { Mark } from "./marks.ts";
import { memoryFailure, protocolFailure, type StagePush } from "./stage-push.ts";

/** Bytes that are kept of a section besides its frame, and of what is in it (Budget); the objects' sizes are estimates. */
const SECTION_BYTES = 256;
/** Of a file that is needed: its digest, in a table that doubles. */
const CONTENT_BYTES = 3 * DIGEST_BYTES;
const ROOT_BYTES = 64;

/** What taking a manifest block comes to. */
export type ManifestUse = { readonly need?: NeedAnswer; readonly failure?: DiskFailure };

/** Takes the manifest blocks of a push on a receiver (PROTOCOL §10.1): compares each with the own tree. */
export class ManifestIntake {
  readonly #push: StagePush;
  readonly #comparer: Comparer;
  #lastEntry: Entry | undefined;

  constructor(push: StagePush, comparing: CompareOptions) {
    this.#push = push;
    this.#comparer = new Comparer(comparing);
  }

  /** Takes the next block: its frame, and what that expands to. */
  take(frame: Uint8Array, raw: Uint8Array, lastOfKind: boolean): ManifestUse {
    const { sections, marks } = this.#push;
    const decoded = decodeSection(raw);
    if (typeof decoded === "string") return { failure: protocolFailure() };
    const { firstEntry, entries } = decoded;
    const first = entries[0];
    const section = sections.count;
    const empty = first === undefined && (section > 0 || !lastOfKind);
    if (empty || firstEntry !== sections.entries) return { failure: protocolFailure() };
    if (first !== undefined && this.#lastEntry !== undefined && !mayFollow(this.#lastEntry, first))
      return { failure: protocolFailure(firstEntry) };
    sections.add(frame, entries);
    this.#lastEntry = entries.at(-1);
    const failure =
      this.#comparer.section(section, firstEntry, entries) ?? this.#charge(section, frame.length);
    if (failure !== undefined) return { failure };
    // The directories that the comparison held are of no use any more, and there may be many pushes.
    if (lastOfKind) this.#push.directories.release();
    const update = marks.bitmap(section, Mark.update);
    const content = marks.bitmap(section, Mark.content);
    return { need: { section, entries: entries.length, update, content } };
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
