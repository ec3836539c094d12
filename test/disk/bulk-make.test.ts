import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, utimesSync } from "node:fs";
import fc from "fast-check";
import type { Fd, NewFiles } from "../../src/disk/sys.ts";
import { singly } from "./singly.ts";
import { run, snapshot, tools, workspace } from "./support.ts";
import { type Files, open, tableFiles } from "./table-files.ts";

/** The call that makes many files at once: the shim's agrees with the same made of single calls, file by file. */

const real = tools.sys;
const asRoot = test.skipIf(process.geteuid?.() !== 0);
/** The same port, in single calls. */
const single = singly(() => real, tools);
const SLOT = tools.arena.slotBytes;

function newFiles(files: Files, more: Partial<NewFiles> = {}): NewFiles {
  return { ...tableFiles(files), numberedFrom: undefined, owned: false, ...more };
}

/** Makes the same files by both, and expects the same of them; returns what there is then. */
function makeByBoth(root: string, files: NewFiles, place?: Fd): Map<string, string> {
  const results = (["many", "one"] as const).map((name) => {
    const base = `${root}/${name}`;
    mkdirSync(`${base}/taken`, { recursive: true });
    const dir = open(base);
    for (let at = 0; at < SLOT; at++) tools.arena.bytes[at] = 0x41 + (at % 26);
    const { made, digests, failed: wrong } = (name === "many" ? real : single).makeFiles(place ?? dir, files);
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
      const files = newFiles({
        empty: { size: 0 },
        "open to all": { mode: 0o666 },
        plain: {},
        "set-id": { mode: 0o6755 },
        unreadable: { mode: 0 },
        ["x".repeat(255)]: { seconds: 1n, nanoseconds: 0 },
      });
      const found = makeByBoth(space.path(`mask${mask}`), files);
      expect([...found.keys()]).toHaveLength(7);
      expect(found.get("/set-id")).toMatch(/^106755 \d+ \d+ -6000000001 GHIJK$/);
    } finally {
      process.umask(before);
    }
  }
});

test("only some of a table's files are made, and under the numbers of their entries where that is asked for", () => {
  using space = workspace();
  const all = newFiles(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`f${10 + i}`, { size: i }])));
  const [indexes, offsets] = [
    [1, 2, 9, 11],
    [0, 30, 30, 90],
  ].map((of) => Uint32Array.from(of));
  const some = { ...all, count: 4, indexes: indexes ?? all.indexes, offsets: offsets ?? all.offsets };
  const own = makeByBoth(space.path("own"), some);
  expect([...own.keys()]).toEqual(["/f11", "/f12", "/f19", "/f21", "/taken"]);
  expect(own.get("/f19")).toMatch(/ HIJKLMNOP$/);
  const numbered = makeByBoth(space.path("numbered"), { ...some, numberedFrom: 4_294_967_280 });
  expect([...numbered.keys()]).toEqual([
    "/4294967281",
    "/4294967282",
    "/4294967289",
    "/4294967291",
    "/taken",
  ]);
  expect([...makeByBoth(space.path("low"), { ...some, numberedFrom: 0 }).keys()]).toEqual([
    "/1",
    "/11",
    "/2",
    "/9",
    "/taken",
  ]);
});

asRoot("owners are set if they are to be, and set-id bits stay all the same", () => {
  using space = workspace();
  const files = newFiles({ other: { uid: 4321, gid: 1234, mode: 0o4755 }, own: { mode: 0o2755 } });
  const found = makeByBoth(space.path("a"), { ...files, owned: true });
  expect(found.get("/other")).toMatch(/^104755 4321 1234 /);
  expect(makeByBoth(space.path("b"), files).get("/other")).toMatch(/^104755 0 0 /);
  // Where new files take their directory's group, that is corrected.
  const grouped = space.path("grouped");
  mkdirSync(grouped);
  run("chgrp", ["99", grouped]);
  run("chmod", ["2777", grouped]);
  const dir = open(grouped);
  real.makeFiles(dir, newFiles({ f: {} }, { owned: true }));
  real.makeFiles(dir, newFiles({ g: {} }));
  real.close(dir);
  expect([statSync(`${grouped}/f`).gid, statSync(`${grouped}/g`).gid]).toEqual([0, 99]);
});

asRoot("what one file was given when it was made is taken for granted only of those like it", () => {
  using space = workspace();
  let round = 0;
  const one = fc.record({
    uid: fc.constantFrom(0, 5),
    gid: fc.constantFrom(0, 99),
    mode: fc.constantFrom(0o644, 0o666, 0o2644),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 2, maxLength: 12 }), fc.boolean(), (wanted, isGrouped) => {
      const root = space.path(`round${round++}`);
      mkdirSync(root);
      if (isGrouped) {
        run("chgrp", ["99", root]);
        run("chmod", ["2700", root]);
      }
      const dir = open(root);
      const files = newFiles(Object.fromEntries(wanted.map((file, i) => [`f${10 + i}`, file])), {
        owned: true,
      });
      expect(real.makeFiles(dir, files)).toMatchObject({ made: wanted.length });
      real.close(dir);
      const found = wanted.map((_, i) => {
        const { uid, gid, mode } = statSync(`${root}/f${10 + i}`);
        return { uid, gid, mode: mode & 0o7777 };
      });
      expect(found).toEqual(wanted);
    }),
    { numRuns: 40 },
  );
});

test("the first file that cannot be made ends it, and those before are there", () => {
  using space = workspace();
  const found = makeByBoth(space.path("taken"), newFiles({ one: {}, taken: {}, two: {} }));
  expect([...found.keys()]).toEqual(["/one", "/taken"]);
  const gone = makeByBoth(space.path("gone"), newFiles({ one: {} }), -1 as Fd);
  expect([...gone.keys()]).toEqual(["/taken"]);
});

asRoot("a full file system ends it with what the write says", () => {
  using space = workspace();
  mkdirSync(space.path("small"));
  run("mount", ["-t", "tmpfs", "-o", "size=16k", "none", space.path("small")]);
  try {
    const dir = open(space.path("small"));
    const files = newFiles(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}`, { size: 4096 }])));
    const { made, failed: wrong, digests } = real.makeFiles(dir, files);
    real.close(dir);
    expect(made).toBeGreaterThan(0);
    expect(digests).toHaveLength(made * 16);
    expect([wrong?.step, wrong?.result]).toEqual(["write", -28 as NonNullable<typeof wrong>["result"]]);
    expect(readdirSync(space.path("small"))).toHaveLength(made + 1);
  } finally {
    run("umount", [space.path("small")]);
  }
});
