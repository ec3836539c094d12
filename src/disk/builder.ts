import { assert } from "../wire/brand.ts";
import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { Entry } from "../wire/manifest.ts";
import { Mark } from "./marks.ts";
import { join, nameOf, parentOf, toLatin1 } from "./names.ts";
import { currentEntry, failure, metadataOf, type StagePush } from "./stage-push.ts";
import { Errno, type Failed, type Fd, failed, type Latin1, type NewFiles, type Sys } from "./sys.ts";
import type { TableBatch } from "./table-batch.ts";

/**
 * Up to this many staged entries are flushed one by one; with more, one flush of the whole file system is cheaper. It is the smaller evil for
 * few, too, only where nobody else writes: syncfs waits for everything that is dirty on the file system, which on a busy database host is much.
 */
export const FLUSHED_SINGLY_MAX = 16;

/**
 * Makes the staged form of what differs. What lies in a new directory is staged inside of it, under its own name; everything else directly
 * in the push's staging directory, under its entry's number.
 *
 * Flushing: before a receiver says PREPARED, all that it staged must survive a power failure, or a commit could leave empty files behind.
 * Few files are flushed (fsync) as they are completed, and so are their directories. For many that would cost a journal commit each;
 * there, writing back is started early where files are large, and one syncfs at the end both waits for all of it and tells of any write
 * error since the staging directory was opened (Linux 5.8). All this only if the push's rules say so.
 */
export class Builder {
  readonly #sys: Sys;
  readonly #push: StagePush;
  /** Entries below this number have been made, but for those with content. */
  #next = 0;
  #singly: boolean | undefined;
  /** The root that was asked for last. */
  #root: { readonly number: number; readonly path: Latin1 } | undefined;

  constructor(sys: Sys, push: StagePush) {
    this.#sys = sys;
    this.#push = push;
  }

