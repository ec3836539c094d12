import { expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { Directories } from "../../src/disk/directories.ts";
import {
  Differs,
  errnoOf,
  type Fd,
  failed,
  type NewFile,
  type OldFile,
  type Sys,
} from "../../src/disk/sys.ts";
import { EntryTable } from "../../src/wire/entry-table.ts";
import { decodeTable, type Entry, encodeSection } from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";
import { expectAllCommitted, tree } from "./expectations.ts";
import { manifestOf } from "./owner.ts";
import { singly } from "./singly.ts";
import {
  differences,
  interpose,
  push,
  receiver,
  run,
  settle,
  snapshot,
  tools,
  workspace,
} from "./support.ts";

/** The calls that treat many files at once: the shim's agree with the same made of single calls, file by file, and a push is the same by either. */

const real = tools.sys;
const asRoot = test.skipIf(process.geteuid?.() !== 0);
/** The same port, in single calls. */
const single = singly(() => real, tools);
const SLOT = tools.arena.slotBytes;

function open(path: string): Fd {
  const fd = real.openBase(path);
  if (failed(fd)) throw new Error(`${path}: errno ${errnoOf(fd)}`);
  return fd;
}

/** What a call leaves in the first slot, after it was full of something else. */
function memoryAfter(call: () => unknown): { result: unknown; memory: string } {
  tools.arena.bytes.fill(0x55, 0, SLOT);
  const result = call();
  return { result, memory: Buffer.from(tools.arena.bytes.subarray(0, SLOT)).toString("latin1") };
}

/** A file of the arena's first bytes. */
function newFile(dir: Fd, name: string, more: Partial<NewFile> = {}, bytes = 5): NewFile {
  const longAgo = { secondsHigh: -1, secondsLow: 0xffff_fff9, nanoseconds: 999_999_999 };
  return {
    dir,
    name,
    from: { at: 3, bytes },
    uid: undefined,
    gid: undefined,
    mode: 0o640,
    ...longAgo,
    ...more,
  };
}

/** Makes the same files by both, and expects the same of them; returns what there is then. */
function makeByBoth(root: string, files: (dir: Fd) => NewFile[]): Map<string, string> {
  const results = (["many", "one"] as const).map((name) => {
    const base = `${root}/${name}`;
    mkdirSync(base, { recursive: true });
    mkdirSync(`${base}/taken`, { recursive: true });
    const dir = open(base);
    tools.arena.bytes.fill(0x42, 0, SLOT);
    const { made, digests, failed: wrong } = (name === "many" ? real : single).makeFiles(files(dir));
    real.close(dir);
    utimesSync(`${base}/taken`, 1, 1);
    const found = snapshot(base);
    return { made, digests: Buffer.from(digests).toString("hex"), wrong, found };
  });
  expect(results[0]).toEqual(results[1] as (typeof results)[number]);
  return results[0]?.found ?? new Map();
}

test("files are made with their bytes, mode and time, whatever the process's mask is", () => {
  using space = workspace();
  for (const mask of [0, 0o77]) {
    const before = process.umask(mask);
    try {
      const found = makeByBoth(space.path(`mask${mask}`), (dir) => [
        newFile(dir, "plain"),
        newFile(dir, "empty", {}, 0),
        newFile(dir, "set-id", { mode: 0o6755 }),
        newFile(dir, "unreadable", { mode: 0 }),
        newFile(dir, "open to all", { mode: 0o666 }),
        newFile(dir, "x".repeat(255), { secondsHigh: 0, secondsLow: 1, nanoseconds: 0 }),
      ]);
      expect([...found.keys()]).toHaveLength(7);
      expect(found.get("/set-id")).toMatch(/^106755 \d+ \d+ -6000000001 BBBBB$/);
    } finally {
      process.umask(before);
    }
  }
});

asRoot("owners are set, and set-id bits stay all the same", () => {
  using space = workspace();
  const found = makeByBoth(space.path("a"), (dir) => [
    newFile(dir, "other", { uid: 4321, gid: 1234, mode: 0o4755 }),
    newFile(dir, "own", { uid: 0, gid: 0 }),
    newFile(dir, "group only", { gid: 77, mode: 0o2755 }),
  ]);
  expect(found.get("/other")).toMatch(/^104755 4321 1234 /);
  expect(found.get("/group only")).toMatch(/^102755 0 77 /);
  // Where new files take their directory's group, that is corrected.
  const grouped = space.path("grouped");
  mkdirSync(grouped);
  run("chgrp", ["99", grouped]);
  run("chmod", ["2777", grouped]);
  const dir = open(grouped);
  real.makeFiles([newFile(dir, "f", { uid: 0, gid: 0 })]);
  real.close(dir);
  expect(statSync(`${grouped}/f`).gid).toBe(0);
});

asRoot("what one file was given when it was made is taken for granted only of those like it", () => {
  using space = workspace();
  let round = 0;
  const one = fc.record({
    grouped: fc.boolean(),
    uid: fc.constantFrom(undefined, 0, 5),
    gid: fc.constantFrom(undefined, 0, 99),
    mode: fc.constantFrom(0o644, 0o666, 0o2644),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 2, maxLength: 12 }), (wanted) => {
      const root = space.path(`round${round++}`);
      mkdirSync(`${root}/plain`, { recursive: true });
      mkdirSync(`${root}/grouped`);
      run("chgrp", ["99", `${root}/grouped`]);
      run("chmod", ["2700", `${root}/grouped`]);
      const [plain, grouped] = [open(`${root}/plain`), open(`${root}/grouped`)];
      const files = wanted.map((file, i) => newFile(file.grouped ? grouped : plain, `f${i}`, file));
      expect(real.makeFiles(files)).toMatchObject({ made: files.length });
      const found = wanted.map((file, i) => {
        const { uid, gid, mode } = statSync(`${root}/${file.grouped ? "grouped" : "plain"}/f${i}`);
        return { uid, gid, mode: mode & 0o7777 };
      });
      const right = wanted.map((file) => ({
        uid: file.uid ?? 0,
        gid: file.gid ?? (file.grouped ? 99 : 0),
        mode: file.mode,
      }));
      expect(found).toEqual(right);
      for (const dir of [plain, grouped]) real.close(dir);
    }),
    { numRuns: 40 },
  );
});

