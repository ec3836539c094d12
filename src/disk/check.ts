import { sameBytes } from "../wire/bitmap.ts";
import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { Entry } from "../wire/manifest.ts";
import type { Digest } from "./digest.ts";
import type { Directories } from "./directories.ts";
import { Mark, type Marks } from "./marks.ts";
import { isReserved, nameOf, parentOf, toLatin1 } from "./names.ts";
import { OwnStatus } from "./own-status.ts";
import type { Rules } from "./rules.ts";
import {
  Errno,
  type Extent,
  errnoOf,
  type Failed,
  type Fd,
  failed,
  isAbsence,
  type Latin1,
  type Stat,
  type Sys,
} from "./sys.ts";

/** From this size on the kernel is told that a file is read from front to back. */
const SEQUENTIAL_BYTES_MIN = 1 << 20;

export type CheckOptions = {
  readonly sys: Sys;
  readonly digest: Digest;
  /** Of the own tree. */
  readonly directories: Directories;
  readonly marks: Marks;
  readonly rules: Rules;
};

/** Something of the own tree that can be looked at: a name in an open directory. */
type Own = { readonly parent: Fd; readonly path: Latin1; readonly stat: Stat };

/**
 * Compares the contents of a manifest with those of the own tree, entry by entry: an entry differs if it is missing, is of another type, or has
 * another content, link target or device number. Metadata does not count. What cannot be read makes the check fail: nobody knows whether it differs.
 */
export class Checker {
  readonly #options: CheckOptions;

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /** Compares the next section, whose entries are numbered from `firstEntry`, and marks what differs. Own files are read into `room`. */
  section(
    section: number,
    firstEntry: number,
    { entries, room }: { entries: readonly Entry[]; room: Extent },
  ): DiskFailure | undefined {
    const paths = entries.map((entry) => toLatin1(entry.path));
    const own = new OwnStatus(this.#options, paths);
    const marks = new Uint8Array(entries.length);
    for (const [index, entry] of entries.entries()) {
      const path = paths[index] ?? "";
      const number = firstEntry + index;
      if (isReserved(path)) return { errno: Errno.EPERM, step: FailStep.manifest, entry: number };
      if (this.#options.rules.leavesAlone(entry.type)) continue;
      const differs = this.#differs(entry, path, { own, index, room });
      if (failed(differs)) return { errno: errnoOf(differs), step: FailStep.compare, entry: number };
      marks[index] = differs ? Mark.update : 0;
    }
    this.#options.marks.put(section, marks);
    return undefined;
  }

  #differs(
    entry: Entry,
    path: Latin1,
    { own, index, room }: { own: OwnStatus; index: number; room: Extent },
  ): boolean | Failed {
    const { sys, directories, rules } = this.#options;
    const parent = directories.get(parentOf(path));
    if (failed(parent)) return isAbsence(parent) || parent;
    const stat = own.get(index, parent);
    if (failed(stat)) return isAbsence(stat) || stat;
    if (stat.kind !== entry.type) return !rules.leavesAlone(stat.kind);
    switch (entry.type) {
      case "file":
        return this.#fileDiffers(entry, { parent, path, stat }, room);
      case "symlink": {
        const target = sys.readLink(parent, nameOf(path));
        if (typeof target !== "string") return target === -Errno.EINVAL || isAbsence(target) || target;
        return target !== toLatin1(entry.target ?? new Uint8Array());
      }
      case "block":
      case "character":
        return stat.number !== entry.size;
      case "directory":
      case "fifo":
        return false;
    }
  }

  #fileDiffers(entry: Entry, { parent, path, stat }: Own, room: Extent): boolean | Failed {
    if (stat.size !== entry.size) return true;
    if (entry.size === 0) return false;
    const fd = this.#options.sys.open(parent, nameOf(path), "read");
    if (failed(fd)) return isAbsence(fd) || fd;
    const digest = this.#options.digest.open();
    try {
      return this.#contentDiffers(entry, fd, { digest, room });
    } finally {
      digest.close();
      this.#options.sys.close(fd);
    }
  }

  /** One that changes while it is read differs. */
  #contentDiffers(
    entry: Entry,
    fd: Fd,
    { digest, room }: { digest: ReturnType<Digest["open"]>; room: Extent },
  ): boolean | Failed {
    const { sys } = this.#options;
    const before = sys.stat(fd);
    if (failed(before)) return before;
    if (before.kind !== "file" || before.size !== entry.size) return true;
    if (entry.size >= SEQUENTIAL_BYTES_MIN) sys.sequential(fd);
    for (let position = 0; position < entry.size; ) {
      const part = { at: room.at, bytes: Math.min(room.bytes, entry.size - position) };
      const read = sys.read(fd, part, position);
      if (read < 0) return read as Failed;
      if (read < part.bytes) return true;
      digest.update(part);
      position += read;
    }
    const after = sys.stat(fd);
    if (failed(after)) return after;
    const same = entry.digest !== undefined && sameBytes(digest.finish(), entry.digest);
    return !same || !isUnchanged(before, after);
  }
}

function isUnchanged(before: Stat, after: Stat): boolean {
  const sameTime = before.seconds === after.seconds && before.nanoseconds === after.nanoseconds;
  return before.size === after.size && sameTime && before.changedNs === after.changedNs;
}
