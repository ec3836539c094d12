import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import fc from "fast-check";
import { toLatin1 } from "../../src/disk/names.ts";
import type { Sys } from "../../src/disk/sys.ts";
import { Excludes } from "../../src/wire/excludes.ts";
import { EXCLUDES_MAX, TERMS_BYTES_MAX } from "../../src/wire/terms.ts";
import { tree } from "./expectations.ts";
import { manifestOf, outline, select, told } from "./owner.ts";
import { interpose, run, tools, workspace } from "./support.ts";

/** What is excluded is not there, as far as a push goes. */

const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text, "latin1"));

test("names that match, and all that is in them, are no entries; directories of that name are not even opened", () => {
  using space = workspace();
  tree(space.path("a"), {
    ".git/x": "",
    "d/.git/deep/y": "",
    "d/f.o": "",
    "d/f.c": "",
    "e.o/in": "",
    "log/z": "",
  });
  const opened: unknown[] = [];
  const sys: Sys = interpose(tools.sys, (call, args) => {
    if (call === "open") opened.push(args[1]);
    return undefined;
  });
  const excludes = bytes(".git/", "*.o", "base/log");
  const result = manifestOf({ from: space.path("a"), task: { excludes }, tools: { sys } });
  expect(outline(result)).toEqual(["d d", "f d/f.c"]);
  expect(opened.sort()).toEqual([".", "d"]);
  expect(told(result)).toEqual([]);
  const { terms } = result;
  expect(terms?.excludes.map(toLatin1)).toEqual([".git/", "*.o", "base/log"]);
  expect(terms).toMatchObject({ base: new Uint8Array(Buffer.from("/shown/base")), removes: false });
});

test("a push without patterns says nothing of its base", () => {
  using space = workspace();
  tree(space.path("a"), { f: "" });
  expect(manifestOf({ from: space.path("a") }).terms).toMatchObject({ base: new Uint8Array(), excludes: [] });
});

const name = fc.constantFrom("a", "b", "ab", "c.o");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
const pattern = fc
  .array(fc.constantFrom("a", "b", "ab", "*", "?", "*.o", "[!a]"), { minLength: 1, maxLength: 3 })
  .chain((parts) => fc.constantFrom(parts.join("/"), `${parts.join("/")}/`));

test("of any tree and any patterns, exactly what no pattern covers is left", () => {
  using space = workspace();
  let runs = 0;
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), fc.array(pattern, { maxLength: 4 }), (paths, patterns) => {
      const from = space.path(`${runs++}`);
      mkdirSync(from);
      for (const each of paths) run("mkdir", ["-p", `${from}/${each}`]);
      const excludes = patterns.map((each) => Buffer.from(each, "latin1"));
      const covers = new Excludes({ base: Buffer.from(tools.shownBase), excludes });
      const all = manifestOf({ from }).entries.map((entry) => toLatin1(entry.path));
      const left = manifestOf({ from, task: { excludes } }).entries.map((entry) => toLatin1(entry.path));
      expect(left).toEqual(all.filter((each) => !covers.covers(each, "directory")));
    }),
    { numRuns: 40 },
  );
});

test("a path that is excluded itself, or by what it is in, is left out with a notice, whether it exists or not", () => {
  using space = workspace();
  tree(space.path("a"), { "tmp/f": "", "d/cache/x": "", "d/y": "" });
  const selection = select(["tmp", "d/cache/x", "d/y", "d/cache/gone", "gone"], true);
  const task = { excludes: bytes("tmp", "cache", "gone"), removes: "missing" } as const;
  const result = manifestOf({ from: space.path("a"), selection, task });
  expect(outline(result)).toEqual(["f d/y"]);
  expect(result.terms?.missing).toEqual([]);
  expect(told(result).sort()).toEqual([
    "excluded 0 d/cache/gone",
    "excluded 0 d/cache/x",
    "excluded 0 gone",
    "excluded 0 tmp",
  ]);
  // Nothing is left: that is a push, too.
  const none = manifestOf({ from: space.path("a"), selection: select(["tmp"], true), task });
  expect([none.message, none.sections]).toEqual([undefined, [0]]);
  // A path that does not exist is a mistake as ever, excluded or not.
  const { message } = manifestOf({
    from: space.path("a"),
    selection: select(["gone"]),
    task: { excludes: bytes("gone") },
  });
  expect(message).toBe("gone: No such file or directory");
});

test.each([
  [[""], "an exclude pattern is empty: it would match nothing"],
  [["ok", "a\0b"], "exclude pattern a\\x00b contains a NUL byte"],
  [["x".repeat(4096)], `exclude pattern ${"x".repeat(60)}… is longer than 4095 bytes`],
  [Array<string>(EXCLUDES_MAX + 1).fill("x"), "1025 exclude patterns are too many: 1024 at most"],
])("patterns that cannot be sent are refused: %#", (patterns, message) => {
  using space = workspace();
  tree(space.path("a"), { f: "" });
  const result = manifestOf({ from: space.path("a"), task: { excludes: bytes(...patterns) } });
  expect([result.message, result.entries]).toEqual([message, []]);
});

test("terms that are too large are refused, and the largest are sent", () => {
  using space = workspace();
  tree(space.path("a"), { f: "" });
  const base = tools.shownBase.length;
  const of = (length: number) => {
    const excludes = [
      ...Array<string>(8).fill("y".repeat(4000)),
      "z".repeat(length - 12 - base - 8 * 4002 - 2),
    ];
    return manifestOf({ from: space.path("a"), capacity: 32_000, task: { excludes: bytes(...excludes) } });
  };
  // The section of this block has less room than terms may ever have: the first entry must always fit.
  const message = of(TERMS_BYTES_MAX).message;
  expect(message).toMatch(
    /^9 exclude patterns and 0 paths that do not exist here take 32768 bytes, and a push has room for (\d+): use fewer patterns, or select fewer paths at a time$/,
  );
  const room = Number(/room for (\d+)/.exec(message ?? "")?.[1]);
  expect(room).toBeLessThan(32_000);
  const few = (length: number) => {
    const excludes = bytes(
      ...Array<string>(5).fill("y".repeat(4000)),
      "z".repeat(length - 12 - base - 5 * 4002 - 2),
    );
    return manifestOf({ from: space.path("a"), capacity: 32_000, task: { excludes } });
  };
  expect(outline(few(room))).toEqual(["f f"]);
  expect(few(room + 1).message).toContain(`take ${room + 1} bytes`);
});
