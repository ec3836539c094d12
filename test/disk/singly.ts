import type { Arena } from "../../src/disk/arena.ts";
import type { Digest } from "../../src/disk/digest.ts";
import { nameOf, toLatin1 } from "../../src/disk/names.ts";
import {
  type Ages,
  Differs,
  Errno,
  type Failed,
  failed,
  type MadeFiles,
  type NewFile,
  type OldFile,
  type Stat,
  type Sys,
  type TakenFile,
} from "../../src/disk/sys.ts";
import type { Entry } from "../../src/wire/manifest.ts";

/**
 * The calls that treat many files at once, by the calls that treat one: what the shim is to do, in words of the port. A test that stops, fails or
 * watches single system calls has those of the bulk calls before it, too.
 */
export function singly(
  sys: () => Sys,
  { arena, digest }: { arena: Arena; digest: Digest },
): Pick<Sys, "makeFiles" | "readFiles" | "compare"> {
  return {
    makeFiles(files) {
      const digests: Uint8Array[] = [];
      let stopped: MadeFiles["failed"];
      for (const file of files) {
        stopped = make(sys(), file);
        if (stopped !== undefined) break;
        digests.push(digest.block(file.from, 0));
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
    readFiles: (files, ages) => files.map((file) => read(sys(), { arena, digest, ages }, file)),
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

function make(sys: Sys, file: NewFile): MadeFiles["failed"] {
  const { dir, name, from, uid, gid, mode, secondsHigh, secondsLow, nanoseconds } = file;
  const seconds = (BigInt(secondsHigh) << 32n) | BigInt(secondsLow);
  const owner = gid === undefined ? undefined : { uid, gid };
  const metadata = { owner, mode, time: { seconds, nanoseconds } };
  const fd = sys.open(dir, name, "create");
  if (failed(fd)) return { step: "create", result: fd };
  const written = sys.write(fd, from, 0);
  const set = written < 0 ? 0 : sys.setMetadata(fd, metadata);
  sys.close(fd);
  if (written < 0) return { step: "write", result: written as Failed };
  return set < 0 ? { step: "metadata", result: set as Failed } : undefined;
}

function read(
  sys: Sys,
  { arena, digest, ages }: { arena: Arena; digest: Digest; ages: Ages },
  file: OldFile,
): TakenFile {
  const { into } = file;
  const found = readOpen(sys, file, ages);
  const done = Math.max(0, found.done);
  arena.bytes.fill(0, into.at + done, into.at + into.bytes);
  const good = found.health === "good";
  const own = good ? digest.block(into, 0) : new Uint8Array(16);
  return { health: found.health, changedNs: found.changedNs, digest: own, atRest: found.atRest };
}

function readOpen(
  sys: Sys,
  { dir, name, into, seconds, nanoseconds }: OldFile,
  { youngNs, freshNs }: Ages,
): Omit<TakenFile, "digest"> & { readonly done: number } {
  const nothing = { changedNs: 0n, done: 0, atRest: false };
  const fd = sys.open(dir, name, "read");
  if (failed(fd)) return { ...nothing, health: fd };
  try {
    const before = sys.stat(fd);
    if (failed(before)) return { ...nothing, health: before };
    const sameTime = before.seconds === seconds && before.nanoseconds === nanoseconds;
    if (before.kind !== "file" || before.size !== into.bytes || !sameTime)
      return { ...nothing, health: "changed" };
    const { changedNs } = before;
    const atRest = changedNs >= youngNs && sys.atRest(fd);
    if (changedNs < youngNs && changedNs >= freshNs) sys.awaitWrites(fd);
    const done = sys.read(fd, into, 0);
    if (done < 0) return { changedNs, done, atRest, health: done as Failed };
    const after = sys.stat(fd);
    if (failed(after)) return { changedNs, done, atRest, health: after };
    const same =
      done === into.bytes &&
      after.size === before.size &&
      after.seconds === seconds &&
      after.nanoseconds === nanoseconds &&
      after.changedNs === changedNs;
    return { changedNs, done, atRest, health: same ? "good" : "changed" };
  } finally {
    sys.close(fd);
  }
}
