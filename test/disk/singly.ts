import type { Arena } from "../../src/disk/arena.ts";
import type { Digest } from "../../src/disk/digest.ts";
import { nameListOf } from "../../src/disk/name-list.ts";
import { nameOf, toLatin1 } from "../../src/disk/names.ts";
import {
  type Ages,
  Differs,
  Errno,
  type Extent,
  type Failed,
  type Fd,
  failed,
  type Latin1,
  type MadeFiles,
  type Stat,
  type Sys,
  type TableFiles,
  type TakenFiles,
} from "../../src/disk/sys.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { entriesOf } from "./single-entries.ts";

/**
 * The calls that treat many files at once, by the calls that treat one: what the shim is to do, in words of the port. A test that stops, fails or
 * watches single system calls has those of the bulk calls before it, too.
 */
export function singly(
  sys: () => Sys,
  { arena, digest }: { arena: Arena; digest: Digest },
): Pick<Sys, "makeFiles" | "readFiles" | "compare" | "listInOrder" | "entries"> {
  return {
    makeFiles(dir, files) {
      const { table, count, indexes, numberedFrom, owned } = files;
      const digests: Uint8Array[] = [];
      let stopped: MadeFiles["failed"];
      for (let i = 0; i < count && stopped === undefined; i++) {
        const index = indexes[i] ?? 0;
        const entry = table.entry(index);
        const name = numberedFrom === undefined ? nameOf(toLatin1(entry.path)) : `${numberedFrom + index}`;
        const file = { dir, name, entry, at: extentOf(files, i) };
        stopped = make(sys(), file, owned);
        if (stopped === undefined) digests.push(digest.block(file.at, 0));
      }
      return { made: digests.length, digests: Buffer.concat(digests), failed: stopped };
    },
    compare(dir, { table, from, to }) {
      const indexes = Array.from({ length: to - from }, (_, i) => from + i);
      return Uint8Array.from(indexes, (index) => {
        const entry = table.entry(index);
        const [stat] = [...sys().statMany(dir, [nameOf(toLatin1(entry.path))])];
        return stat === undefined ? Differs.unknown : differenceOf(entry, stat);
      });
    },
    listInOrder(fd) {
      const names = sys().list(fd);
      return failed(names) ? names : nameListOf(names.sort());
    },
    entries: (dir, run) => entriesOf(sys(), dir, run),
    readFiles(dir, files, ages) {
      const taken = Array.from({ length: files.count }, (_, i) => {
        const entry = files.table.entry(files.indexes[i] ?? 0);
        const file = { dir, name: nameOf(toLatin1(entry.path)), entry, at: extentOf(files, i) };
        return read(sys(), { arena, digest, ages }, file);
      });
      return takenFiles(taken);
    },
  };
}

/** A file of a table: its entry, where it is, and where its bytes go or come from. */
type File = { readonly dir: Fd; readonly name: Latin1; readonly entry: Entry; readonly at: Extent };
type Taken = {
  readonly health: "good" | "changed" | Failed;
  readonly changedNs: bigint;
  readonly fresh: boolean;
  readonly atRest: boolean;
  readonly digest: Uint8Array;
};

function extentOf({ table, indexes, offsets, at }: TableFiles, i: number): Extent {
  return { at: at + (offsets[i] ?? 0), bytes: table.size(indexes[i] ?? 0) };
}

function takenFiles(taken: readonly Taken[]): TakenFiles {
  return {
    digests: Buffer.concat(taken.map(({ digest }) => digest)),
    health: (i) => taken[i]?.health ?? "changed",
    isFresh: (i) => taken[i]?.fresh === true,
    changedNs: (i) => taken[i]?.changedNs ?? 0n,
    atRest: (i) => taken[i]?.atRest === true,
  };
}

function differenceOf(entry: Entry, stat: Stat | Failed): number {
  if (failed(stat)) return stat === -Errno.ENOENT ? Differs.missing : Differs.unknown;
  const sameTime = stat.seconds === entry.seconds && stat.nanoseconds === entry.nanoseconds;
  const sameSize = stat.kind !== "file" || entry.type !== "file" || stat.size === entry.size;
  const plain = (entry.type === "file" || entry.type === "fifo") && (entry.mode & 0o2000) === 0;
  return (
    (plain ? 0 : Differs.more) |
    (stat.kind === entry.type ? 0 : Differs.type) |
    (stat.mode === entry.mode ? 0 : Differs.mode) |
    (stat.uid === entry.uid && stat.gid === entry.gid ? 0 : Differs.owner) |
    (sameTime ? 0 : Differs.time) |
    (sameSize ? 0 : Differs.size)
  );
}

function make(sys: Sys, { dir, name, entry, at }: File, owned: boolean): MadeFiles["failed"] {
  const { uid, gid, mode, seconds, nanoseconds } = entry;
  const owner = owned ? { uid, gid } : undefined;
  const fd = sys.open(dir, name, "create");
  if (failed(fd)) return { step: "create", result: fd };
  const written = sys.write(fd, at, 0);
  const set = written < 0 ? 0 : sys.setMetadata(fd, { owner, mode, time: { seconds, nanoseconds } });
  sys.close(fd);
  if (written < 0) return { step: "write", result: written as Failed };
  return set < 0 ? { step: "metadata", result: set as Failed } : undefined;
}

function read(
  sys: Sys,
  { arena, digest, ages }: { arena: Arena; digest: Digest; ages: Ages },
  file: File,
): Taken {
  const { at } = file;
  const { done: result, ...found } = readOpen(sys, file, ages);
  const done = Math.max(0, result);
  arena.bytes.fill(0, at.at + done, at.at + at.bytes);
  return { ...found, digest: found.health === "good" ? digest.block(at, 0) : new Uint8Array(16) };
}

function readOpen(
  sys: Sys,
  { dir, name, at, entry: { seconds, nanoseconds } }: File,
  { youngNs, freshNs }: Ages,
): Omit<Taken, "digest"> & { readonly done: number } {
  const nothing = { changedNs: 0n, done: 0, fresh: false, atRest: false };
  const fd = sys.open(dir, name, "read");
  if (failed(fd)) return { ...nothing, health: fd };
  try {
    const before = sys.stat(fd);
    if (failed(before)) return { ...nothing, health: before };
    const sameTime = before.seconds === seconds && before.nanoseconds === nanoseconds;
    if (before.kind !== "file" || before.size !== at.bytes || !sameTime)
      return { ...nothing, health: "changed" };
    const { changedNs } = before;
    const fresh = changedNs >= freshNs || seconds * 1_000_000_000n + BigInt(nanoseconds) >= freshNs;
    const atRest = changedNs >= youngNs && sys.atRest(fd);
    if (changedNs < youngNs && changedNs >= freshNs) sys.awaitWrites(fd);
    const done = sys.read(fd, at, 0);
    if (done < 0) return { changedNs, done, fresh, atRest, health: done as Failed };
    const still = atRest && sys.atRest(fd);
    const after = sys.stat(fd);
    if (failed(after)) return { changedNs, done, fresh, atRest: still, health: after };
    const same =
      done === at.bytes &&
      after.size === before.size &&
      after.seconds === seconds &&
      after.nanoseconds === nanoseconds &&
      after.changedNs === changedNs;
    return { changedNs, done, fresh, atRest: still, health: same ? "good" : "changed" };
  } finally {
    sys.close(fd);
  }
}
