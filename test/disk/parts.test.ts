import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { Directories } from "../../src/disk/directories.ts";
import { errorText } from "../../src/disk/errno.ts";
import { isNotice, type Problem, problemText } from "../../src/disk/lines.ts";
import { display, inManifestOrder, normalise, STAGE_NAME, toBytes, toLatin1 } from "../../src/disk/names.ts";
import { Sections } from "../../src/disk/sections.ts";
import { createSource } from "../../src/disk/source.ts";
import { type Fd, failed, type Stat } from "../../src/disk/sys.ts";
import { VerdictLog } from "../../src/disk/verdict-log.ts";
import type { BlockIndex, Slot } from "../../src/wire/brand.ts";
import { EXPANDED_BYTES_MAX } from "../../src/wire/constants.ts";
import type { SourceReply } from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { type Entry, encodeSection } from "../../src/wire/manifest.ts";
import { pathFault } from "../../src/wire/path.ts";
import { decodePlan } from "../../src/wire/plan.ts";
import type { Verdict } from "../../src/wire/verdict.ts";
import { everything, freshKey, sleepThenResume, tools, unexpected, workspace } from "./support.ts";

/** The small parts, each for itself. */

const { sys, zstd } = tools;
const anyPath = fc.string({ unit: fc.constantFrom("a", "b", ".", "/", "\xff", "-"), maxLength: 12 });

describe("names", () => {
  test("of users become names of the manifest, or none", () => {
    fc.assert(
      fc.property(anyPath, (given) => {
        const normal = normalise(toBytes(given));
        const hasParent = given.split("/").includes("..");
        expect("fault" in normal).toBe(given === "" || given.startsWith("/") || hasParent);
        if ("fault" in normal) return;
        const { path } = normal;
        if (path !== "") expect(pathFault(toBytes(path), 0, path.length)).toBeUndefined();
        // Once is enough, and nothing but slashes and dots got lost.
        expect(normalise(toBytes(path === "" ? "." : path))).toEqual({ path });
        const parts = (text: string) => text.split("/").filter((part) => part !== "" && part !== ".");
        expect(parts(path)).toEqual(parts(given));
      }),
      { numRuns: 2_000 },
    );
    expect(normalise(toBytes(`./${STAGE_NAME}//x`))).toEqual({
      fault: "is where makuosan keeps its own files",
    });
    expect(normalise(toBytes(`${STAGE_NAME}x`))).toEqual({ path: `${STAGE_NAME}x` });
    expect(normalise(toBytes(`sub/${STAGE_NAME}`))).toEqual({ path: `sub/${STAGE_NAME}` });
    expect(normalise(toBytes(`${"d/".repeat(2047)}f`))).toEqual({ path: `${"d/".repeat(2047)}f` });
    expect(normalise(toBytes(`${"d/".repeat(2048)}f`))).toEqual({ fault: "is too long" });
  });

  test("are in the manifest's order where a directory's names are sorted one by one", () => {
    expect(["a.b", "a/c", "ab", "a", "a-", "a/c/d", "a/b."].sort(inManifestOrder)).toEqual([
      "a",
      "a/b.",
      "a/c",
      "a/c/d",
      "a-",
      "a.b",
      "ab",
    ]);
  });

  test("are shown on one line", () => {
    expect(display("plain größe".normalize())).not.toContain("\n");
    expect(display(toLatin1(Buffer.from("größe 日本")))).toBe("größe 日本");
    expect(display("a\nb\x1b[2J\x7f")).toBe("a\\x0ab\\x1b[2J\\x7f");
    expect(display(toLatin1(Buffer.from("c1 \u0085 \u009b")))).toBe("c1 \\xc2\\x85 \\xc2\\x9b");
    expect(display("\xff")).toBe("\ufffd");
  });
});

