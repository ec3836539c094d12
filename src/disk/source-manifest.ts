import { assert } from "../wire/brand.ts";
import { BlockKind } from "../wire/constants.ts";
import { type Entry, mayFollow, rawBytesMax, SECTION_FIXED_BYTES, SectionWriter } from "../wire/manifest.ts";
import type { Terms } from "../wire/terms.ts";
import { Directories } from "./directories.ts";
import { errorText, isTrouble } from "./errno.ts";
import type { Problem } from "./lines.ts";
import { nameIn, namesIn } from "./name-list.ts";
import { display, join, mayBeNamed, toBytes, toLatin1 } from "./names.ts";
import { type Found, type Last, type Seen, scan, type TakeRun } from "./scan.ts";
import { FileChecker } from "./source-check.ts";
import { regroup } from "./source-group.ts";
import {
  type Made,
  type Maker,
  madeBlock,
  putCompressed,
  type SourcePush,
  type SourceTools,
  tellProblem,
} from "./source-push.ts";
import { type Outline, outlineOf } from "./source-terms.ts";
import type { Fd, Latin1 } from "./sys.ts";

/** The manifest's blocks, made as the scan goes on (PROTOCOL §10.1). Returns whether the push can go on. */
export function* makeManifest(tools: SourceTools, push: SourcePush): Maker<boolean> {
  const outline = outlineOf(tools, push);
  if ("message" in outline) {
    yield { kind: "failed", message: outline.message };
    return false;
  }
  for (const path of outline.excluded) tellProblem(tools, push, { path, problem: "excluded", errno: 0 });
  const manifest = new ManifestMaker(tools, push, outline);
  try {
    for (const found of scan(tools.sys, push.base, { ...outline.scan, takeRun: manifest.takeRun }))
      if (!manifest.takePlain(found) && !(yield* manifest.take(found))) return false;
  } finally {
    manifest.close();
  }
  if (manifest.removesAll && push.task.removesMax === undefined) {
    yield { kind: "failed", message: nothingHere(tools.shownBase) };
    return false;
  }
  yield manifest.section({ last: true });
  return true;
}

/** It may well be a file system that is not mounted. Who means it says so by a limit. */
function nothingHere(base: Latin1): string {
  return `base directory ${display(base)}: nothing to send, so that all would be removed elsewhere; if that is meant, say --max-delete`;
}

/** What was renamed may be what cannot be read, and the others have the last copies of it. */
const IN_TROUBLE = "nothing is removed elsewhere by a host that cannot read its own tree";

/** A section with files of more bytes than these, which were read for their digests, is sent: receivers can read theirs meanwhile. */
const SECTION_CONTENT_BYTES_MAX = 64 << 20;

class ManifestMaker {
  readonly #tools: SourceTools;
  readonly #push: SourcePush;
  readonly #outline: Outline;
  /** Those of the tree as it is now: what is read for the content stream later is looked for anew. */
  readonly #directories: Directories;
  readonly #checker: FileChecker | undefined;
  readonly #limit: number;
  #terms: Terms;
  #started: SectionWriter | undefined;
  /** Entries of the section so far, and the last one of all. */
  #entries = 0;
  #previous: Last | undefined;
  /** Bytes of the section's files that were read. */
  #content = 0;

