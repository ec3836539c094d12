import { describe, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { toLatin1 } from "../../src/disk/names.ts";
import { createSource } from "../../src/disk/source.ts";
import { Errno, type Sys } from "../../src/disk/sys.ts";
import type { BlockIndex, Slot } from "../../src/wire/brand.ts";
import { BlockKind } from "../../src/wire/constants.ts";
import type { PushKey, SourceReply } from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { tree } from "./expectations.ts";
import { manifestOf, outline, told } from "./owner.ts";
import { digestOf } from "./sender.ts";
import { CAPACITY, everything, freshKey, interpose, run, tools, unexpected, workspace } from "./support.ts";

/** Manifests with the digests of files, for receivers to compare theirs with. */

const task = { mode: "check" } as const;
const MIB = 2 ** 20;

/** A file of zeros that takes no room. */
function sparse(path: string, bytes: number): void {
  writeFileSync(path, "");
  truncateSync(path, bytes);
}

/** How many descriptors of this process are open on something below this directory. */
function descriptors(root: string): number {
  const linked = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // that of the listing itself
    }
  });
  return linked.filter((path) => path.startsWith(root)).length;
}

test("each file has the digest of its bytes, and is read once; all else has none", () => {
  using space = workspace();
  const long = "abc".repeat(CAPACITY);
  tree(space.path("a"), { "d/empty": "", "d/short": "short", long });
  run("ln", ["-s", "nowhere", space.path("a/link")]);
  run("mkfifo", [space.path("a/pipe")]);
  const reads: unknown[] = [];
  const sys = interpose(tools.sys, (call, args) => {
    if (call === "read") reads.push(args[2]);
    return undefined;
  });
  const result = manifestOf({ from: space.path("a"), task, tools: { sys } });
  expect(outline(result)).toEqual([
    "d d",
    "f= d/empty",
    "f= d/short",
    "symlink link",
    "f= long",
    "fifo pipe",
  ]);
  expect(result.terms).toMatchObject({ mode: "check", removes: false });
  const digest = (path: string) => result.entries.find((entry) => toLatin1(entry.path) === path)?.digest;
  expect(digest("d/empty")).toEqual(digestOf(""));
  expect(digest("d/short")).toEqual(digestOf("short"));
  expect(digest("long")).toEqual(digestOf(long));
  // From front to back, a block's worth at a time.
  expect(reads).toEqual([0, ...Array.from({ length: 3 }, (_, i) => i * CAPACITY)]);
});

describe("a file that changes while it is read", () => {
  /** Calls `change` when the file has been read `times` times or fewer. */
  const changing = (times: number, change: () => void): Sys => {
    let reads = 0;
    return interpose(tools.sys, (call, args) => {
      if (call === "read" && args[2] === CAPACITY && reads++ < times) change();
      return undefined;
    });
  };
  const old = "o".repeat(2 * CAPACITY);
  const fresh = "n".repeat(2 * CAPACITY);

  test.each([
    ["in content", (file: string) => writeFileSync(file, fresh, { flag: "r+" }), fresh],
    ["in length", (file: string) => writeFileSync(file, `${old}more`), `${old}more`],
    ["in time", (file: string) => utimesSync(file, 1, 1), old],
  ])("%s is read once more, and is then what it is then", (_, change, content) => {
    using space = workspace();
    tree(space.path("a"), { f: old, g: "g" });
    const file = space.path("a/f");
    const result = manifestOf({
      from: space.path("a"),
      task,
      tools: { sys: changing(1, () => change(file)) },
    });
    expect(told(result)).toEqual([]);
    expect(outline(result)).toEqual(["f= f", "f= g"]);
    const [entry] = result.entries;
    expect(entry?.size).toBe(content.length);
    expect(entry?.seconds).toBe(BigInt(run("stat", ["-c", "%Y", file]).trim()));
    const direct = manifestOf({ from: space.path("a"), task }).entries[0];
    expect(entry?.digest).toEqual(direct?.digest ?? new Uint8Array());
    expect(readFileSync(file, "latin1")).toBe(content);
  });

  test("each time is reported and compared with nothing; the rest is checked", () => {
    using space = workspace();
    tree(space.path("a"), { f: old, g: "g" });
    let times = 0;
    const change = () => utimesSync(space.path("a/f"), ++times, 1);
    const result = manifestOf({ from: space.path("a"), task, tools: { sys: changing(9, change) } });
    expect(times).toBe(2);
    expect(told(result)).toEqual(["changed 0 f"]);
    expect(outline(result)).toEqual(["other f", "f= g"]);
  });

  test.each([
    ["removed", (file: string) => rmSync(file), "vanished 2 f"],
    [
      "replaced by a directory",
      (file: string) => {
        rmSync(file);
        mkdirSync(file);
      },
      "changed 0 f",
    ],
  ])("and is %s is reported", (_, change, problem) => {
    using space = workspace();
    tree(space.path("a"), { f: old, g: "g" });
    const sys = changing(1, () => change(space.path("a/f")));
    const result = manifestOf({ from: space.path("a"), task, tools: { sys } });
    expect(told(result)).toEqual([problem]);
    expect(outline(result)).toEqual(["other f", "f= g"]);
  });
});

test("a file that cannot be read is reported, and the rest is checked", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "f", e: "e", g: "g" });
  const sys = interpose(tools.sys, (call, args) =>
    call === "open" && args[1] === "e" && args[2] === "read" ? -Errno.EACCES : undefined,
  );
  const result = manifestOf({ from: space.path("a"), task, tools: { sys } });
  expect(told(result)).toEqual(["unreadable 13 e"]);
  expect(outline(result)).toEqual(["d d", "f= d/f", "other e", "f= g"]);
  expect(descriptors(space.root)).toBe(1);
  result.close();
  expect(descriptors(space.root)).toBe(0);
});

