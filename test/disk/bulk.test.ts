import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { Directories } from "../../src/disk/directories.ts";
import { Differs, type Failed, type Fd, failed, type Sys, type TakenFiles } from "../../src/disk/sys.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";
import { expectAllCommitted, tree } from "./expectations.ts";
import { manifestOf } from "./owner.ts";
import { singly } from "./singly.ts";
import { differences, interpose, push, receiver, run, settle, tools, workspace } from "./support.ts";
import { open, tableFiles, tableOf } from "./table-files.ts";

/**
 * The calls that treat many files at once (`bulk-make.test.ts`: that which makes them): the shim's agree with the same made of single calls, file by file, and a
 * push is the same by either.
 */

const real = tools.sys;
/** The same port, in single calls. */
const single = singly(() => real, tools);
const SLOT = tools.arena.slotBytes;

/** What a call leaves in the first slot, after it was full of something else. */
function memoryAfter<Result>(call: () => Result): { result: Result; memory: string } {
  tools.arena.bytes.fill(0x55, 0, SLOT);
  const result = call();
  return { result, memory: Buffer.from(tools.arena.bytes.subarray(0, SLOT)).toString("latin1") };
}

test("files are read whole if they are what they were said to be, and whatever else is there gives zeros", () => {
  using space = workspace();
  tree(space.path("a"), { five: "12345", short: "1234", long: "123456", empty: "", "dir/in": "" });
  tree(space.path("a"), { late: "12345", next: "12345" });
  symlinkSync("five", space.path("a/link"));
  run("mkfifo", [space.path("a/fifo")]);
  settle();
  const dir = open(space.path("a"));
  const names = ["dir", "empty", "fifo", "five", "late", "link", "long", "missing", "next", "short"];
  const old = { seconds: 1_600_000_000n, nanoseconds: 7 };
  for (const name of names)
    run("touch", ["-c", "-h", "-d", "@1600000000.000000007", space.path(`a/${name}`)]);
  const files = tableFiles({
    ...Object.fromEntries(names.map((name) => [name, old])),
    empty: { ...old, size: 0 },
    late: { ...old, nanoseconds: 6 },
  });
  const spread = { ...files, at: 0, offsets: Uint32Array.from(names, (_, i) => 10 * i) };
  const [nobody, everybody, now] = [0n, 1n << 62n, real.nowNs()];
  const [ELOOP, ENOENT, EBADF] = [-40, -2, -9] as Failed[];
  for (const [place, ages] of [
    [dir, { youngNs: nobody, freshNs: nobody }],
    [dir, { youngNs: everybody, freshNs: nobody }],
    [dir, { youngNs: everybody, freshNs: everybody }],
    [dir, { youngNs: now - 60_000_000_000n, freshNs: now }],
    [-1 as Fd, { youngNs: nobody, freshNs: nobody }],
  ] as const) {
    const read = (sys: Pick<Sys, "readFiles">) =>
      memoryAfter(() => columns(sys.readFiles(place, spread, ages), names.length));
    const many = read(real);
    expect(many).toEqual(read(single));
    const { healths } = many.result;
    if (place !== dir) expect(healths).toEqual(names.map(() => EBADF) as typeof healths);
    else
      expect(healths).toEqual([
        ...["changed", "good", "changed", "good", "changed"],
        ...[ELOOP, "changed", ENOENT, "good", "changed"],
      ] as typeof healths);
  }
  const { memory } = memoryAfter(() => real.readFiles(dir, spread, { youngNs: 0n, freshNs: 0n }));
  const [zeros, untouched] = ["\0".repeat(5), "U".repeat(5)];
  expect(memory.slice(0, 37)).toBe(`${zeros}${untouched.repeat(3)}${zeros}${untouched}12345UU`);
  real.close(dir);
});

/** What was found of files, as values that stay. */
function columns(taken: TakenFiles, count: number) {
  const indexes = Array.from({ length: count }, (_, i) => i);
  return {
    healths: indexes.map((i) => taken.health(i)),
    changed: indexes.map((i) => taken.changedNs(i)),
    fresh: indexes.map((i) => taken.isFresh(i)),
    atRest: indexes.map((i) => taken.atRest(i)),
    digests: Buffer.from(taken.digests.subarray(0, 16 * count)).toString("hex"),
  };
}

