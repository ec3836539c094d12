/** Independent judges of trees: rsync for equality, and a listing of everything that `stat` and the bytes tell for "nothing changed". */
import {
  type BigIntStats,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { must } from "./run.ts";

/** Not a difference, but what rsync says of a directory that has what is excluded. */
const CANNOT_DELETE = "cannot delete non-empty directory: ";

/**
 * What rsync would change to make `copy` like `original`, one line each; empty: they are equal in names, types, contents, owners, modes, link
 * targets and times to the nanosecond. The two directories themselves are not compared, only what is below them. `excludes`: rsync's patterns
 * of names that are not compared either. Of a directory that stays because such a name is in it, it may say that it goes.
 */
export async function differences(
  original: string,
  copy: string,
  excludes: readonly string[] = [],
): Promise<string[]> {
  const text = await must(
    [
      ..."rsync -aHn --checksum --delete --itemize-changes --modify-window=-1".split(" "),
      ...excludes.map((pattern) => `--exclude=${pattern}`),
      `${original}/`,
      `${copy}/`,
    ],
    { timeoutMs: 300_000 },
  );
  return text
    .split("\n")
    .filter((line) => line !== "" && !/^\S+ +\.\/$/.test(line) && !line.startsWith(CANNOT_DELETE));
}

/**
 * Everything below a directory and itself: one line for each entry, names as hexadecimal bytes. `changed` also compares the times of the
 * last status change, which nobody can set: two equal listings then mean that nothing was touched at all.
 */
export function listing(directory: string, options: { readonly changed: boolean }): string[] {
  const lines: string[] = [];
  const visit = (path: Buffer, name: Buffer): void => {
    const stats = lstatSync(path, { bigint: true });
    lines.push([name.toString("hex"), describe(stats, options.changed), contents(path, stats)].join(" "));
    if (!stats.isDirectory()) return;
    const children = readdirSync(path, { encoding: "buffer" }).sort(Buffer.compare);
    for (const child of children) visit(join(path, child), join(name, child));
  };
  visit(Buffer.from(directory), Buffer.alloc(0));
  return lines;
}

/** Joins two parts of a path as bytes. */
export function join(path: Uint8Array, name: Uint8Array): Buffer {
  return Buffer.concat(path.length === 0 ? [name] : [path, Buffer.from("/"), name]);
}

/** Names below a directory that look like what a push leaves behind when it is cut off. */
export async function leftovers(directory: string): Promise<string[]> {
  const text = await must(["find", directory, "-mindepth", "1", "-name", "*makuo*"]);
  return text.split("\n").filter((line) => line !== "");
}

function describe(stats: BigIntStats, changed: boolean): string {
  const times = changed ? `${stats.mtimeNs} ${stats.ctimeNs} ${stats.ino}` : `${stats.mtimeNs}`;
  return `${stats.mode.toString(8)} ${stats.uid}:${stats.gid} ${stats.isDirectory() ? "-" : stats.size} ${times}`;
}

function contents(path: Buffer, stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return readlinkSync(path, { encoding: "buffer" }).toString("hex");
  return stats.isFile() ? Bun.hash.xxHash64(readFileSync(path)).toString(16) : "";
}

/** Bytes of files that a host has in its staging directory so far, as the disk counts them. */
export function stagedBytes(base: string): number {
  const stage = `${base}/.makuosan-stage`;
  let bytes = 0;
  for (const name of existsSync(stage) ? readdirSync(stage, { recursive: true }) : []) {
    const status = statSync(`${stage}/${String(name)}`, { throwIfNoEntry: false });
    if (status?.isFile()) bytes += status.blocks * 512;
  }
  return bytes;
}