  constructor(tools: SourceTools, push: SourcePush, outline: Outline) {
    this.#tools = tools;
    this.#push = push;
    this.#outline = outline;
    this.#terms = outline.terms;
    this.#directories = new Directories(tools.sys, push.base);
    this.#limit = rawBytesMax(push.capacity);
    assert(this.#limit >= SECTION_FIXED_BYTES, "block too small for any section");
    if (push.task.mode === "check") this.#checker = new FileChecker(tools, push, this.#directories);
  }

  close(): void {
    this.#checker?.close();
    this.#directories.release();
  }

  /** Whether nothing stays at receivers, but what is excluded: there is no entry, and they remove what is none. */
  get removesAll(): boolean {
    return this.#terms.baseListed && this.#previous === undefined;
  }

  /** As `take`, of an entry that comes next as it is, and has room in the section: what nearly all are. False: it has not been taken. */
  takePlain(found: Found): boolean {
    if (found.kind !== "entry" || this.#checker !== undefined || this.#previous === undefined) return false;
    const { entry } = found;
    const { gid } = this.#push.task;
    if (gid !== undefined && gid !== entry.gid) return false;
    if (!this.#writer.follows(entry) || this.#writer.add(entry) !== "added") return false;
    this.#entries++;
    this.#previous = entry;
    return true;
  }

  /** Takes names as `TakeRun` says; undefined where there is more to some entries than what the scan sees. */
  get takeRun(): TakeRun | undefined {
    const { hidden, owner } = this.#outline.scan;
    const plain = hidden === undefined && owner === undefined && this.#push.task.gid === undefined;
    return plain && this.#checker === undefined ? (dir, run) => this.#takeRun(dir, run) : undefined;
  }

  #takeRun(dir: Fd, { path, names, next, after }: Parameters<TakeRun>[1]): ReturnType<TakeRun> {
    // What the scan has yielded may have been left out, and the section may have been full.
    if (after !== this.#previous) return undefined;
    const { bytes: room, entries } = this.#writer.room;
    if (entries === 0) return undefined;
    const to = Math.min(namesIn(names), next + entries);
    const run = { names, from: next - 1, to, pathBytes: path.length, room };
    const { count, bytes, stopped } = this.#tools.sys.entries(dir, run);
    if (count === 0) return { taken: 0, last: after, stopped };
    const lastPath = toBytes(join(path, nameIn(names, next + count - 1) ?? ""));
    this.#writer.addWritten(bytes, { count, lastPath });
    this.#entries += count;
    this.#previous = { path: lastPath, type: "file" };
    return { taken: count, last: this.#previous, stopped };
  }

  /** Takes what the scan has found, and makes a section when one is full. Returns whether the push can go on. */
  *take(found: Found): Maker<boolean> {
    if (found.kind === "base") {
      this.#terms = { ...this.#terms, baseListed: found.listed };
      return true;
    }
    if (found.kind === "problem") return yield* this.#leaveOut(found);
    if (found.kind === "gone") return yield* this.#keep(found.path);
    const { entry } = found;
    // Looked at one after the other, a path may have been a file, and the next be inside of it all the same; or a directory names one thing twice.
    if (this.#previous !== undefined && !mayFollow(this.#previous, entry)) {
      this.#tell(toLatin1(entry.path), "changed");
      return true;
    }
    const seen = regroup(this.#tools, this.#push, { entry, directories: this.#directories });
    if (seen === undefined) return this.#outline.keepsOthers ? yield* this.#keep(toLatin1(entry.path)) : true;
    const read = seen.kind === "entry" && seen.entry.type === "file" ? yield* this.#check(seen.entry) : seen;
    return yield* read.kind === "entry" ? this.#add(read.entry) : this.#leaveOut(read);
  }

  /** The section so far, at the push's target; the next one begins. */
  section({ last }: { readonly last: boolean }): Made {
    const bytes = putCompressed(this.#tools, this.#push, this.#writer.take());
    const { arena } = this.#tools;
    const { target, sections } = this.#push;
    sections.add(arena.bytes.subarray(target, target + bytes), this.#entries);
    const made = madeBlock(BlockKind.manifest, bytes, { lastOfKind: last, entries: this.#entries });
    this.#entries = 0;
    this.#content = 0;
    return made;
  }

  /** Made when the terms are complete: they come first. */
  get #writer(): SectionWriter {
    if (this.#started !== undefined) return this.#started;
    this.#push.sections.terms = this.#terms;
    this.#started = new SectionWriter(this.#limit, { terms: this.#terms });
    return this.#started;
  }

  /** A file with its digest, if contents are compared. */
  *#check(entry: Entry): Maker<Seen> {
    if (this.#checker === undefined) return { kind: "entry", entry };
    // An entry will follow, whatever becomes of this file: a last section without any could not be sent.
    if (this.#entries > 0 && this.#content + entry.size > SECTION_CONTENT_BYTES_MAX)
      yield this.section({ last: false });
    this.#content += entry.size;
    return yield* this.#checker.check(entry);
  }

  *#add(entry: Entry): Maker<boolean> {
    const result = yield* this.#put(entry);
    if (result === "added") return true;
    const path = toLatin1(entry.path);
    this.#tell(path, "long");
    return yield* this.#keep(path);
  }

  /** Tells the user of a name that is not sent. */
  *#leaveOut(seen: Extract<Seen, { kind: "problem" }>): Maker<boolean> {
    tellProblem(this.#tools, this.#push, seen);
    const { path, errno } = seen;
    if (this.#outline.keepsOthers && isTrouble(errno)) {
      const shown = display(path === "" ? this.#tools.shownBase : path);
      yield { kind: "failed", message: `${shown}: ${errorText(errno)}: ${IN_TROUBLE}` };
      return false;
    }
    // A directory that cannot be listed has its entry already, and the base has none.
    if (seen.problem === "unlisted" || !mayBeNamed(seen.path)) return true;
    return this.#checker === undefined && !this.#outline.keepsOthers ? true : yield* this.#keep(seen.path);
  }

  /** Says that there is something of this name, so that receivers do not remove theirs. */
  *#keep(path: Latin1): Maker<boolean> {
    if (this.#checker === undefined && !this.#outline.keepsOthers) return true;
    const other = nameOnly(path);
    if (this.#previous !== undefined && !mayFollow(this.#previous, other)) return true;
    if ((yield* this.#put(other)) === "added") return true;
    yield { kind: "failed", message: `${display(path)}: the name is too long for the blocks of this push` };
    return false;
  }

  *#put(entry: Entry): Maker<"added" | "unfit"> {
    let added = this.#writer.add(entry);
    if (added === "full") {
      yield this.section({ last: false });
      added = this.#writer.add(entry);
    }
    if (added !== "added") return "unfit";
    this.#entries++;
    this.#previous = entry;
    return added;
  }

  #tell(path: Latin1, problem: Problem): void {
    tellProblem(this.#tools, this.#push, { path, problem, errno: 0 });
  }
}

/** An entry that says of a name only that there is one. */
function nameOnly(path: Latin1): Entry {
  const attributes = { mode: 0, uid: 0, gid: 0, seconds: 0n, nanoseconds: 0, size: 0 };
  return { type: "other", path: toBytes(path), ...attributes };
}
