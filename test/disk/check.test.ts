import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { isAbsence, type Sys } from "../../src/disk/sys.ts";
import { FailStep, RefuseReason } from "../../src/wire/constants.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { NO_TERMS } from "../../src/wire/terms.ts";
import { tree, updated } from "./expectations.ts";
import { pushAsNobodyChecking } from "./nobody.ts";
import { digestOf, entry, protocol, Sender } from "./sender.ts";
import { freshKey, interpose, push, receiver, run, snapshot, tools, workspace } from "./support.ts";
import { noise } from "./tree.ts";

/** What a receiver finds different when only contents are compared. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EIO = 5;
const EACCES = 13;
const CHECK = { mode: "check" as const };
const TERMS = { ...NO_TERMS, ...CHECK };

/** Paths that differ, by the owner's word. */
function differing(space: { path(name: string): string }, sys: Sys = tools.sys): string[] {
  const before = snapshot(space.path("b"));
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"), { sys })], task: CHECK });
  expect([result.message, result.outcomes[0]?.failure, result.outcomes[0]?.refused]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(snapshot(space.path("b"))).toEqual(before);
  return updated(result);
}

describe("a check", () => {
  asRoot("finds what is missing, of another type, or has another content, target or number", () => {
    using space = workspace();
    const big = noise(200_000);
    for (const base of ["a", "b"])
      tree(space.path(base), { same: "same", "d/in": "in", content: `${base}${base}`, empty: "" });
    for (const base of ["a", "b"]) writeFileSync(space.path(`${base}/big`), big);
    for (const base of ["a", "b"]) writeFileSync(space.path(`${base}/last`), big);
    big[big.length - 1] = (big.at(-1) ?? 0) ^ 1;
    writeFileSync(space.path("b/last"), big);
    tree(space.path("a"), { longer: "longer", "missing/x/y": "1", "type/in": "2", "way/in": "3" });
    tree(space.path("b"), { longer: "long", type: "a file", "extra/1": "1" });
    symlinkSync("d", space.path("b/way"));
    for (const base of ["a", "b"]) symlinkSync("same", space.path(`${base}/link`));
    symlinkSync("one", space.path("a/target"));
    symlinkSync("two", space.path("b/target"));
    run("sh", [
      "-ec",
      `cd ${space.root}; for d in a b; do mkfifo $d/fifo; mknod $d/null c 1 3; done; mknod a/dev c 1 5; mknod b/dev c 1 3`,
    ]);
    expect(differing(space)).toEqual([
      "content",
      "dev",
      "last",
      "longer",
      "missing",
      "missing/x",
      "missing/x/y",
      "target",
      "type",
      "type/in",
      "way",
      "way/in",
    ]);
  });

  asRoot("does not look at metadata", () => {
    using space = workspace();
    for (const base of ["a", "b"]) tree(space.path(base), { "d/f": "same" });
    run("sh", [
      "-ec",
      `cd ${space.path("b")}; chown -R 5:6 d; chmod 700 d; chmod 4755 d/f; touch -d 2001-01-01 d/f d`,
    ]);
    expect(differing(space)).toEqual([]);
  });

  test("sees a difference behind equal size and time", () => {
    using space = workspace();
    tree(space.path("a"), { f: "one" });
    tree(space.path("b"), { f: "two" });
    for (const base of ["a", "b"]) utimesSync(space.path(`${base}/f`), 5, 5);
    expect(differing(space)).toEqual(["f"]);
  });

  test("takes a file for different that changes while it is read, and one that is gone then", () => {
    using space = workspace();
    const content = noise(100_000);
    for (const base of ["a", "b"]) {
      mkdirSync(space.path(base));
      for (const name of ["gone", "grows", "same"]) writeFileSync(space.path(`${base}/${name}`), content);
    }
    let reads = 0;
    let opened = "";
    const sys = interpose(tools.sys, (call, args) => {
      if (call === "open" && args[2] === "read") opened = String(args[1]);
      if (call === "open" && opened === "gone" && args[2] === "read") run("rm", ["-f", space.path("b/gone")]);
      if (call === "read" && opened === "grows" && ++reads === 2)
        writeFileSync(space.path("b/grows"), content);
      return undefined;
    });
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"), { sys })], task: CHECK });
    expect(updated(result)).toEqual(["gone", "grows"]);
  });

  test("fails where a file cannot be read: nobody knows", () => {
    using space = workspace();
    for (const base of ["a", "b"]) tree(space.path(base), { f: "same" });
    const sys = interpose(tools.sys, (call) => (call === "read" ? -EIO : undefined));
    const { outcomes } = push({
      from: space.path("a"),
      to: [receiver(space.path("b"), { sys })],
      task: CHECK,
    });
    expect(outcomes[0]?.failure).toEqual({ errno: EIO, step: FailStep.compare, entry: 0 });
  });

  asRoot("needs no right to write, nor room", () => {
    using space = workspace();
    for (const base of ["a", "b"]) tree(space.path(base), { f: "same", "d/g": base });
    chmodSync(space.root, 0o755);
    run("chmod", ["-R", "a+rX,a-w", space.path("b")]);
    expect(pushAsNobodyChecking(space.path("a"), space.path("b"))).toMatchObject({ updated: 1 });
    const full: Sys = {
      ...tools.sys,
      mayWrite: () => -EACCES,
      space: () => ({ bytes: 0, inodes: 0, readOnly: true, overlay: false }),
    };
    expect(differing(space, full)).toEqual(["d/g"]);
    const refused = receiver(space.path("b"), { sys: full }).handle({
      kind: "open",
      key: freshKey(),
      dryRun: true,
      check: false,
      capacity: 20_000,
    });
    expect(refused).toMatchObject({ kind: "refused", reason: RefuseReason.permission });
  });

  asRoot("works where nothing can be written", () => {
    using space = workspace();
    for (const base of ["a", "b"]) tree(space.path(base), { f: "same", "d/g": base });
    run("sh", ["-ec", `cd ${space.root}; mount --bind b b; mount -o remount,bind,ro b`]);
    try {
      const to = receiver(space.path("b"));
      expect([to.cleanAtStart(), to.log]).toEqual([0, []]);
      expect(differing(space)).toEqual(["d/g"]);
    } finally {
      run("umount", [space.path("b")]);
    }
  });

  test("leaves a device alone where devices are not made, and what the owner does not send", () => {
    using space = workspace();
    mkdirSync(space.path("b"));
    const to = receiver(space.path("b"), { devices: false });
    const device = (type: Entry["type"]) => entry(type, { type, size: 2 ** 32 + 3 });
    const other = entry("other", { type: "other", size: 0, mode: 0, seconds: 0n });
    const sender = new Sender(to, { check: true });
    expect(sender.under(TERMS, [device("block"), device("character"), other]).need?.update).toBeUndefined();
  });
});

describe("a check is nothing else", () => {
  const file = entry("f", { digest: digestOf("12345") });
  test.each([
    ["a push that says nothing of it", { check: true }, NO_TERMS, [entry("f")]],
    ["a push that says so only in its terms", { check: false, dryRun: true }, TERMS, [file]],
  ])("%s", (_, open, terms, entries) => {
    using space = workspace();
    mkdirSync(space.path("b"));
    expect(new Sender(receiver(space.path("b")), open).under(terms, entries).failure).toMatchObject(protocol);
  });

  test("no plan follows, and nothing is prepared", () => {
    using space = workspace();
    mkdirSync(space.path("b"));
    const sender = new Sender(receiver(space.path("b")), { check: true });
    expect(sender.under(TERMS, [file]).need?.update).toEqual(Uint8Array.of(1));
    expect(sender.plan([], true).failure).toMatchObject(protocol);
    expect(sender.ask("prepare")).toMatchObject({ kind: "failed" });
    expect(readdirSync(space.path("b"))).toEqual([]);
  });

  test("what receivers stage is not for looking at either", () => {
    using space = workspace();
    mkdirSync(space.path("b"));
    const sender = new Sender(receiver(space.path("b")), { check: true });
    const staged = entry(".makuosan-stage", { type: "directory", size: 0 });
    expect(sender.under(TERMS, [staged]).failure).toEqual({ errno: 1, step: FailStep.manifest, entry: 0 });
  });
});

test("absence is what says that there is no such name", () => {
  expect([-2, -20, -40].map(isAbsence)).toEqual([true, true, true]);
  expect([-13, 0, 5, undefined].map(isAbsence)).toEqual([false, false, false, false]);
});
