import type { Entry } from "../wire/manifest.ts";
import type { Verdict } from "../wire/verdict.ts";
import type { Directories } from "./directories.ts";
import { nameOf, parentOf, toLatin1 } from "./names.ts";
import { agesAt, provesWhole } from "./quiet.ts";
import type { Stretch } from "./stream-digest.ts";
import { type Extent, errnoOf, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";

/** From this size on the kernel is told that a file is read from front to back. */
export const SEQUENTIAL_BYTES_MIN = 1 << 20;

/** What the bytes of each file that is read go into, in order, as much at a time as the reader is asked for. */
export type ReadDigest = {
  reset(file: Stretch): void;
  update(extent: Extent): void;
  finish(): Uint8Array;
};

/** Whether a file's reading went well so far; `errno` of what failed. */
type Health =
  | { readonly kind: "good" }
  | { readonly kind: "changed" }
  | { readonly kind: "unreadable"; readonly errno: number };

/** What became of a file; the rest is of a good one. */
export type Reading = {
  readonly verdict: Verdict;
  /** Its time of the last change, before and after. */
  readonly changedNs: bigint;
  /** Whether its times prove that it was whole, and not changed while it was read. */
  readonly sure: boolean;
};

/**
 * Reads one file of the content stream after the other, each from front to back, and judges whether what was read is the file of the
 * manifest as a whole (PROTOCOL §10.4). A file that turns out bad still fills its part of the stream, with zeros.
 */
export class FileReader {
  readonly #sys: Sys;
  readonly #memory: Uint8Array;
  readonly #directories: Directories;
  readonly #digest: ReadDigest;
  #fd: Fd | undefined;
  #health: Health = { kind: "good" };
  #opened: Stat | undefined;
  #openedNs = 0n;
  #atRest = false;
  #position = 0;
  #size = 0;

  /** `memory`: the arena's bytes. The digest stays the caller's. */
  constructor(options: { sys: Sys; memory: Uint8Array; directories: Directories; digest: ReadDigest }) {
    this.#sys = options.sys;
    this.#memory = options.memory;
    this.#directories = options.directories;
    this.#digest = options.digest;
  }

  /** Bytes of the file that are still to come. */
  get left(): number {
    return this.#size - this.#position;
  }

  /** Whether the file is good so far. */
  get good(): boolean {
    return this.#health.kind === "good";
  }

  /** Starts a file, which begins at byte `from` of its round; it must still be what its entry says, and last changed at that time if one is given. */
  open(entry: Entry, { from = 0, changedNs }: { from?: number; changedNs?: bigint } = {}): void {
    this.#digest.reset({ from, size: entry.size });
    this.#position = 0;
    this.#size = entry.size;
    this.#health = { kind: "good" };
    // Before the file is looked at: it is rather taken for younger than it is.
    this.#openedNs = this.#sys.nowNs();
    const fd = this.#openPath(toLatin1(entry.path));
    if (failed(fd)) {
      this.#health = { kind: "unreadable", errno: errnoOf(fd) };
      return;
    }
    this.#fd = fd;
    const stat = this.#sys.stat(fd);
    if (failed(stat)) this.#health = { kind: "unreadable", errno: errnoOf(stat) };
    else if (!isStill(entry, stat) || (changedNs ?? stat.changedNs) !== stat.changedNs)
      this.#health = { kind: "changed" };
    else this.#opened = stat;
    // After that look, and before anything is read; once more before the last look.
    const { youngNs } = agesAt(this.#openedNs);
    this.#atRest = this.good && !failed(stat) && stat.changedNs >= youngNs && this.#sys.atRest(fd);
    // The time of a write that is under way was before that look.
    this.#sys.awaitWrites(fd);
    if (entry.size >= SEQUENTIAL_BYTES_MIN) this.#sys.sequential(fd);
  }

  /** Puts the next bytes, at most `left`, into the arena. */
  read(into: Extent): void {
    let done = 0;
    if (this.#fd !== undefined && this.#health.kind === "good") {
      const result = this.#sys.read(this.#fd, into, this.#position);
      if (result < 0) this.#health = { kind: "unreadable", errno: errnoOf(result) };
      else if (result < into.bytes) this.#health = { kind: "changed" };
      done = Math.max(0, result);
    }
    if (done < into.bytes) this.#memory.fill(0, into.at + done, into.at + into.bytes);
    this.#position += into.bytes;
    if (this.#health.kind === "good") this.#digest.update(into);
  }

  /** Ends the file and says what became of it. */
  finish(number: number): Reading {
    const before = this.#opened;
    if (this.#fd !== undefined && this.#health.kind === "good") {
      this.#atRest &&= this.#sys.atRest(this.#fd);
      // A hole in a file of tmpfs has its time when it has been made.
      this.#sys.awaitWrites(this.#fd);
      const after = this.#sys.stat(this.#fd);
      if (failed(after)) this.#health = { kind: "unreadable", errno: errnoOf(after) };
      else if (before === undefined || !isSame(before, after)) this.#health = { kind: "changed" };
    }
    this.close();
    const at = { nowNs: this.#openedNs, atRest: this.#atRest };
    const sure = before !== undefined && provesWhole(before, at);
    return { verdict: this.#verdict(number), changedNs: before?.changedNs ?? 0n, sure };
  }

  #verdict(entry: number): Verdict {
    const health = this.#health;
    if (health.kind === "good") return { entry, status: "good", digest: this.#digest.finish() };
    if (health.kind === "changed") return { entry, status: "changed" };
    return { entry, status: "unreadable", errno: health.errno };
  }

  /** Closes the file, wherever reading is. */
  close(): void {
    if (this.#fd !== undefined) this.#sys.close(this.#fd);
    this.#fd = undefined;
    this.#opened = undefined;
  }

  #openPath(path: Latin1): ReturnType<Sys["open"]> {
    const parent = this.#directories.get(parentOf(path));
    return failed(parent) ? parent : this.#sys.open(parent, nameOf(path), "read");
  }
}

/** Whether a file is still the one of its entry. */
function isStill(entry: Entry, stat: Stat): boolean {
  const sameTime = stat.seconds === entry.seconds && stat.nanoseconds === entry.nanoseconds;
  return stat.kind === "file" && stat.size === entry.size && sameTime;
}

function isSame(before: Stat, after: Stat): boolean {
  const sameTime = before.seconds === after.seconds && before.nanoseconds === after.nanoseconds;
  return before.size === after.size && sameTime && before.changedNs === after.changedNs;
}
