/** Trees to send, always the same for the same numbers. */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { Prng } from "../support/prng.ts";

const FILES_OF_DIRECTORY = 50;
/** Contents are cut from so many random bytes, which no compressor makes smaller. */
const POOL_BYTES = 16 * 2 ** 20;
/** A time long ago, so that the files are at rest. */
const TIME_S = 1_700_000_000;

/** Writes so many files with so many bytes in all, of many sizes, at most 50 in a directory. */
export function makeTree(path: string, given: { files: number; bytes: number; seed: number }): void {
  const prng = new Prng(given.seed);
  const pool = new Uint8Array(POOL_BYTES);
  crypto.getRandomValues(pool.subarray(0, 65_536));
  for (let at = 65_536; at < POOL_BYTES; at += 65_536) crypto.getRandomValues(pool.subarray(at, at + 65_536));
  const mean = given.bytes / given.files;
  for (let file = 0; file < given.files; file++) {
    const directory = directoryOf(path, Math.floor(file / FILES_OF_DIRECTORY));
    if (file % FILES_OF_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    const size = Math.min(POOL_BYTES, Math.round(-mean * Math.log(1 - prng.below(1_000_000) / 1_000_000)));
    const start = prng.below(POOL_BYTES - size + 1);
    const name = `${directory}/file-${file}`;
    writeFileSync(name, pool.subarray(start, start + size));
    utimesSync(name, TIME_S, TIME_S + (file % 1_000));
  }
}

/** Twenty directories in each. */
function directoryOf(path: string, index: number): string {
  return `${path}/part-${Math.floor(index / 20)}/set-${index % 20}`;
}