  /** Makes what comes before entry `until` and needs no content: directories, links, FIFOs, empty files. */
  advance(until: number): DiskFailure | undefined {
    const { sections, marks } = this.#push;
    if (this.#next >= until) return undefined;
    let { section, index } = sections.locate(this.#next);
    for (; section < sections.count; section++, index = 0) {
      const bits = marks.of(section);
      const firstEntry = sections.firstEntry(section);
      const length = Math.min(sections.length(section), until - firstEntry);
      for (; bits !== undefined && index < length; index++) {
        const mark = bits[index] ?? 0;
        // An amendment may have made one before its turn.
        if (!isStaged(mark) || (mark & (Mark.content | Mark.staged)) !== 0) continue;
        const problem = this.make(firstEntry + index);
        if (problem !== undefined) return problem;
      }
      if (firstEntry + sections.length(section) >= until) break;
    }
    this.#next = until;
    return undefined;
  }

  /** Makes an entry that needs no content. */
  make(number: number): DiskFailure | undefined {
    const entry = currentEntry(this.#push, number);
    if (entry.type === "file") {
      const fd = this.create(number);
      return failed(fd) ? failure(FailStep.stage, fd, number) : this.complete(number, fd);
    }
    const place = this.#place(number);
    if (failed(place)) return failure(FailStep.stage, place, number);
    const made = makeNode(this.#sys, entry, place);
    if (made < 0) return failure(FailStep.stage, made, number);
    // A directory's metadata comes last: what is made in it would change its time again.
    if (entry.type !== "directory") {
      const set = this.#setMetadata(entry, place);
      if (set < 0) return failure(FailStep.metadata, set, number);
    }
    this.#push.marks.change(number, { set: Mark.staged });
    return undefined;
  }

  /** Makes a file that is to be written. */
  create(number: number): Fd | Failed {
    const place = this.#place(number);
    return failed(place) ? place : this.#sys.open(place.dir, place.name, "create");
  }

  /**
   * Makes what comes before entry `number`, a file, and says where it and those after it in the same directory are staged. Its directory is open until
   * something else is asked for.
   */
  runFrom(number: number): StagedRun | DiskFailure {
    const { sections, marks } = this.#push;
    const problem = this.advance(number);
    if (problem !== undefined) return problem;
    const place = this.#place(number);
    if (failed(place)) return failure(FailStep.stage, place, number);
    const { section, index } = sections.locate(number);
    const firstEntry = sections.firstEntry(section);
    const end = firstEntry + sections.read(section).siblingsEnd(index);
    const numbered = (marks.get(number) & Mark.inside) === 0;
    return { section, firstEntry, end, dir: place.dir, numbered };
  }

  /** Files of a run as `Sys.makeFiles` takes them. Good until another section is read. */
  filesOf({ section, firstEntry, numbered }: StagedRun, batch: TableBatch): NewFiles {
    const { count, indexes, offsets, at } = batch;
    const table = this.#push.sections.read(section);
    const numberedFrom = numbered ? firstEntry : undefined;
    return { table, count, indexes, offsets, at, numberedFrom, owned: this.#sys.root };
  }

  /** Files of a run have been made. */
  made({ section }: StagedRun, indexes: Uint32Array): void {
    const bits = this.#push.marks.of(section);
    assert(bits !== undefined, "files that nobody needs");
    for (let i = 0; i < indexes.length; i++) {
      const index = indexes[i] ?? 0;
      bits[index] = (bits[index] ?? 0) | Mark.staged;
    }
  }

  /** Ends a file whose bytes are all there, and closes it. */
  complete(number: number, fd: Fd): DiskFailure | undefined {
    const set = this.#sys.setMetadata(fd, metadataOf(this.#sys, currentEntry(this.#push, number)));
    const flushed = set === 0 && this.flushesSingly() ? this.#sys.sync(fd) : 0;
    this.#sys.close(fd);
    if (set < 0) return failure(FailStep.metadata, set, number);
    if (flushed < 0) return failure(FailStep.flush, flushed, number);
    this.#push.marks.change(number, { set: Mark.staged });
    return undefined;
  }

  /** Removes a staged file that turned out bad, as if it had never come. */
  discard(number: number): DiskFailure | undefined {
    this.#push.marks.change(number, { set: 0, clear: Mark.staged });
    const place = this.#place(number);
    if (failed(place)) return failure(FailStep.stage, place, number);
    const removed = this.#sys.removeFile(place.dir, place.name);
    return removed < 0 && removed !== -Errno.ENOENT ? failure(FailStep.stage, removed, number) : undefined;
  }

  /** Makes the rest, gives the new directories their metadata, deepest first, and has everything on disk when it returns. */
  finish(): DiskFailure | undefined {
    const { sections, marks, staging, rules } = this.#push;
    const problem = this.advance(sections.entries);
    if (problem !== undefined) return problem;
    for (let section = sections.count - 1; section >= 0; section--) {
      const bits = marks.of(section);
      for (let index = (bits?.length ?? 0) - 1; index >= 0; index--) {
        const mark = bits?.[index] ?? 0;
        if ((mark & Mark.staged) === 0 || (mark & Mark.content) !== 0) continue;
        if (sections.read(section).type(index) !== "directory") continue;
        const wrong = this.#finishDirectory(sections.firstEntry(section) + index, mark);
        if (wrong !== undefined) return wrong;
      }
    }
    if (!rules.flushes) return undefined;
    const flushed = this.flushesSingly() ? staging.flushDirectory() : staging.flush();
    return flushed < 0 ? failure(FailStep.flush, flushed, undefined) : undefined;
  }

  #finishDirectory(number: number, mark: number): DiskFailure | undefined {
    const place = this.#place(number);
    const fd = failed(place) ? place : this.#sys.open(place.dir, place.name, "directory");
    if (failed(fd)) return failure(FailStep.metadata, fd, number);
    const metadata = metadataOf(this.#sys, currentEntry(this.#push, number));
    // To move a directory, its owner needs the right to write to it (its `..` changes). The commit sets the right mode.
    const mode = (mark & Mark.root) !== 0 && !this.#sys.root ? (metadata.mode ?? 0) | 0o700 : metadata.mode;
    const set = this.#sys.setMetadata(fd, { ...metadata, mode });
    const flushed = set === 0 && this.flushesSingly() ? this.#sys.sync(fd) : 0;
    this.#sys.close(fd);
    if (set < 0) return failure(FailStep.metadata, set, number);
    return flushed < 0 ? failure(FailStep.flush, flushed, number) : undefined;
  }

  #setMetadata(entry: Entry, { dir, name }: Place): number {
    const fd = this.#sys.open(dir, name, "handle");
    if (failed(fd)) return fd;
    const result = this.#sys.setMetadata(fd, metadataOf(this.#sys, entry));
    this.#sys.close(fd);
    return result;
  }

  /** Where an entry is staged: a directory that is there, and a name in it. */
  #place(number: number): Place | Failed {
    const { staging } = this.#push;
    const made = staging.make();
    if (made < 0) return made as Failed;
    const path = stagedPath(this.#push, number, (root) => this.#rootPath(root));
    const dir = staging.getOrMake(parentOf(path));
    return failed(dir) ? dir : { dir, name: nameOf(path) };
  }

  #rootPath(number: number): Latin1 {
    if (this.#root?.number !== number) this.#root = { number, path: rootPath(this.#push, number) };
    return this.#root.path;
  }

  /** Whether each staged entry is flushed by itself. */
  flushesSingly(): boolean {
    const { roots, rules } = this.#push;
    this.#singly ??= !roots.anyImplicit && rules.flushes && this.#count() <= FLUSHED_SINGLY_MAX;
    return this.#singly;
  }

  /** Entries to be staged, as far as it matters. */
  #count(): number {
    const { sections, marks } = this.#push;
    let count = 0;
    for (let section = 0; section < sections.count && count <= FLUSHED_SINGLY_MAX; section++) {
      for (const mark of marks.of(section) ?? []) if (isStaged(mark)) count++;
    }
    return count;
  }
}

type Place = { readonly dir: Fd; readonly name: Latin1 };

/** Files that follow one another in a directory: those of a section from one entry on until before `end`. */
export type StagedRun = {
  readonly section: number;
  /** Of the section. */
  readonly firstEntry: number;
  readonly end: number;
  /** Where they are staged. */
  readonly dir: Fd;
  /** Whether each has its entry's number as its name there, and not its own. */
  readonly numbered: boolean;
};

/** Whether marks say that an entry has, or is to get, a staged form. */
export function isStaged(mark: number): boolean {
  return (mark & Mark.update) !== 0 && (mark & Mark.inPlace) === 0;
}

/** Path of an entry in the push's staging directory. */
export function stagedPath(push: StagePush, number: number, pathOfRoot?: (root: number) => Latin1): Latin1 {
  const { sections, marks, roots } = push;
  if ((marks.get(number) & Mark.inside) === 0) return String(number);
  const root = roots.of(number);
  const above = pathOfRoot?.(root) ?? rootPath(push, root);
  return join(String(root), pathOf(sections, number).slice(above.length + 1));
}

/** Path of a new directory that is staged whole. */
export function rootPath({ sections, roots }: Pick<StagePush, "sections" | "roots">, root: number): Latin1 {
  const path = pathOf(sections, root);
  const implicit = roots.implicit(root);
  return implicit === undefined ? path : path.slice(0, implicit);
}

function pathOf(sections: StagePush["sections"], number: number): Latin1 {
  const { section, index } = sections.locate(number);
  return sections.path(section, index);
}

function makeNode(sys: Sys, entry: Entry, { dir, name }: Place): number {
  switch (entry.type) {
    case "directory":
      return sys.makeDirectory(dir, name);
    case "symlink":
      return sys.makeSymlink(toLatin1(entry.target ?? new Uint8Array()), dir, name);
    case "fifo":
      return sys.makeFifo(dir, name);
    case "block":
    case "character":
      return sys.makeDevice(dir, name, entry.type, entry.size);
    // A file has its own way, and an "other" is never made.
    case "file":
    case "other":
      return -Errno.EINVAL;
  }
}