describe("sections", () => {
  const entry = (path: string): Entry => ({
    type: path.endsWith("/") ? "directory" : "file",
    path: toBytes(path.replace(/\/$/, "")),
    mode: 0o644,
    uid: 0,
    gid: 0,
    seconds: 0n,
    nanoseconds: 0,
    size: path.endsWith("/") ? 0 : path.length,
  });
  const paths = [["a/", "a/1", "a/2"], ["a/3"], ["b", "c/", "c/x"]];
  let freed = 0;
  const sections = new Sections({ zstd, freeMemory: () => freed++ });
  for (const section of paths) {
    const entries = section.map(entry);
    const frame = new Uint8Array(1000);
    sections.add(
      frame.subarray(0, zstd.compress(encodeSection(sections.entries, entries), frame)),
      entries.length,
    );
  }
  const flat = paths.flat().map((path) => path.replace(/\/$/, ""));

  test("have memory freed from time to time, however they are gone through", () => {
    const before = freed;
    for (let i = 0; i < 100; i++)
      for (const number of [0, 3, 4]) sections.read(sections.locate(number).section);
    expect(freed - before).toBeGreaterThan(2);
    expect(freed - before).toBeLessThan(10);
  });

  test("find entries by number and by path", () => {
    expect([sections.count, sections.entries]).toEqual([3, 7]);
    for (const [number, path] of flat.entries()) {
      const { section, index } = sections.locate(number);
      expect(toLatin1(sections.entry(section, index).path)).toBe(path);
      expect(sections.find(toBytes(path))).toBe(number);
    }
    for (const path of ["", "0", "a/0", "a/1/x", "a/4", "b/", "z"])
      expect(sections.find(toBytes(path))).toBeUndefined();
    expect(() => sections.locate(7)).toThrow("no such entry");
    expect(new Sections({ zstd, freeMemory: () => {} }).find(toBytes("x"))).toBeUndefined();
  });

  test("give the stream of a plan", () => {
    sections.setPlan(0, Uint8Array.of(0b110));
    sections.setPlan(2, Uint8Array.of(0b111));
    const found: number[][] = [];
    const walk = sections.stream();
    while (walk.next()) found.push([walk.section, walk.index, walk.number, walk.size]);
    expect(found.map(([, , number, size]) => [number, size])).toEqual([
      [1, 3],
      [2, 3],
      [4, 1],
      [6, 3],
    ]);
    for (const [section = 0, index = 0, number = 0] of found)
      expect(sections.locate(number)).toEqual({ section, index });
    expect([walk.next(), walk.next()]).toEqual([false, false]);
  });
});

test("of what receivers claim to need, only files get into the plan", () => {
  using space = workspace();
  mkdirSync(space.path("d"));
  symlinkSync("d", space.path("e"));
  writeFileSync(space.path("f"), "f");
  const replies: SourceReply[] = [];
  const emit = (reply: SourceReply) => void replies.push(reply);
  const source = createSource({
    ...tools,
    base: space.root,
    emit,
    later: sleepThenResume,
    log: unexpected,
    tell: () => {},
  });
  const key = freshKey();
  const slot = 3 as Slot;
  source.handle({
    kind: "open",
    key,
    selection: everything,
    task: SEND_TASK,
    dryRun: false,
    names: false,
    capacity: 1000,
  });
  source.handle({ kind: "next", key, slot, block: 0 as BlockIndex });
  source.handle({ kind: "union", key, section: 0, content: Uint8Array.of(0b111) });
  source.handle({ kind: "next", key, slot, block: 1 as BlockIndex });
  const plan = replies[1];
  if (plan?.kind !== "block") throw new Error("no plan");
  const at = slot * tools.arena.slotBytes;
  const raw = zstd.expand(tools.arena.bytes.subarray(at, at + plan.bytes - 16));
  expect(decodePlan(raw ?? new Uint8Array())).toEqual([
    { section: 0, entries: 3, content: Uint8Array.of(0b100) },
  ]);
  source.handle({ kind: "close", key });
  expect(replies.at(-1)).toEqual({ kind: "closed", key });
});

test("the verdict log gives back what was put in", () => {
  const verdict = fc.oneof(
    fc.record({
      entry: fc.nat(),
      status: fc.constant("good" as const),
      digest: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    }),
    fc.record({ entry: fc.nat(), status: fc.constant("changed" as const) }),
    fc.record({ entry: fc.nat(), status: fc.constant("unreadable" as const), errno: fc.nat(0xffff) }),
  );
  fc.assert(
    fc.property(fc.array(verdict, { maxLength: 300 }), (verdicts: Verdict[]) => {
      const log = new VerdictLog();
      for (const each of verdicts) log.add(each);
      expect(log.count).toBe(verdicts.length);
      expect(verdicts.map(({ entry }, i) => log.at(i, entry))).toEqual(verdicts);
    }),
  );
});

