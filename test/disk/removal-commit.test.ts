import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { FailStep } from "../../src/wire/constants.ts";
import type { Terms } from "../../src/wire/terms.ts";
import { tree } from "./expectations.ts";
import { all, bytes, directory, excluding, left, paths, prune } from "./pruning.ts";
import { Sender } from "./sender.ts";
import { interpose, push, receiver, run, tools, workspace } from "./support.ts";

/** What has become of the tree when names are removed from it, and in which order that happens. */

const EIO = 5;
const EACCES = 13;
const EBUSY = 16;
const ENOTEMPTY = 39;

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

  test("stays if something else has its name by then, and goes if it only changed", () => {
    using space = workspace();
    tree(space.path("b"), { a: "1", "d/x": "2", f: "3", "k/m": "4", "k/n": "5", "k/o.keep": "6", z: "7" });
    const reply = late(space.path("b"), excluding("*.keep"), () => {
      // As another push does, whose owner has the file.
      writeFileSync(space.path("new"), "new");
      for (const name of ["f", "k/m"])
        run("cp", ["--remove-destination", space.path("new"), space.path(`b/${name}.new`)]);
      for (const name of ["f", "k/m"]) renameSync(space.path(`b/${name}.new`), space.path(`b/${name}`));
      renameSync(space.path("b/d"), space.path("aside"));
      tree(space.path("b"), { "d/theirs": "new" });
      writeFileSync(space.path("b/a"), "longer");
      writeFileSync(space.path("b/k/n"), "longer");
    });
    expect(reply).toMatchObject(failed(EBUSY, "d"));
    expect(left(space.path("b"))).toEqual(["d", "d/theirs", "f", "k", "k/m", "k/o.keep"]);
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

  test("stays if an excluded name came into what makes room for something else", () => {
    using space = workspace();
    tree(space.path("a"), { d: "a file" });
    tree(space.path("b"), { "d/sub/x": "1" });
    const { outcomes } = push({
      from: space.path("a"),
      to: [receiver(space.path("b"))],
      task: { removes: "extra", excludes: paths("*.keep") },
      before: (moment) => {
        if (moment === "commit") writeFileSync(space.path("b/d/sub/a.keep"), "");
      },
    });
    expect(outcomes[0]?.failure).toEqual({ errno: ENOTEMPTY, step: FailStep.rename, entry: 0 });
    expect(left(space.path("b"))).toEqual(["d", "d/sub", "d/sub/a.keep", "d/sub/x"]);
  });

  test("does not go untold if it came into the place of a file that is amended", () => {
    using space = workspace();
    tree(space.path("a"), { f: "before" });
    mkdirSync(space.path("b"));
    const { outcomes } = push({
      from: space.path("a"),
      to: [receiver(space.path("b"))],
      task: { removes: "extra" },
      before: (moment) => {
        if (moment !== 2) return;
        writeFileSync(space.path("a/f"), "changed");
        tree(space.path("b"), { "f/new": "1" });
      },
    });
    expect(outcomes[0]?.failure).toEqual({ errno: EBUSY, step: FailStep.compare, entry: 0 });
    expect(left(space.path("b"))).toEqual(["f", "f/new"]);
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
  test.each([
    [EIO, ["d", "d/new", "d/same", "old"]],
    [EACCES, ["d", "d/new", "d/same"]],
  ])("with a file that its owner could not read, as it met error %d", (errno, after) => {
    using space = workspace();
    tree(space.path("a"), { "d/bad": "what was old", "d/new": "new", "d/same": "same" });
    tree(space.path("b"), { "d/same": "s", old: "what was old" });
    tree(space.path("c"), { "d/bad": "what was old", "d/same": "s", old: "what was old" });
    run("touch", ["-r", space.path("a/d/bad"), space.path("c/d/bad")]);
    const sys = interpose(tools.sys, (call, args) =>
      call === "open" && args[1] === "bad" && args[2] === "read" ? -errno : undefined,
    );
    const to = ["b", "c"].map((name) => receiver(space.path(name)));
    const { outcomes } = push({ from: space.path("a"), to, task: { removes: "extra" }, source: { sys } });
    // What is new is there. It may be that what goes is the last that there is of a file which was renamed.
    expect(left(space.path("b"))).toEqual(after);
    const failure = errno === EIO ? { errno, step: FailStep.remove, entry: 1 } : undefined;
    expect(outcomes[0]).toMatchObject({ committed: failure === undefined, failure });
    // Who needs nothing that cannot be read lacks nothing.
    expect(left(space.path("c"))).toEqual(["d", "d/bad", "d/new", "d/same"]);
    expect(outcomes[1]?.committed).toBe(true);
  });

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
