import { DIGEST_BYTES } from "../wire/constants.ts";
import type { Verdict } from "../wire/verdict.ts";
import type { Directories } from "./directories.ts";
import { type Reading, SEQUENTIAL_BYTES_MIN } from "./file-reader.ts";
import { agesAt, provesWhole } from "./quiet.ts";
import { type Sections, tableParent } from "./sections.ts";
import type { RoundFile } from "./source-round.ts";
import { errnoOf, type Fd, failed, type Sys, type TakenFiles } from "./sys.ts";
import { TableBatch } from "./table-batch.ts";

/** Where files that are read together are: in the directory `dir`, and in the manifest from entry `firstEntry` of a section on until before `end`. */
type Run = {
  readonly section: number;
  readonly firstEntry: number;
  readonly end: number;
  readonly dir: Fd;
};

/** Who is told what became of the files, in order. */
export type Judge = {
  /** A file was read whole for sure: its digest. */
  readonly good: (digests: Uint8Array, at: number) => void;
  /** Of any other. */
  readonly other: (reading: Reading, file: RoundFile) => void;
};

/**
 * Collects files of the stream that lie whole in one block, in stream order, and reads those that follow one another in a directory at once, each as
 * `FileReader` would.
 */
export class SmallReader {
  readonly #sys: Sys;
  readonly #directories: Directories;
  readonly #sections: Sections;
  readonly #judge: Judge;
  readonly #batch = new TableBatch();
  #run: Run | undefined;
  #files: RoundFile[] = [];

  constructor(
    sys: Sys,
    { directories, sections }: { directories: Directories; sections: Sections },
    judge: Judge,
  ) {
    this.#sys = sys;
    this.#directories = directories;
    this.#sections = sections;
    this.#judge = judge;
  }

  /**
   * Adds a file, which is what the manifest says, and whose bytes are to lie at `at` in the arena once `flush` has returned. False: it is none for
   * this way of reading.
   */
  add(file: RoundFile, at: number): boolean {
    if (file.size >= SEQUENTIAL_BYTES_MIN) return false;
    let run = this.#run;
    if (run === undefined || file.number >= run.end || this.#batch.full) {
      this.flush();
      run = this.#runFrom(file.number);
      if (run === undefined) return false;
      this.#run = run;
    }
    this.#batch.add(file.number - run.firstEntry, at);
    this.#files.push(file);
    return true;
  }

  /** Reads what has been added. */
  flush(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    const batch = this.#batch;
    const files = this.#files;
    const { count, indexes, offsets, at } = batch;
    // Before the files are looked at: they are rather taken for younger than they are.
    const now = this.#sys.nowNs();
    const table = this.#sections.read(run.section);
    const taken = this.#sys.readFiles(run.dir, { table, count, indexes, offsets, at }, agesAt(now));
    for (let i = 0; i < count; i++) {
      const file = files[i];
      // What is not fresh has been left alone for longer than any margin.
      if (taken.health(i) === "good" && !taken.isFresh(i)) this.#judge.good(taken.digests, i * DIGEST_BYTES);
      else if (file !== undefined) this.#judge.other(readingOf(taken, i, { file, now }), file);
    }
    batch.count = 0;
    this.#files = [];
  }

  /** The files from entry `number` on in its directory, which is open until another is asked for; undefined if it cannot be opened. */
  #runFrom(number: number): Run | undefined {
    const sections = this.#sections;
    const { section, index } = sections.locate(number);
    const table = sections.read(section);
    const dir = this.#directories.get(tableParent(table, index));
    if (failed(dir)) return undefined;
    const firstEntry = sections.firstEntry(section);
    return { section, firstEntry, end: firstEntry + table.siblingsEnd(index), dir };
  }
}

function readingOf(
  taken: TakenFiles,
  i: number,
  { file, now }: { readonly file: RoundFile; readonly now: bigint },
): Reading {
  const { seconds, nanoseconds } = file.entry;
  const changedNs = taken.changedNs(i);
  const times = { changedNs, seconds, nanoseconds };
  const sure = changedNs !== 0n && provesWhole(times, { nowNs: now, atRest: taken.atRest(i) });
  return { verdict: verdictOf(taken, i, file.number), changedNs, sure };
}

function verdictOf(taken: TakenFiles, i: number, entry: number): Verdict {
  const health = taken.health(i);
  const digest = taken.digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);
  if (health === "good") return { entry, status: "good", digest };
  if (health === "changed") return { entry, status: "changed" };
  return { entry, status: "unreadable", errno: errnoOf(health) };
}
