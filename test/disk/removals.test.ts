import { describe, expect, test } from "bun:test";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { FailStep } from "../../src/wire/constants.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import type { Terms } from "../../src/wire/terms.ts";
import { tree } from "./expectations.ts";
import { all, directory, excluding, fifo, left, paths, prune } from "./pruning.ts";
import { plant, randomTree, type Tree } from "./random-tree.ts";
import { predict, removalsOf } from "./removal-model.ts";
import { entry, Sender } from "./sender.ts";
import { push, receiver, run, snapshot, workspace } from "./support.ts";

/** What a receiver removes. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);

function entriesOf(nodes: Tree, above = ""): Entry[] {
  return Object.keys(nodes)
    .sort()
    .flatMap((name) => {
      const node = nodes[name];
      const path = above + name;
      if (node?.kind !== "directory") return [fifo(path)];
      return [directory(path), ...entriesOf(node.children, `${path}/`)];
    });
}

asRoot("sections may be cut anywhere", () => {
  fc.assert(
    fc.property(
      randomTree,
      randomTree,
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
      (from, to, cuts) => {
        using space = workspace();
        const base = space.path("b");
        mkdirSync(base);
        plant(base, to);
        const sender = new Sender(receiver(base));
        const entries = entriesOf(from);
        const used = [];
        for (let at = 0, cut = 0; at < entries.length || cut === 0; cut++) {
          const end = Math.min(entries.length, at + (cuts[cut % cuts.length] ?? 1));
          used.push(
            sender.section(all, entries.slice(at, end), { firstEntry: at, last: end === entries.length }),
          );
          at = end;
        }
        const { names } = predict(from, to, { hides: () => false, deep: true, replaces: false });
        expect(removalsOf({ used })).toEqual({ count: names.length, names: [...names] });
        const before = left(base);
        expect(sender.commit().kind).toBe("committed");
        expect(left(base)).toEqual(before.filter((path) => !names.includes(path)));
      },
    ),
    { numRuns: 60 },
  );
});

describe("what is removed", () => {
  test("is counted, and named only if that is wanted", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1", "d/y/z": "2", f: "3" });
    const told = (terms: Partial<Terms>) =>
      new Sender(receiver(space.path("b")), { dryRun: true }).under({ ...all, ...terms }, []).removals;
    expect(told({ namesWanted: false })).toEqual({ count: 5, names: new Uint8Array() });
    expect(told({})?.names.length).toBe(2 * 5 + "dd/xd/yd/y/zf".length);
    expect(told({ removes: false, baseListed: false, namesWanted: false, mode: "send" })).toBeUndefined();
  });

  test("are the missing paths, as far as they are here", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1", "d/sub/z": "2", f: "3", "g/h": "4", "kept/a": "5" });
    symlinkSync("kept", space.path("b/link"));
    const missing = paths("d/sub", "d/x/none", "f", "g", "link/a", "none", "none2/x");
    const result = prune(space.path("b"), { baseListed: false, missing }, []);
    expect(result).toMatchObject({
      kind: "committed",
      told: { count: 5, names: ["d/sub", "d/sub/z", "f", "g", "g/h"] },
    });
    expect(left(space.path("b"))).toEqual(["d", "d/x", "kept", "kept/a", "link"]);
  });

  test("is a missing path once, also in a directory whose names are all known", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x/y": "1", e: "2", "mine/z": "3" });
    const missing = paths("d/x", "e", "mine/z/none");
    expect(prune(space.path("b"), { missing }, [directory("d"), directory("mine")])).toMatchObject({
      kind: "committed",
      told: { count: 4, names: ["d/x", "d/x/y", "e", "mine/z"] },
    });
  });

  test("is nothing inside of an entry that is no directory", () => {
    using space = workspace();
    tree(space.path("b"), { "other/x": "1", "pipe/x": "2", gone: "3" });
    const other = entry("other", { type: "other", size: 0, mode: 0, seconds: 0n });
    const missing = paths("gone", "other/x", "pipe/x");
    const result = prune(space.path("b"), { baseListed: false, missing }, [other, fifo("pipe")]);
    expect(result.told).toEqual({ count: 1, names: ["gone"] });
    expect(left(space.path("b"))).toEqual(["other", "other/x", "pipe", "pipe/x"]);
  });

  test("are not missing paths that are excluded, or in what is", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1", "e/y": "2", f: "3" });
    const before = left(space.path("b"));
    const terms = { baseListed: false, missing: paths("d/x", "e", "f"), ...excluding("d", "e/y", "f") };
    expect(prune(space.path("b"), terms, []).told).toEqual({ count: 0, names: [] });
    expect(left(space.path("b"))).toEqual(before);
  });

  test("is nothing below what the owner does not send, nor in a directory whose names it does not know", () => {
    using space = workspace();
    tree(space.path("b"), {
      "other/x": "1",
      "unlisted/y": "2",
      "unlisted/in/z": "3",
      "listed/z": "4",
      file: "5",
    });
    const entries = [
      fifo("file"),
      directory("listed"),
      entry("other", { type: "other", size: 0, mode: 0, seconds: 0n }),
      directory("unlisted", { listed: undefined }),
      directory("unlisted/in"),
    ];
    const missing = paths("file/x", "other/x");
    expect(prune(space.path("b"), { missing }, entries).told?.names).toEqual(["listed/z", "unlisted/in/z"]);
    expect(left(space.path("b"))).toEqual([
      "file",
      "listed",
      "other",
      "other/x",
      "unlisted",
      "unlisted/in",
      "unlisted/y",
    ]);
  });

  asRoot("counts in a directory that something else replaces, which is no removal of its own", () => {
    using space = workspace();
    tree(space.path("a"), { x: "a file" });
    tree(space.path("b"), { "x/in/deep": "1", y: "2" });
    const options = { from: space.path("a"), names: true, task: { removes: "extra" as const } };
    const dry = push({ ...options, to: [receiver(space.path("b"))], dryRun: true });
    const real = push({ ...options, to: [receiver(space.path("b"))] });
    for (const { outcomes } of [dry, real])
      for (const outcome of outcomes)
        expect(removalsOf(outcome)).toEqual({ count: 3, names: ["x/in", "x/in/deep", "y"] });
    expect(left(space.path("b"))).toEqual(["x"]);
  });

  test("leaves the time of the owner's directories, and of nothing else an entry does not change", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1" });
    run("chmod", ["0700", space.path("b/d")]);
    expect(prune(space.path("b"), {}, [directory("d", { seconds: 77n })])).toMatchObject({
      kind: "committed",
    });
    const stat = statSync(space.path("b/d"));
    expect([stat.mtimeMs, stat.mode & 0o777]).toEqual([77_000, 0o700]);
  });

  test("is never what receivers stage", () => {
    using space = workspace();
    tree(space.path("b"), {
      [`${STAGE_NAME}/other/1`]: "of another push",
      [`d/${STAGE_NAME}`]: "an ordinary name",
    });
    run("chmod", ["0700", space.path(`b/${STAGE_NAME}`)]);
    expect(prune(space.path("b"), {}, []).told?.names).toEqual(["d", `d/${STAGE_NAME}`]);
    expect(left(space.path("b"))).toEqual([STAGE_NAME, `${STAGE_NAME}/other`, `${STAGE_NAME}/other/1`]);
  });

  test("may be as deep and as many as it likes", () => {
    using space = workspace();
    const base = space.path("b");
    mkdirSync(`${base}/${"d/".repeat(600)}`, { recursive: true });
    mkdirSync(`${base}/wide`);
    for (let i = 0; i < 1_500; i++) writeFileSync(`${base}/wide/${i}`, "");
    writeFileSync(`${base}/wide/kept.x`, "");
    const result = prune(base, excluding("*.x"), []);
    expect(result).toMatchObject({ kind: "committed", told: { count: 2_100 }, log: [] });
    expect(left(base)).toEqual(["wide", "wide/kept.x"]);
  });
});

describe("too many names", () => {
  const count = { count: 3, names: ["d", "d/x", "f"] };
  test.each([
    [2, { errno: 0, step: FailStep.remove, entry: undefined }],
    [3, undefined],
  ])("with %d allowed and three there", (removesMax, failure) => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1", f: "2" });
    const before = snapshot(space.path("b"));
    const dry = new Sender(receiver(space.path("b")), { dryRun: true }).under({ ...all, removesMax }, []);
    expect([removalsOf({ used: [dry] }), dry.failure, dry.need?.section]).toEqual([count, failure, 0]);
    expect(snapshot(space.path("b"))).toEqual(before);
    const result = prune(space.path("b"), { removesMax }, []);
    expect([result.told, result.failure]).toEqual([count, failure]);
    expect(left(space.path("b"))).toEqual(failure === undefined ? [] : ["d", "d/x", "f"]);
  });
});
