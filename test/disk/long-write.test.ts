/** One write that takes long has its time from the start: a file that it is being made to looks as if it had been left alone. */
import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { Directories } from "../../src/disk/directories.ts";
import { FileReader, type Reading } from "../../src/disk/file-reader.ts";
import { Sections } from "../../src/disk/sections.ts";
import { SmallReader } from "../../src/disk/small-reader.ts";
import { failed, type Sys } from "../../src/disk/sys.ts";
import { type Entry, encodeSection } from "../../src/wire/manifest.ts";
import { tools } from "./support.ts";

const { sys: real } = tools;
/** The file looks so much older than it is. */
const AGE_NS = 1_000_000_000n;
/** One in memory, one on a disk, unless that is of a kind of which nothing can be told. */
const MADE = ["/dev/shm", "/var/tmp"].map((parent) => mkdtempSync(`${parent}/makuosan-disk-`));
const PLACES = MADE.filter((place, i) => i === 0 || tells(place));

afterAll(() => {
  for (const place of MADE) rmSync(place, { recursive: true });
});

function tells(folder: string): boolean {
  closeSync(openSync(`${folder}/f`, "w"));
  const dir = real.openBase(folder);
  const fd = failed(dir) ? dir : real.open(dir, "f", "read");
  if (failed(dir) || failed(fd)) throw new Error(`${folder}: ${fd}`);
  const rests = real.atRest(fd);
  real.close(fd);
  real.close(dir);
  return rests;
}

/** Writes a whole file with one system call, and tells when it has done so. */
const WRITER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { openSync, writeSync } = require("node:fs");
  const fd = openSync(workerData.path, "r+");
  const bytes = Buffer.alloc(workerData.size, "n");
  parentPort.on("message", () => { writeSync(fd, bytes, 0, bytes.length, 0); parentPort.postMessage("written"); });
  parentPort.postMessage("ready");`;

/** A file of so many "o" that somebody begins to make "n" of; `read` is called as soon as the file has the time of that. */
async function duringWrite<T>(folder: string, size: number, read: (entry: Entry) => T): Promise<T> {
  const path = `${folder}/f`;
  const fd = openSync(path, "w");
  writeSync(fd, Buffer.alloc(size, "o"));
  closeSync(fd);
  await Bun.sleep(20);
  const before = statSync(path, { bigint: true }).mtimeNs;
  const writer = new Worker(WRITER, { eval: true, workerData: { path, size } });
  await new Promise((resolve) => writer.once("message", resolve));
  const written = new Promise((resolve) => writer.once("message", resolve));
  writer.postMessage("write");
  let now = before;
  while (now === before) now = statSync(path, { bigint: true }).mtimeNs;
  const result = read({
    type: "file",
    path: new Uint8Array([0x66]),
    ...{ mode: 0o644, uid: 0, gid: 0, size },
    seconds: now / 1_000_000_000n,
    nanoseconds: Number(now % 1_000_000_000n),
  });
  await written;
  await writer.terminate();
  return result;
}

/** The system, as it is some time later. */
function later(): Sys {
  return { ...real, nowNs: () => real.nowNs() + AGE_NS };
}

function open(folder: string): Directories {
  const base = real.openBase(folder);
  if (failed(base)) throw new Error(`${folder}: ${base}`);
  return new Directories(real, base);
}

function digestOf(bytes: number, letter: string): Uint8Array {
  const digest = tools.digest.open();
  const part = tools.arena.bytes.length;
  tools.arena.bytes.fill(letter.charCodeAt(0));
  for (let done = 0; done < bytes; done += part) {
    digest.update({ at: 0, bytes: Math.min(part, bytes - done) });
  }
  const whole = digest.finish();
  digest.close();
  return whole;
}

/** Expects that what was read is all new, or was not taken for the file. */
function expectWhole({ verdict, sure }: Reading, size: number): void {
  if (verdict.status !== "good") throw new Error(`the file was not read: ${verdict.status}`);
  expect(sure).toBe(true);
  expect(Buffer.from(verdict.digest).toString("hex")).toBe(Buffer.from(digestOf(size, "n")).toString("hex"));
}

describe.each(PLACES)("a file in %s that somebody writes with one call", (folder) => {
  test("is read when all of it is written", async () => {
    const size = 256 << 20;
    const digest = tools.digest.open();
    const reading = await duringWrite(folder, size, (entry) => {
      const directories = open(folder);
      const reader = new FileReader({ sys: later(), memory: tools.arena.bytes, directories, digest });
      reader.open(entry);
      while (reader.left > 0) {
        reader.read({ at: 0, bytes: Math.min(reader.left, tools.arena.bytes.length) });
      }
      return reader.finish(0);
    });
    digest.close();
    expectWhole(reading, size);
  }, 60_000);
});

test("so is a small one, if it changed not long ago, and one that is older is not waited for", () => {
  const asked: { readonly youngNs: bigint; readonly freshNs: bigint }[] = [];
  const sys: Sys = {
    ...later(),
    readFiles: (dir, files, ages) => {
      asked.push(ages);
      return real.readFiles(dir, files, ages);
    },
  };
  const folder = PLACES[0] ?? "";
  closeSync(openSync(`${folder}/f`, "w"));
  const { mtimeNs } = statSync(`${folder}/f`, { bigint: true });
  const sections = new Sections(tools);
  const other: Reading[] = [];
  const judge = { good: () => expect.unreachable(), other: (reading: Reading) => other.push(reading) };
  const small = new SmallReader(sys, { directories: open(folder), sections }, judge);
  const nanoseconds = Number(mtimeNs % 1_000_000_000n);
  const entry: Entry = {
    type: "file",
    path: new Uint8Array([0x66]),
    ...{ mode: 0o644, uid: 0, gid: 0, size: 0, seconds: mtimeNs / 1_000_000_000n, nanoseconds },
  };
  const frame = new Uint8Array(1_000);
  sections.add(frame.subarray(0, tools.zstd.compress(encodeSection(0, [entry]), frame)), 1);
  expect(small.add({ number: 0, size: 0, entry }, 0)).toBe(true);
  small.flush();
  expect(other).toMatchObject([{ verdict: { status: "good" } }]);
  expect(asked.length).toBe(1);
  for (const { youngNs, freshNs } of asked) {
    expect(youngNs).toBeGreaterThan(mtimeNs);
    expect(freshNs).toBeLessThan(mtimeNs);
    expect(youngNs - freshNs).toBeGreaterThan(10_000_000_000n);
  }
});
