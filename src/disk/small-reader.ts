import type { Verdict } from "../wire/verdict.ts";
import { type Directories, TURNS_GOOD } from "./directories.ts";
import { type Reading, SEQUENTIAL_BYTES_MIN } from "./file-reader.ts";
import { nameOf, parentOf, toLatin1 } from "./names.ts";
import { agesAt, provesWhole } from "./quiet.ts";
import type { RoundFile } from "./source-round.ts";
import { BULK_FILES_MAX, errnoOf, failed, type OldFile, type Sys, type TakenFile } from "./sys.ts";

/** Collects files of the stream that lie whole in one block, in stream order, and reads them many at a time, each as `FileReader` would. */
export class SmallReader {
  readonly #sys: Sys;
  readonly #directories: Directories;
  readonly #judge: (reading: Reading, file: RoundFile) => void;
  #wanted: OldFile[] = [];
  #files: RoundFile[] = [];
  /** What `Directories.turns` was when the first of these files was added. */
  #since = 0;

  /** `judge` is told what became of each file, in order. */
  constructor(sys: Sys, directories: Directories, judge: (reading: Reading, file: RoundFile) => void) {
    this.#sys = sys;
    this.#directories = directories;
    this.#judge = judge;
  }

  /** Adds a file, whose bytes are to lie at `at` in the arena once `flush` has returned. False: it is none for this way of reading. */
  add(file: RoundFile, at: number): boolean {
    if (file.size >= SEQUENTIAL_BYTES_MIN) return false;
    const directories = this.#directories;
    if (this.#files.length === BULK_FILES_MAX || directories.turns - this.#since >= TURNS_GOOD) this.flush();
    const { turns } = directories;
    const path = toLatin1(file.entry.path);
    const dir = directories.get(parentOf(path));
    if (failed(dir)) return false;
    if (this.#files.length === 0) this.#since = turns;
    const { seconds, nanoseconds } = file.entry;
    this.#wanted.push({ dir, name: nameOf(path), into: { at, bytes: file.size }, seconds, nanoseconds });
    this.#files.push(file);
    return true;
  }

  /** Reads what has been added. */
  flush(): void {
    if (this.#files.length === 0) return;
    const files = this.#files;
    // Before the files are looked at: they are rather taken for younger than they are.
    const now = this.#sys.nowNs();
    const taken = this.#sys.readFiles(this.#wanted, agesAt(now));
    this.#files = [];
    this.#wanted = [];
    for (const [i, file] of files.entries()) {
      const one = taken[i];
      if (one !== undefined) this.#judge(readingOf(one, file, now), file);
    }
  }
}

function readingOf(taken: TakenFile, { number, entry }: RoundFile, now: bigint): Reading {
  const { changedNs, atRest } = taken;
  const { seconds, nanoseconds } = entry;
  const sure = changedNs !== 0n && provesWhole({ changedNs, seconds, nanoseconds }, { nowNs: now, atRest });
  return { verdict: verdictOf(taken, number), changedNs, sure };
}

function verdictOf({ health, digest }: TakenFile, entry: number): Verdict {
  if (health === "good") return { entry, status: "good", digest };
  if (health === "changed") return { entry, status: "changed" };
  return { entry, status: "unreadable", errno: errnoOf(health) };
}