test("frames are expanded only if they are one, whole, and no larger than allowed", () => {
  const compress = (raw: Uint8Array) => {
    const frame = new Uint8Array(raw.length + 1000);
    return frame.slice(0, zstd.compress(raw, frame));
  };
  for (const bytes of [0, 1, 70_000, EXPANDED_BYTES_MAX]) {
    const frame = compress(new Uint8Array(bytes).fill(7));
    expect(zstd.expand(frame)).toEqual(new Uint8Array(bytes).fill(7));
    expect(zstd.expand(frame.subarray(0, -1))).toBeUndefined();
    expect(zstd.expand(Buffer.concat([frame, Uint8Array.of(0)]))).toBeUndefined();
    expect(zstd.expand(Buffer.concat([frame, frame]))).toBeUndefined();
  }
  expect(zstd.expand(compress(new Uint8Array(EXPANDED_BYTES_MAX + 1)))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, framed) => {
      const frame = framed ? Buffer.concat([Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), bytes]) : bytes;
      expect(zstd.expand(frame)?.length ?? 0).toBeLessThanOrEqual(EXPANDED_BYTES_MAX);
    }),
  );
});

describe("the system calls", () => {
  const openBase = (path: string): Fd => {
    const fd = sys.openBase(path);
    if (failed(fd)) throw new Error(`cannot open ${path}`);
    return fd;
  };

  test("list and look at more names than one call takes", () => {
    using space = workspace();
    mkdirSync(space.root, { recursive: true });
    const names = Array.from({ length: 700 }, (_, i) => `${i}`.padStart(200, "long-name-"));
    for (const name of names) writeFileSync(space.path(name), name.slice(0, Number(name.slice(-2)) || 0));
    const base = openBase(space.root);
    const fd = sys.open(base, ".", "directory");
    if (failed(fd)) throw new Error("cannot list");
    const listed = sys.list(fd);
    expect(failed(listed) ? [] : listed.sort()).toEqual([...names].sort());
    const stats = sys.statMany(base, ["missing", ...names]);
    expect(stats[0]).toBe(-2 as never);
    expect(stats.slice(1).map((stat) => (stat as Stat).size)).toEqual(
      names.map((name) => Number(name.slice(-2)) || 0),
    );
    expect(sys.statMany(base, [])).toEqual([]);
    sys.close(fd);
    sys.close(base);
  });

  test("answer for paths that are too long without asking the kernel", () => {
    const long = "x".repeat(4096);
    const base = openBase("/");
    expect(sys.open(base, long, "parent")).toBe(-36 as never);
    expect(sys.makeSymlink(long, base, "x")).toBe(-36);
    expect(sys.rename(base, "x", base, long)).toBe(-36);
    expect(sys.readLink(base, long)).toBe(-36 as never);
    sys.close(base);
  });

  test("refuse memory outside of the arena", () => {
    const bytes = tools.arena.bytes.length;
    for (const extent of [
      { at: bytes, bytes: 1 },
      { at: -1, bytes: 1 },
      { at: 0, bytes: bytes + 1 },
    ]) {
      expect(() => sys.read(0 as Fd, extent, 0)).toThrow("extent outside the arena");
      expect(() => tools.digest.block(extent, 0)).toThrow("extent outside the arena");
    }
  });

  test("hold no more directories than they should, and close all", () => {
    using space = workspace();
    for (let i = 0; i < 100; i++) mkdirSync(space.path(`d${i}/e`), { recursive: true });
    symlinkSync("d0", space.path("link"));
    const base = openBase(space.root);
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    const directories = new Directories(sys, base);
    expect(directories.get("")).toBe(base);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 100; i++) expect(failed(directories.get(`d${i}/e`))).toBe(false);
    }
    expect(open() - before).toBeLessThanOrEqual(32);
    expect(directories.get("d99/e")).toBe(directories.get("d99/e"));
    expect(failed(directories.get("link/e"))).toBe(true);
    expect(failed(directories.get("none"))).toBe(true);
    directories.release();
    expect(open()).toBe(before);
    sys.close(base);
  });
});

test("problems have words, and only what is left out on purpose is a notice", () => {
  const problems: Problem[] = [
    "socket",
    "foreign",
    "excluded",
    "group",
    "changed",
    "vanished",
    "unreadable",
    "unlisted",
    "long",
    "unsupported",
  ];
  for (const problem of problems)
    expect(problemText(problem, 13)).toStartWith(isNotice(problem) ? "skip: " : "error: ");
  expect(problemText("socket", 0)).toBe("skip: unix domain socket");
  expect(problemText("unreadable", 13)).toBe("error: cannot read (Permission denied):");
  expect(errorText(28)).toBe("No space left on device");
  expect(errorText(4000)).toBe("error 4000");
});