test("names are compared with their entries in every way in which they can differ", () => {
  using space = workspace();
  const contents = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`${"n".repeat(1 + (i % 240))}${i}`, "x"]),
  );
  tree(space.path("a"), { ...contents, "dir/in": "" });
  symlinkSync("there", space.path("a/link"));
  run("mkfifo", [space.path("a/fifo")]);
  const paths = [{ paths: [], recursive: true }].flatMap((selection) =>
    manifestOf({ from: space.path("a"), selection, capacity: 30_000 }).entries.filter(
      ({ path }) => !path.includes(0x2f),
    ),
  );
  const changes: ((entry: Entry) => Partial<Entry>)[] = [
    () => ({}),
    ({ mode, path }) => ({ mode: mode ^ (path.length % 2 === 0 ? 0o4000 : 0o2000) }),
    ({ uid }) => ({ uid: uid + 1 }),
    ({ gid }) => ({ gid: gid + 1 }),
    ({ seconds }) => ({ seconds: seconds + (1n << 32n) }),
    ({ seconds }) => ({ seconds: -seconds }),
    ({ nanoseconds }) => ({ nanoseconds: nanoseconds ^ 1 }),
    ({ type, size }) => ({ size: type === "file" ? size + 2 ** 32 : 0 }),
    ({ type }) => (type === "symlink" ? {} : { type: "directory", size: 0 }),
    ({ type }) => (type === "symlink" ? {} : { type: "fifo", size: 0 }),
    ({ path }) => ({ path: new Uint8Array([...path, 0x21]) }),
  ];
  const seen = new Set<number>();
  const dir = open(space.path("a"));
  changes.forEach((change, shift) => {
    // Each entry is changed in another way each time, or not at all.
    const entries = paths
      .map((entry, i) => ({ ...entry, ...((i + shift) % 2 === 0 ? {} : change(entry)) }))
      .sort((a, b) => comparePaths(a.path, b.path));
    const table = tableOf(entries);
    for (const from of [0, 7]) {
      const siblings = { table, from, to: table.count };
      const many = [...real.compare(dir, siblings)];
      expect(many).toEqual([...single.compare(dir, siblings)]);
      for (const bits of many) seen.add(bits);
    }
  });
  const of = (more: number) => [...seen].filter((bits) => (bits & Differs.more) === more);
  expect(of(0).sort((a, b) => a - b)).toEqual([0, 1, 2, 4, 8, 16, 64]);
  expect(of(Differs.more).sort((a, b) => a - b)).toEqual([32, 33, 34, 36, 40]);
  expect([...real.compare(-1 as Fd, { table: tableOf(paths), from: 0, to: 1 })]).toEqual([Differs.unknown]);
  real.close(dir);
});

test("a push of many small files is the same by many at once and by single calls", () => {
  using space = workspace();
  const names = Array.from({ length: 700 }, (_, i) => [
    `${i % 3}/d${i % 90}/f${i}`,
    "x".repeat((i * 37) % 400),
  ]);
  // More than one call takes in one directory, new or there already, and the same with names between them that nobody needs.
  const crowds = Array.from({ length: 600 }, (_, i) => `${i}`.repeat(1 + (i % 3)));
  for (const [i, name] of crowds.entries())
    for (const of of ["new", "old", "half"]) names.push([`${of}/${name}`, `${i}`]);
  tree(space.path("a"), { ...Object.fromEntries(names), big: "y".repeat(70_000) });
  for (const name of ["b", "c"]) {
    tree(space.path(name), Object.fromEntries(crowds.map((of) => [`old/${of}`, "before"])));
    mkdirSync(space.path(`${name}/half`));
    for (let i = 0; i < 600; i += 2)
      run("cp", ["-a", space.path(`a/half/${crowds[i]}`), space.path(`${name}/half`)]);
  }
  const calls: string[] = [];
  const watched: Sys = interpose(real, (call) => {
    calls.push(call);
    return undefined;
  });
  const counted = (count: { files: number }): Sys => ({
    ...real,
    makeFiles: (dir, files) => {
      count.files += files.count;
      return real.makeFiles(dir, files);
    },
  });
  const count = { files: 0 };
  const to = [
    receiver(space.path("b"), { sys: counted(count) }),
    receiver(space.path("c"), { sys: watched }),
  ];
  expectAllCommitted(push({ from: space.path("a"), to }));
  // All but the empty ones and those that lie across two blocks.
  expect(count.files).toBeGreaterThan(2_000);
  expect(calls.filter((call) => call === "write").length).toBeGreaterThanOrEqual(count.files);
  for (const name of ["b", "c"]) expect(differences(space.path("a"), space.path(name))).toBe("");
});

test("directories' descriptors stay good as long as is promised, however they are asked for", () => {
  using space = workspace();
  const paths = Array.from({ length: 100 }, (_, i) => `d${i}`);
  tree(space.path("a"), Object.fromEntries(paths.map((path) => [`${path}/name`, path])));
  const base = open(space.path("a"));
  const directories = new Directories(real, base);
  // All are asked for once, so that as many as ever are held; then again in another order.
  for (const path of paths) directories.get(path);
  const asked = [97, 80, 97, 3, 4, 4, 99, 98, 5, 6, 7, 8, 90, 91, 92, 93].map((i) => `d${i}`);
  const fds = asked.map((path) => directories.get(path));
  for (const [i, path] of asked.entries()) {
    const fd = real.open(fds[i] as Fd, "name", "read");
    if (failed(fd)) throw new Error(`${path} was closed`);
    real.close(fd);
    expect(readFileSync(space.path(`a/${path}/name`), "utf8")).toBe(path);
  }
  directories.release();
  real.close(base);
});

test("a file that is written over by another push of many keeps its own bytes", () => {
  using space = workspace();
  for (const name of ["a", "b"]) mkdirSync(space.path(name));
  for (let i = 0; i < 40; i++) writeFileSync(space.path(`a/${i}`), `new ${i}`);
  for (let i = 0; i < 40; i += 2) writeFileSync(space.path(`b/${i}`), `older ${i}`);
  run("ln", [space.path("b/0"), space.path("b/other name")]);
  expectAllCommitted(push({ from: space.path("a"), to: [receiver(space.path("b"))] }));
  expect(readFileSync(space.path("b/0"), "utf8")).toBe("new 0");
  expect(readFileSync(space.path("b/other name"), "utf8")).toBe("older 0");
});