describe("a section", () => {
  test("ends before the files whose bytes were read for it are too many, and receivers have work meanwhile", () => {
    using space = workspace();
    mkdirSync(space.path("a"));
    const sizes = { a: 32, b: 32, c: 0, d: 1, e: 100, f: 1, g: 1 };
    for (const [name, size] of Object.entries(sizes)) sparse(space.path(`a/${name}`), size * MIB);
    const result = manifestOf({ from: space.path("a"), task });
    // a, b and c are 64 MiB; e is more by itself.
    expect(result.sections).toEqual([3, 1, 1, 2]);
    expect(outline(result).every((line) => line.startsWith("f= "))).toBe(true);
    // Their names can be had when they are not in memory any more, in any order.
    for (const [section, names] of [
      [0, "a b c"],
      [3, "f g"],
      [1, "d"],
      [2, "e"],
      [0, "a b c"],
    ] as const) {
      result.lines.length = 0;
      result.source.handle({ kind: "names", key: result.key, section, host: "h", update: undefined });
      expect(result.lines).toMatchObject([
        { updated: [], skipped: names.split(" ").map((name) => Uint8Array.from(Buffer.from(name))) },
      ]);
    }
    // All in one where nothing is read.
    expect(manifestOf({ from: space.path("a") }).sections).toEqual([7]);
  });

  test("is never empty behind others, even if the last file cannot be read", () => {
    using space = workspace();
    mkdirSync(space.path("a"));
    for (const name of ["a", "b"]) sparse(space.path(`a/${name}`), 40 * MIB);
    const sys = interpose(tools.sys, (call, args) =>
      call === "open" && args[1] === "b" && args[2] === "read" ? -Errno.EIO : undefined,
    );
    const result = manifestOf({ from: space.path("a"), task, tools: { sys } });
    expect(result.sections).toEqual([1, 1]);
    expect(outline(result)).toEqual(["f= a", "other b"]);
  });
});

describe("while much is read", () => {
  test("there is a pause every 16 MiB, whether in one file or in many", () => {
    using space = workspace();
    tree(space.path("a"), {});
    sparse(space.path("a/large"), 50 * MIB);
    for (let i = 0; i < 6; i++) sparse(space.path(`a/small${i}`), 3 * MIB);
    const { pauses } = manifestOf({ from: space.path("a"), task });
    expect(pauses).toEqual([0, 0, 0, 0]);
  });

  test("another push has its turn, and a close ends it, with nothing left open", () => {
    using space = workspace();
    tree(space.path("a"), {});
    sparse(space.path("a/large"), 40 * MIB);
    tree(space.path("other"), { f: "f" });
    const replies: SourceReply[] = [];
    const waits: (() => void)[] = [];
    const source = createSource({
      ...tools,
      base: space.root,
      emit: (reply) => replies.push(reply),
      tell: () => {},
      log: unexpected,
      later: (_, resume) => waits.push(resume),
    });
    const open = (key: PushKey, path: string, slot: number, mode: "check" | "send") => {
      const selection = { paths: [Buffer.from(path)], recursive: true };
      const open = {
        selection,
        task: { ...SEND_TASK, mode },
        dryRun: false,
        names: false,
        capacity: CAPACITY,
      };
      source.handle({ kind: "open", key, ...open });
      source.handle({ kind: "next", key, slot: slot as Slot, block: 0 as BlockIndex });
    };
    const [large, small] = [freshKey(), freshKey()];
    open(large, "a", 1, "check");
    expect([replies.length, waits.length]).toEqual([0, 1]);
    open(small, "other", 2, "send");
    expect(replies.splice(0)).toMatchObject([{ kind: "block", key: small, slot: 2, entries: 2 }]);
    waits.shift()?.();
    expect([replies.length, waits.length]).toEqual([0, 1]);
    expect(descriptors(space.root)).toBeGreaterThan(2);
    source.handle({ kind: "close", key: large });
    source.handle({ kind: "close", key: small });
    expect(replies.splice(0)).toEqual([
      { kind: "closed", key: large },
      { kind: "closed", key: small },
    ]);
    for (const resume of waits) resume();
    expect(replies).toEqual([]);
    expect(descriptors(space.root)).toBe(0);
  });
});

test("what receivers claim to need of a push that only compares or removes is not read for them", () => {
  using space = workspace();
  tree(space.path("a"), { f: "f" });
  for (const asked of [task, { mode: "prune", removes: "extra" }] as const) {
    const replies: SourceReply[] = [];
    const source = createSource({
      ...tools,
      base: space.path("a"),
      emit: (reply) => replies.push(reply),
      tell: (line) => unexpected(line.kind),
      log: unexpected,
      later: (_, resume) => resume(),
    });
    const key = freshKey();
    const ask = { selection: everything, dryRun: false, names: false, capacity: CAPACITY };
    source.handle({ kind: "open", key, task: { ...SEND_TASK, ...asked }, ...ask });
    const next = (block: number) => {
      source.handle({ kind: "next", key, slot: 1 as Slot, block: block as BlockIndex });
      return replies.pop();
    };
    expect(next(0)).toMatchObject({
      blockKind: BlockKind.manifest,
      lastOfKind: true,
      final: false,
      entries: 1,
    });
    source.handle({ kind: "union", key, section: 0, content: Uint8Array.of(1) });
    expect(next(1)).toMatchObject({
      blockKind: BlockKind.plan,
      lastOfKind: true,
      final: true,
      contentBytes: 0,
    });
  }
});
