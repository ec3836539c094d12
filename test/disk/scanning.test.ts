import { expect, test } from "bun:test";
import { linkSync, lutimesSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { type NameList, nameIn, nameListOf, namesIn } from "../../src/disk/name-list.ts";
import { toBytes } from "../../src/disk/names.ts";
import { errnoOf, type Fd, failed, type NameRun, type Sys } from "../../src/disk/sys.ts";
import { PATH_BYTES_MAX } from "../../src/wire/constants.ts";
import { tree } from "./expectations.ts";
import { manifestOf, outline, told } from "./owner.ts";
import { plant, randomTree } from "./random-tree.ts";
import { singly } from "./singly.ts";
import { altered, run, tools, workspace } from "./support.ts";

/** Names are listed in order, and become entries many at once: as by single calls, name by name. */

const real = tools.sys;
const single = singly(() => real, tools);
const asRoot = test.skipIf(process.geteuid?.() !== 0);

function opened(path: string, use: (fd: Fd) => void): void {
  const fd = real.openBase(path);
  if (failed(fd)) throw new Error(`${path}: errno ${errnoOf(fd)}`);
  const dir = real.open(fd, ".", "directory");
  if (failed(dir)) throw new Error(`${path}: errno ${errnoOf(dir)}`);
  use(dir);
  real.close(dir);
  real.close(fd);
}

const textsOf = (list: NameList) => Array.from({ length: namesIn(list) }, (_, i) => nameIn(list, i));

/** All names of a directory. */
function listed(path: string, sys: Pick<Sys, "listInOrder"> = real): (string | undefined)[] | undefined {
  let names: ReturnType<Sys["listInOrder"]>;
  opened(path, (dir) => {
    names = sys.listInOrder(dir);
  });
  if (failed(names)) throw new Error(`errno ${errnoOf(names)}`);
  return names === undefined ? undefined : textsOf(names);
}

const byte = fc.integer({ min: 1, max: 255 }).filter((code) => code !== 0x2f);
const name = fc
  .oneof(
    fc.array(byte, { minLength: 1, maxLength: 4 }),
    fc.array(fc.constantFrom(0x2e, 0x61, 0xff), { minLength: 1, maxLength: 255 }),
  )
  .map((codes) => String.fromCharCode(...codes))
  .filter((text) => text !== "." && text !== "..");
const names = fc.uniqueArray(name, { maxLength: 120 });

test("names of any bytes are listed in the order of their bytes", () => {
  using space = workspace();
  let round = 0;
  fc.assert(
    fc.property(names, fc.boolean(), (list, inOrder) => {
      const path = space.path(`${round++}`);
      mkdirSync(path);
      // File systems have their own order, and often that in which names were made.
      for (const text of inOrder ? [...list].sort() : list)
        writeFileSync(Buffer.from(`${path}/${text}`, "latin1"), "");
      expect(listed(path)).toEqual([...list].sort());
      expect(listed(path, single)).toEqual([...list].sort());
    }),
    { numRuns: 60 },
  );
});

test("many names are listed, but for those that are too many, which a push takes all the same", () => {
  using space = workspace();
  const path = space.path("a/many");
  mkdirSync(path, { recursive: true });
  writeFileSync(`${path}/0`, "");
  const made: string[] = ["0"];
  const grow = (to: number) => {
    for (let i = made.length; i < to; i++) {
      made.push(`${(i * 7919) % 100_003}`);
      linkSync(`${path}/0`, `${path}/${made.at(-1)}`);
    }
  };
  grow(12_000);
  expect(listed(path)).toEqual([...made].sort());
  grow(25_000);
  expect(listed(path)).toBeUndefined();
  const { entries } = manifestOf({ from: space.path("a"), capacity: 30_000 });
  expect(entries.slice(1).map((entry) => Buffer.from(entry.path).toString())).toEqual(
    [...made].sort().map((text) => `many/${text}`),
  );
});

test("a directory that cannot be listed says why", () => {
  expect(real.listInOrder(-1 as Fd)).toBe(-9 as never);
  using space = workspace();
  tree(space.path("a"), { f: "" });
  opened(space.path("a"), (dir) => {
    const file = real.open(dir, "f", "read");
    expect(real.listInOrder(file as Fd)).toBe(-20 as never);
    real.close(file as Fd);
  });
});

/** A directory with everything that there is between files. */
function motley(path: string): void {
  tree(
    path,
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${"x".repeat((i * 37) % 200)}${i}`, "y"])),
  );
  tree(path, { "m/in": "", large: "", old: "old", new: "new", "\xff": "", "g.": "" });
  truncateSync(`${path}/large`, 2 ** 40 + 5);
  lutimesSync(`${path}/old`, -1_000_000_000.75, -1_000_000_000.75);
  lutimesSync(`${path}/new`, 2 ** 33 + 0.25, 2 ** 33 + 0.25);
  symlinkSync("nowhere", `${path}/link`);
  run("mkfifo", [`${path}/pipe`]);
  run("chmod", ["7777", `${path}/new`, `${path}/pipe`]);
}

test("entries are what single looks say, from any name on, in any room", () => {
  using space = workspace();
  motley(space.path("a"));
  opened(space.path("a"), (dir) => {
    const all = real.listInOrder(dir);
    if (all === undefined || failed(all)) throw new Error("not listed");
    // A name that is gone, and one that comes twice.
    const texts = textsOf(all).flatMap((text) => (text === "new" ? ["lost", "new", "new"] : [text ?? ""]));
    const list = nameListOf(texts.sort());
    const both = (run: NameRun) => {
      const ours = real.entries(dir, run);
      const told = { ...ours, bytes: Buffer.from(ours.bytes).toString("latin1") };
      const theirs = single.entries(dir, run);
      expect(told).toEqual({ ...theirs, bytes: Buffer.from(theirs.bytes).toString("latin1") });
      return told;
    };
    const stops = new Set<unknown>();
    for (let from = 0; from < namesIn(list) - 1; from++) {
      for (const room of [35, 36, 37, 60, 500, 10_000])
        for (const pathBytes of [0, 1, PATH_BYTES_MAX - 100, PATH_BYTES_MAX]) {
          const { stopped } = both({ names: list, from, to: namesIn(list), pathBytes, room });
          stops.add(typeof stopped === "object" ? stopped.kind : stopped);
        }
      both({ names: list, from, to: from + 2, pathBytes: 3, room: 1000 });
    }
    expect(stops).toEqual(new Set([undefined, "directory", "symlink", -2]));
  });
});

test("what is no name of a directory becomes no entry", () => {
  using space = workspace();
  tree(space.path("a"), { a: "", "b/c": "", c: "" });
  opened(space.path("a"), (dir) => {
    for (const odd of ["b/c", "b/../c", "..", ".", "b/", "n".repeat(256), ""]) {
      const bytes = toBytes(["!", odd, "~", ""].join("\0"));
      const at = Uint32Array.of(0, 2, 3 + odd.length, 5 + odd.length);
      // Of these some are in order, and all of them would be found.
      const run = { names: { bytes, at }, from: 0, to: 3, pathBytes: 0, room: 1000 };
      expect({ odd, count: real.entries(dir, run).count }).toEqual({ odd, count: 0 });
    }
  });
});

asRoot("a manifest is the same, whether names are taken many at once, singly, or one by one", () => {
  using space = workspace();
  let round = 0;
  fc.assert(
    fc.property(randomTree, fc.constantFrom("nothing", "extra"), (nodes, removes) => {
      const from = space.path(`${round++}`);
      mkdirSync(from);
      plant(from, nodes);
      const task = { removes } as const;
      const many = manifestOf({ from, task });
      const singles = manifestOf({ from, task, tools: { sys: altered({}) } });
      // With a pattern that matches nothing, each name is asked for whether it is excluded.
      const one = manifestOf({ from, task: { ...task, excludes: [toBytes("no such name")] } });
      for (const other of [singles, one]) {
        expect(other.entries).toEqual(many.entries as never);
        expect(told(other)).toEqual(told(many));
      }
    }),
    { numRuns: 150 },
  );
});

test("so it is of a directory with more of everything than one call or section takes", () => {
  using space = workspace();
  const from = space.path("a");
  motley(`${from}/d`);
  tree(
    from,
    Object.fromEntries(Array.from({ length: 2600 }, (_, i) => [`d/n${i % 7 === 0 ? "_" : ""}${i}`, "z"])),
  );
  tree(from, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d/n5_${i}/in`, ""])));
  const capacities = [9_000, 20_000, 32_000];
  for (const capacity of capacities) {
    const many = manifestOf({ from, capacity });
    const one = manifestOf({ from, capacity, task: { excludes: [toBytes("no such name")] } });
    expect(outline(many)).toEqual(outline(one));
    expect(many.entries).toEqual(one.entries as never);
    expect(many.sections.length).toBeGreaterThan(2);
  }
});
