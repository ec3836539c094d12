import { describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import type { Sys } from "../../src/disk/sys.ts";
import { bitmapBytes, popcount } from "../../src/wire/bitmap.ts";
import { BlockKind, FailStep } from "../../src/wire/constants.ts";
import { expectAllCommitted, problems, tree, updated } from "./expectations.ts";
import { CAPACITY, differences, interpose, push, receiver, run, tools, workspace } from "./support.ts";
import { at, cruelTree, noise } from "./tree.ts";

/** Owners, modes and FIFOs of all kinds need root, as the lab does. */
const asRoot = test.skipIf(process.geteuid?.() !== 0);
const SIZES = [0, 1, 1439, 1440, 1441, CAPACITY - 1, CAPACITY, CAPACITY + 1, 2 * CAPACITY, 3 * CAPACITY + 7];

describe("a whole tree", () => {
  asRoot("arrives equal at every receiver, and a second push sends no content", () => {
    using space = workspace();
    const from = space.path("a");
    cruelTree(from, SIZES);
    const to = ["b", "c", "d"].map((name) => {
      mkdirSync(space.path(name));
      return receiver(space.path(name));
    });
    const before = run("find", [from, "-printf", "%p %s %T@ %C@ %m\n"]);
    const first = push({ from, to });
    expectAllCommitted(first);
    expect(problems(first)).toEqual([]);
    for (const { base } of to) {
      expect(differences(from, base)).toBe("");
      expect(differences(base, from)).toBe("");
      expect(existsSync(`${base}/${STAGE_NAME}`)).toBe(false);
    }
    expect(run("find", [from, "-printf", "%p %s %T@ %C@ %m\n"])).toBe(before);

    const second = push({ from, to });
    expectAllCommitted(second);
    expect(second.blocks.map((block) => block.blockKind)).toEqual([BlockKind.manifest, BlockKind.plan]);
    for (const { needs } of second.outcomes)
      for (const { update, content } of needs) expect([update, content]).toEqual([undefined, undefined]);
  });

  asRoot.each([500, 4_000, 9_000, 31_000])("arrives with blocks of %d bytes", (capacity) => {
    using space = workspace();
    const from = space.path("a");
    mkdirSync(from);
    for (const bytes of [0, 1, capacity - 1, capacity, capacity + 1, 5 * capacity])
      writeFileSync(`${from}/${bytes}`, noise(bytes));
    const to = receiver(space.path("b"));
    mkdirSync(to.base);
    const result = push({ from, to: [to], capacity });
    expectAllCommitted(result);
    expect(differences(from, to.base)).toBe("");
    // PROTOCOL §5.6: content blocks are full but for the last.
    const content = result.blocks.filter(({ blockKind }) => blockKind === BlockKind.content);
    expect(content.slice(0, -1).every(({ bytes }) => bytes === capacity + 16)).toBe(true);
    expect(content.reduce((sum, { bytes }) => sum + bytes - 16, 0)).toBe(8 * capacity + 1);
    expect(result.blocks.at(-1)?.contentBytes).toBe(8 * capacity + 1);
  });

  test("of many entries goes in sections", () => {
    using space = workspace();
    const from = space.path("a");
    for (let d = 0; d < 20; d++) {
      mkdirSync(`${from}/d${d}`, { recursive: true });
      for (let f = 0; f < 30; f++) writeFileSync(`${from}/d${d}/file${f}`, `${d} ${f}`);
    }
    const to = [receiver(space.path("b")), receiver(space.path("c"))];
    for (const { base } of to) mkdirSync(base);
    // The second has every other file already.
    for (let d = 0; d < 20; d += 2) run("cp", ["-a", `${from}/d${d}`, `${space.path("c")}/`]);
    const result = push({ from, to, capacity: 4000 });
    expectAllCommitted(result);
    const sections = result.blocks.filter(({ blockKind }) => blockKind === BlockKind.manifest);
    expect(sections.length).toBeGreaterThan(3);
    expect(sections.reduce((sum, { entries }) => sum + entries, 0)).toBe(620);
    expect(sections.map(({ lastOfKind }) => lastOfKind)).toEqual(
      sections.map((_, i) => i === sections.length - 1),
    );
    for (const { base } of to) expect(differences(from, base)).toBe("");
    const needs = result.outcomes[1]?.needs ?? [];
    expect(needs.reduce((sum, { content }) => sum + (content === undefined ? 0 : popcount(content)), 0)).toBe(
      300,
    );
    for (const { entries, update } of needs)
      expect(update?.length ?? 0).toBeLessThanOrEqual(bitmapBytes(entries));
  });

  test("that is empty is a push of nothing", () => {
    using space = workspace();
    mkdirSync(space.path("a"));
    mkdirSync(space.path("b"));
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
    expectAllCommitted(result);
    expect(result.blocks.map(({ blockKind, entries, final }) => [blockKind, entries, final])).toEqual([
      [BlockKind.manifest, 0, false],
      [BlockKind.plan, 0, true],
    ]);
    expect(readdirSync(space.path("b"))).toEqual([]);
  });

  test("does not contain what other daemons stage, sockets, or devices", async () => {
    using space = workspace();
    tree(space.path("a"), {
      [`${STAGE_NAME}/x/1`]: "staged",
      [`sub/${STAGE_NAME}`]: "an ordinary name here",
      f: "f",
    });
    const listener = Bun.listen({ unix: `${space.path("a")}/socket`, socket: { data() {} } });
    mkdirSync(space.path("b"));
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
    listener.stop(true);
    expectAllCommitted(result);
    expect(problems(result)).toEqual(["socket socket"]);
    expect(readdirSync(space.path("b")).sort()).toEqual(["f", "sub"]);
    expect(readdirSync(space.path("b/sub"))).toEqual([STAGE_NAME]);
  });
});

describe("what is different", () => {
  test("is all that a receiver gets, each its own", () => {
    using space = workspace();
    const big = Buffer.from(noise(10 * CAPACITY)).toString("latin1");
    tree(space.path("a"), { same: "same", one: "new", "sub/two": "new", big });
    const to = ["b", "c"].map((name) => receiver(space.path(name)));
    for (const { base } of to) run("cp", ["-a", space.path("a"), base]);
    writeFileSync(`${space.path("b")}/one`, "older");
    run("rm", ["-r", `${space.path("c")}/sub`]);
    const result = push({ from: space.path("a"), to });
    expectAllCommitted(result);
    expect([updated(result, "host0"), updated(result, "host1")]).toEqual([["one"], ["sub", "sub/two"]]);
    expect(result.blocks.filter(({ blockKind }) => blockKind === BlockKind.content)).toHaveLength(1);
    for (const { base } of to) expect(differences(space.path("a"), base)).toBe("");
  });

  test("decides which blocks a receiver is passed", () => {
    using space = workspace();
    const file = (seed: number) => Buffer.from(noise(10 * CAPACITY, seed));
    mkdirSync(space.path("a"));
    for (const name of ["1", "2", "3"]) writeFileSync(at(space.path("a"), name), file(Number(name)));
    const to = ["b", "c"].map((name) => receiver(space.path(name)));
    for (const { base } of to) run("cp", ["-a", space.path("a"), base]);
    run("rm", [`${space.path("b")}/2`, `${space.path("c")}/1`, `${space.path("c")}/3`]);
    const result = push({ from: space.path("a"), to });
    expectAllCommitted(result);
    const kinds = new Map(result.blocks.map(({ block, blockKind }) => [block as number, blockKind]));
    const content = result.outcomes.map(
      ({ taken }) => taken.filter((b) => kinds.get(b) === BlockKind.content).length,
    );
    expect(content).toEqual([10, 20]);
    for (const { base } of to) expect(differences(space.path("a"), base)).toBe("");
  });

  asRoot("may be metadata alone, which sends no content and replaces no file", () => {
    using space = workspace();
    tree(space.path("a"), { mode: "m", owner: "o", group: "g", time: "t", "dir/in": "x", empty: "" });
    symlinkSync("mode", space.path("a/link"));
    run("mkfifo", [space.path("a/fifo")]);
    run("cp", ["-a", space.path("a"), space.path("b")]);
    run("chmod", ["4700", space.path("a/mode")]);
    run("chown", ["-h", "5:6", space.path("a/owner"), space.path("a/link"), space.path("a/dir")]);
    run("touch", [
      "-h",
      "-d",
      "2011-11-11",
      space.path("a/link"),
      space.path("a/fifo"),
      space.path("a/empty"),
    ]);
    run("chmod", ["0711", space.path("a/dir"), space.path("a/fifo")]);
    run("chown", [":7", space.path("a/group")]);
    const inodes = () =>
      readdirSync(space.path("b")).map((name) => [name, lstatSync(space.path(`b/${name}`)).ino]);
    const before = inodes();
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
    expectAllCommitted(result);
    expect(updated(result)).toEqual(["dir", "empty", "fifo", "group", "link", "mode", "owner"]);
    expect(result.blocks.map(({ blockKind }) => blockKind)).toEqual([BlockKind.manifest, BlockKind.plan]);
    expect(differences(space.path("a"), space.path("b"))).toBe("");
    expect(inodes()).toEqual(before);
  });

  test("is told and not done in a dry run", () => {
    using space = workspace();
    tree(space.path("a"), { new: "1", "sub/new": "2", same: "3" });
    mkdirSync(space.path("b"));
    run("cp", ["-a", space.path("a/same"), space.path("b/")]);
    const before = run("find", [space.path("b"), "-printf", "%p %i %C@\n"]);
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], dryRun: true });
    expect(updated(result)).toEqual(["new", "sub", "sub/new"]);
    expect(run("find", [space.path("b"), "-printf", "%p %i %C@\n"])).toBe(before);
  });
});

