import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { STAGE_NAME } from "../../src/disk/names.ts";
import type { Sys } from "../../src/disk/sys.ts";
import { FailStep } from "../../src/wire/constants.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { NO_TERMS, type Terms } from "../../src/wire/terms.ts";
import { tree } from "./expectations.ts";
import { plant, randomTree, type Tree } from "./random-tree.ts";
import { predict, removalsOf } from "./removal-model.ts";
import { entry, Sender } from "./sender.ts";
import { interpose, push, receiver, run, snapshot, tools, workspace } from "./support.ts";

/** What a receiver removes, and when. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EIO = 5;
const EBUSY = 16;
const ENOTEMPTY = 39;

const bytes = (text: string) => Buffer.from(text, "latin1");
const paths = (...texts: string[]) => texts.map(bytes);
const directory = (path: string, more: Partial<Entry> = {}) =>
  entry(path, { type: "directory", size: 0, mode: 0o755, listed: true, ...more });
const fifo = (path: string) => entry(path, { type: "fifo", size: 0 });
/** Everything that is no entry goes, and is named. */
const all: Terms = { ...NO_TERMS, mode: "prune", removes: true, baseListed: true, namesWanted: true };
const excluding = (...patterns: string[]) => ({ base: bytes("/base"), excludes: paths(...patterns) });

/** What is told of a manifest, and what is left of `base` after the push. */
function prune(base: string, terms: Partial<Terms>, entries: readonly Entry[], sys: Sys = tools.sys) {
  const to = receiver(base, { sys });
  const sender = new Sender(to);
  const used = sender.under({ ...all, ...terms }, entries);
  if (used.failure !== undefined)
    return { failure: used.failure, told: removalsOf({ used: [used] }), log: to.log };
  const { kind, ...rest } = sender.commit();
  return {
    kind,
    ...("failure" in rest ? { failure: rest.failure } : {}),
    told: removalsOf({ used: [used] }),
    log: to.log,
  };
}

/** Paths below a directory, sorted, a directory before what is in it. */
const left = (base: string) => [...snapshot(base).keys()].map((path) => path.slice(1));

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

describe("what changes between comparison and commit", () => {
  /** Runs `change` before the commit; gives the reply. */
  function late(base: string, terms: Partial<Terms>, change: () => void) {
    const sender = new Sender(receiver(base));
    expect(sender.under({ ...all, ...terms }, []).failure).toBeUndefined();
    expect(sender.plan([], true).failure).toBeUndefined();
    expect(sender.ask("prepare").kind).toBe("prepared");
    change();
    return sender.ask("commit");
  }
  const failed = (errno: number, path: string) => ({
    kind: "failed",
    failure: { errno, step: FailStep.remove, entry: undefined, path: new Uint8Array(bytes(path)) },
  });

  test("is no matter if it vanishes, or comes into a directory that goes", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1", "e/y": "2", f: "3" });
    const reply = late(space.path("b"), {}, () =>
      run("sh", ["-ec", `cd ${space.path("b")}; rm -r d; rm f; echo > e/z; echo > new`]),
    );
    expect(reply.kind).toBe("committed");
    expect(left(space.path("b"))).toEqual(["new"]);
  });

  test("stays if it became a directory, and nobody has looked into it", () => {
    using space = workspace();
    tree(space.path("b"), { a: "1", f: "2", z: "3" });
    const reply = late(space.path("b"), {}, () =>
      run("sh", ["-ec", `cd ${space.path("b")}; rm f; mkdir f; echo > f/in`]),
    );
    expect(reply).toMatchObject(failed(EBUSY, "f"));
    expect(left(space.path("b"))).toEqual(["f", "f/in"]);
  });

  test("stays if an excluded name came into it", () => {
    using space = workspace();
    tree(space.path("b"), { "d/sub/x": "1", f: "2" });
    const reply = late(space.path("b"), excluding("*.keep"), () =>
      writeFileSync(space.path("b/d/sub/a.keep"), ""),
    );
    expect(reply).toMatchObject(failed(ENOTEMPTY, "d"));
    expect(left(space.path("b"))).toEqual(["d", "d/sub", "d/sub/a.keep", "d/sub/x"]);
  });

  test("is not followed if the way to it became a link", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1" });
    tree(space.path("out"), { x: "outside" });
    const sender = new Sender(receiver(space.path("b")));
    expect(sender.under(all, [directory("d")]).removals?.count).toBe(1);
    run("sh", ["-ec", `cd ${space.path("b")}; mv d old; ln -s ../out d`]);
    expect(sender.commit().kind).toBe("failed");
    expect(readFileSync(space.path("out/x"), "utf8")).toBe("outside");
  });
});

describe("the commit", () => {
  test("removes nothing before all that is new is in place, and nothing at all if that failed", () => {
    using space = workspace();
    tree(space.path("a"), { new: "new", z: "new" });
    tree(space.path("b"), { m: "old", old: "old" });
    const calls: string[] = [];
    let broken = false;
    const sys = interpose(tools.sys, (call, args) => {
      if (call !== "rename") return undefined;
      calls.push(`${args[1]}>${args[3]}`);
      return broken && args[3] === "z" ? -EIO : undefined;
    });
    const options = {
      from: space.path("a"),
      to: [receiver(space.path("b"), { sys })],
      task: { removes: "extra" as const },
    };
    broken = true;
    expect(push(options).outcomes[0]?.failure).toEqual({ errno: EIO, step: FailStep.rename, entry: 1 });
    expect(left(space.path("b"))).toEqual(["m", "new", "old"]);
    broken = false;
    calls.length = 0;
    expect(push(options).outcomes[0]?.committed).toBe(true);
    expect(calls).toEqual(["1>z", "m>=0", "old>=1"]);
    expect(left(space.path("b"))).toEqual(["new", "z"]);
  });

  test("tells what could not be removed, and removes the rest", () => {
    using space = workspace();
    tree(space.path("b"), { a: "1", b: "2", c: "3" });
    const sys = interpose(tools.sys, (call, args) =>
      call === "rename" && args[1] === "b" ? -EIO : undefined,
    );
    const path = new Uint8Array(bytes("b"));
    expect(prune(space.path("b"), {}, [], sys).failure).toEqual({
      errno: EIO,
      step: FailStep.remove,
      entry: undefined,
      path,
    });
    expect(left(space.path("b"))).toEqual(["b"]);
  });

  test("that a crash cut short leaves nothing to be restored", () => {
    using space = workspace();
    tree(space.path("b"), { "d/x": "1", e: "2", f: "3" });
    class Crash extends Error {}
    let renames = 0;
    const sys = interpose(tools.sys, (call) => {
      // The second removal does not happen, and nothing after it: not even what clears away.
      if (call === "rename" && ++renames >= 2) throw new Crash();
      if (renames >= 2 && (call === "removeFile" || call === "removeDirectory")) throw new Crash();
      return undefined;
    });
    const to = receiver(space.path("b"), { sys });
    const sender = new Sender(to);
    sender.under(all, []);
    sender.commit();
    expect(left(space.path("b")).filter((path) => path.endsWith("/x"))).toHaveLength(1);
    expect(existsSync(space.path("b/d"))).toBe(false);
    const next = receiver(space.path("b"));
    expect([next.cleanAtStart(), next.log]).toEqual([0, []]);
    expect(readdirSync(space.path("b")).sort()).toEqual(["e", "f"]);
  });
});