test("the first file that cannot be made ends it, and those before are there", () => {
  using space = workspace();
  const of = (name: string, index: number) =>
    makeByBoth(space.path(`${index}`), (dir) => [
      newFile(dir, "one"),
      newFile(dir, "two"),
      newFile(dir, name),
      newFile(dir, "three"),
    ]);
  for (const [index, name] of ["taken", "one", "y".repeat(256)].entries())
    expect([...of(name, index).keys()]).toEqual(["/one", "/taken", "/two"]);
  const gone = makeByBoth(space.path("gone"), (dir) => [newFile(dir, "one"), newFile(-1 as Fd, "two")]);
  expect([...gone.keys()]).toEqual(["/one", "/taken"]);
});

asRoot("a full file system ends it with what the write says", () => {
  using space = workspace();
  mkdirSync(space.path("small"));
  run("mount", ["-t", "tmpfs", "-o", "size=16k", "none", space.path("small")]);
  try {
    const dir = open(space.path("small"));
    const files = Array.from({ length: 9 }, (_, i) => newFile(dir, `${i}`, {}, 4096));
    const { made, failed: wrong, digests } = real.makeFiles(files);
    real.close(dir);
    expect(made).toBeGreaterThan(0);
    expect(digests).toHaveLength(made * 16);
    expect([wrong?.step, wrong?.result]).toEqual(["write", -28 as NonNullable<typeof wrong>["result"]]);
    expect(readdirSync(space.path("small"))).toHaveLength(made + 1);
  } finally {
    run("umount", [space.path("small")]);
  }
});

test("files are read whole if they are what they were said to be, and whatever else is there gives zeros", () => {
  using space = workspace();
  tree(space.path("a"), { five: "12345", short: "1234", long: "123456", empty: "", "dir/in": "" });
  symlinkSync("five", space.path("a/link"));
  run("mkfifo", [space.path("a/fifo")]);
  settle();
  const dir = open(space.path("a"));
  const stat = statSync(space.path("a/five"), { bigint: true });
  const names = ["five", "short", "long", "empty", "dir", "link", "fifo", "missing"];
  for (const name of names) run("touch", ["-c", "-h", "-r", space.path("a/five"), space.path(`a/${name}`)]);
  const time = { seconds: stat.mtimeNs / 1_000_000_000n, nanoseconds: Number(stat.mtimeNs % 1_000_000_000n) };
  const files: OldFile[] = names.map((name, i) => ({ dir, name, into: { at: 10 * i, bytes: 5 }, ...time }));
  files.push({ dir, name: "empty", into: { at: 100, bytes: 0 }, ...time });
  files.push({ dir, name: "five", into: { at: 110, bytes: 5 }, ...time, nanoseconds: time.nanoseconds ^ 1 });
  files.push({ dir: -1 as Fd, name: "five", into: { at: 120, bytes: 5 }, ...time });
  const ages = { youngNs: 0n, freshNs: 0n };
  const many = memoryAfter(() => real.readFiles(files, ages));
  const one = memoryAfter(() => single.readFiles(files, ages));
  real.close(dir);
  expect(many).toEqual(one);
  const healths = (many.result as ReturnType<Sys["readFiles"]>).map(({ health }) => health);
  const [ELOOP, ENOENT, EBADF] = [-40, -2, -9] as (typeof healths)[number][];
  const changed = "changed" as const;
  expect(healths).toEqual([
    ...["good", changed, changed, changed, changed],
    ...[ELOOP, changed, ENOENT, "good", changed, EBADF],
  ] as typeof healths);
  expect(many.memory.slice(0, 17)).toBe(`12345${"U".repeat(5)}${"\0".repeat(5)}UU`);
});

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

function tableOf(entries: readonly Entry[]): EntryTable {
  const table = new EntryTable();
  expect(typeof decodeTable(encodeSection(0, entries), table)).toBe("object");
  return table;
}

test("a push of many small files is the same by many at once and by single calls", () => {
  using space = workspace();
  const names = Array.from({ length: 700 }, (_, i) => [
    `${i % 3}/d${i % 90}/f${i}`,
    "x".repeat((i * 37) % 400),
  ]);
  tree(space.path("a"), { ...Object.fromEntries(names), big: "y".repeat(70_000) });
  for (const name of ["b", "c"]) mkdirSync(space.path(name));
  const calls: string[] = [];
  const watched: Sys = interpose(real, (call) => {
    calls.push(call);
    return undefined;
  });
  const counted = (count: { files: number }): Sys => ({
    ...real,
    makeFiles: (files) => {
      count.files += files.length;
      return real.makeFiles(files);
    },
  });
  const count = { files: 0 };
  const to = [
    receiver(space.path("b"), { sys: counted(count) }),
    receiver(space.path("c"), { sys: watched }),
  ];
  expectAllCommitted(push({ from: space.path("a"), to }));
  // All but the empty ones and those that lie across two blocks.
  expect(count.files).toBeGreaterThan(600);
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
  const since = directories.turns;
  const fds = asked.map((path) => directories.get(path));
  expect(directories.turns - since).toBe(asked.length - 1);
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