describe("a thing of another type in the way", () => {
  const EINVAL = 22;
  asRoot.each([
    ["that exchanges names", () => undefined],
    ["that cannot exchange names", (call: keyof Sys) => (call === "exchange" ? -EINVAL : undefined)],
  ])("is replaced, whatever it is, on a file system %s", (_, answer) => {
    using space = workspace();
    const kinds = ["file", "dir", "link", "fifo"] as const;
    for (const base of ["a", "b"]) mkdirSync(space.path(base));
    const make = (path: string, kind: (typeof kinds)[number]) => {
      // Contents of different lengths: equal files made within one tick of the clock would be equal here, too.
      if (kind === "file") writeFileSync(path, path.startsWith(space.path("a")) ? "of a" : "another of b");
      if (kind === "link") symlinkSync("/etc", path);
      if (kind === "fifo") run("mkfifo", [path]);
      if (kind === "dir") tree(path, { in: path, "deep/er/in": path });
    };
    for (const was of kinds) {
      for (const is of kinds) {
        make(space.path(`a/${was}-${is}`), is);
        make(space.path(`b/${was}-${is}`), was);
      }
    }
    const sys = interpose(tools.sys, answer);
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"), { sys })] });
    expectAllCommitted(result);
    // What else was in a directory that stays one is not deleted; here both have the same names.
    expect(differences(space.path("a"), space.path("b"))).toBe("");
    expect(existsSync(space.path(`b/${STAGE_NAME}`))).toBe(false);
  });

  test("comes back where the file system cannot exchange names, and the new one cannot be renamed either", () => {
    using space = workspace();
    tree(space.path("a"), { x: "a file" });
    tree(space.path("b"), { "x/in": "a directory" });
    const EIO = 5;
    let renames = 0;
    const sys = interpose(tools.sys, (call) => {
      if (call === "exchange") return -EINVAL;
      // The first finds the directory in the way, the second takes it away, the third is to put the file there.
      return call === "rename" && ++renames === 3 ? -EIO : undefined;
    });
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"), { sys })] });
    expect(result.outcomes[0]?.failure).toEqual({ errno: EIO, step: FailStep.rename, entry: 0 });
    expect(run("cat", [space.path("b/x/in")])).toBe("a directory");
  });

  asRoot("keeps nothing that was below it, at any depth", () => {
    using space = workspace();
    tree(space.path("a"), { x: "a file" });
    let deep = space.path("b/x");
    for (let i = 0; i < 150; i++) deep += `/${i}`;
    mkdirSync(deep, { recursive: true });
    for (let i = 0; i < 20; i++) tree(space.path(`b/x/wide${i}`), { f: "f", "g/h": "h" });
    expectAllCommitted(push({ from: space.path("a"), to: [receiver(space.path("b"))] }));
    expect(differences(space.path("a"), space.path("b"))).toBe("");
  });
});
