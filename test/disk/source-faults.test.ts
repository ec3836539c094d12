import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createSource } from "../../src/disk/source.ts";
import type { Sys } from "../../src/disk/sys.ts";
import type { BlockIndex, Slot } from "../../src/wire/brand.ts";
import { BlockKind, FailStep } from "../../src/wire/constants.ts";
import type { SourceReply } from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { expectAllCommitted, problems, tree } from "./expectations.ts";
import { manifestOf } from "./owner.ts";
import {
  altered,
  CAPACITY,
  everything,
  freshKey,
  push,
  receiver,
  sleepThenResume,
  tools,
  workspace,
} from "./support.ts";

/** Trees that cannot be: whatever the disk says, it costs at most the push that asked. */

test("what is inside of a path that was a file a moment ago is reported, and the rest arrives", () => {
  using space = workspace();
  tree(space.path("a"), { "p/q": "q", r: "r" });
  mkdirSync(space.path("b"));
  let looks = 0;
  const statMany: Sys["statMany"] = (dir, names) => {
    // The first look is for whether it is there at all.
    if (names[0] !== "p" || ++looks !== 2) return tools.sys.statMany(dir, names);
    renameSync(space.path("a/p"), space.path("aside"));
    writeFileSync(space.path("a/p"), "a file");
    const found = tools.sys.statMany(dir, names);
    rmSync(space.path("a/p"));
    renameSync(space.path("aside"), space.path("a/p"));
    return found;
  };
  const paths = ["p", "p/q", "r"].map((path) => Buffer.from(path));
  const to = [receiver(space.path("b"))];
  const selection = { paths, recursive: false };
  const result = push({ from: space.path("a"), to, selection, source: { sys: altered({ statMany }) } });
  expectAllCommitted(result);
  expect(problems(result)).toEqual(["changed p/q", "changed p"]);
  expect(readdirSync(space.path("b"))).toEqual(["r"]);
});

test("a directory that names a thing twice has it sent once", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "f" });
  mkdirSync(space.path("b"));
  const list: Sys["list"] = (fd) => {
    const names = tools.sys.list(fd);
    return typeof names === "number" ? names : [...names, ...names];
  };
  const to = [receiver(space.path("b"))];
  const result = push({ from: space.path("a"), to, source: { sys: altered({ list }) } });
  expectAllCommitted(result);
  expect(new Set(problems(result))).toEqual(new Set(["changed d", "changed d/f"]));
  expect(readdirSync(space.path("b/d"))).toEqual(["f"]);
});

test.each([
  ["", "empty"],
  ["a\0b", "with a NUL"],
])("a link whose target is %j is reported, and the rest arrives", (target) => {
  using space = workspace();
  tree(space.path("a"), { f: "f" });
  symlinkSync("f", space.path("a/link"));
  mkdirSync(space.path("b"));
  const to = [receiver(space.path("b"))];
  const sys: Sys = { ...tools.sys, readLink: () => target };
  const result = push({ from: space.path("a"), to, source: { sys } });
  expectAllCommitted(result);
  expect(problems(result)).toEqual(["unsupported link"]);
  expect(readdirSync(space.path("b"))).toEqual(["f"]);
});

test("an exception that nobody has foreseen ends its push, with a message and a trace, and no other", () => {
  using space = workspace();
  tree(space.path("a"), { f: "f" });
  const replies: SourceReply[] = [];
  const log: string[] = [];
  let broken = false;
  const list: Sys["list"] = (fd) => {
    if (broken) throw new Error("never thought of");
    return tools.sys.list(fd);
  };
  const source = createSource({
    ...tools,
    sys: altered({ list }),
    base: space.path("a"),
    emit: (reply) => replies.push(reply),
    tell: () => {},
    log: (text) => log.push(text),
    later: sleepThenResume,
  });
  const slot = 1 as Slot;
  const [bad, good] = [freshKey(), freshKey()];
  for (const key of [bad, good]) {
    broken = key === bad;
    source.handle({
      kind: "open",
      key,
      selection: everything,
      task: SEND_TASK,
      dryRun: false,
      names: false,
      capacity: CAPACITY,
    });
    source.handle({ kind: "next", key, slot, block: 0 as BlockIndex });
  }
  for (const key of [bad, good]) source.handle({ kind: "close", key });
  expect(replies).toMatchObject([
    { kind: "failed", key: bad, message: "fault while reading the base directory: never thought of" },
    { kind: "block", key: good, blockKind: BlockKind.manifest, entries: 1 },
    { kind: "closed", key: bad },
    { kind: "closed", key: good },
  ]);
  expect(log).toHaveLength(1);
  expect(log[0]).toMatch(/^source: Error: never thought of\n +at /);
  // A slot that is none is a mistake of our own: no block of any push could be trusted.
  source.handle({
    kind: "open",
    key: good,
    selection: everything,
    task: SEND_TASK,
    dryRun: false,
    names: false,
    capacity: CAPACITY,
  });
  const next = () => source.handle({ kind: "next", key: good, slot: 99 as Slot, block: 0 as BlockIndex });
  expect(next).toThrow("slot outside the arena");
});

test("a failure is explained by the name in the receiver's own tree, if that is to blame, else by the entry's", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "f" });
  const { source, key, lines } = manifestOf({ from: space.path("a") });
  const failure = { errno: 16, step: FailStep.remove };
  const path = Buffer.from("d/only there");
  source.handle({ kind: "explain", key, host: "h", failure: { ...failure, entry: undefined, path } });
  source.handle({ kind: "explain", key, host: "h", failure: { ...failure, entry: 1, path } });
  source.handle({ kind: "explain", key, host: "h", failure: { ...failure, entry: 1 } });
  source.handle({ kind: "explain", key, host: "h", failure: { ...failure, entry: 2 } });
  source.handle({ kind: "explain", key, host: "h", failure: { ...failure, entry: undefined } });
  const told = lines.map((line) => line.kind === "failure" && line.path && Buffer.from(line.path).toString());
  expect(told).toEqual(["d/only there", "d/only there", "d/f", undefined, undefined]);
  expect(lines[0]).toMatchObject({ kind: "failure", host: "h", errno: 16, step: FailStep.remove });
});
