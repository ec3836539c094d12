import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { toLatin1 } from "../../src/disk/names.ts";
import type { Sys } from "../../src/disk/sys.ts";
import { tree } from "./expectations.ts";
import { manifestOf, outline, select, told } from "./owner.ts";
import { interpose, tools, workspace } from "./support.ts";

/** Selected paths that do not exist here. */

const files = { "d/x": "", "d/e/y": "", f: "" };

test.each([
  // what is selected, recursive, removes, missing, roots
  [["gone"], false, "missing", ["gone"], []],
  [["gone"], true, "extra", ["gone"], []],
  [["no/such/parent", "f"], false, "missing", ["no/such/parent"], ["f f"]],
  [["z", "z/in", "z.b", "z/in/deep", "z"], false, "missing", ["z", "z.b"], []],
  [["d", "d/gone"], true, "missing", ["d/gone"], ["d d", "d d/e", "f d/e/y", "f d/x"]],
  // Below a root that is listed it is one of the names that are not there.
  [["d", "d/gone"], true, "extra", [], ["d+ d", "d+ d/e", "f d/e/y", "f d/x"]],
  [["d", "d/gone"], false, "extra", ["d/gone"], ["d d"]],
  [["."], true, "extra", [], ["d+ d", "d+ d/e", "f d/e/y", "f d/x", "f f"]],
] as const)("%j, recursive %p, removes %s: missing %j", (paths, recursive, removes, missing, expected) => {
  using space = workspace();
  tree(space.path("a"), files);
  const selection = select(paths, recursive);
  const result = manifestOf({ from: space.path("a"), selection, task: { removes } });
  expect(result.message).toBeUndefined();
  expect(result.terms?.missing.map(toLatin1)).toEqual([...missing]);
  expect(outline(result)).toEqual([...expected]);
  expect(told(result)).toEqual([]);
});

test.each([
  ["f/x", "missing", "f/x: not in a directory (symbolic links are not followed)"],
  ["link/x", "extra", "link/x: not in a directory (symbolic links are not followed)"],
  ["gone", "nothing", "gone: No such file or directory"],
] as const)("%s, where %s is removed, is still a mistake", (path, removes, message) => {
  using space = workspace();
  tree(space.path("a"), files);
  symlinkSync("d", space.path("a/link"));
  const result = manifestOf({ from: space.path("a"), selection: select([path, "f"]), task: { removes } });
  expect([result.message, result.terms]).toEqual([message, undefined]);
});

test("a check takes no path that does not exist: it removes nothing", () => {
  using space = workspace();
  tree(space.path("a"), files);
  const task = { mode: "check", removes: "missing" } as const;
  const { message } = manifestOf({ from: space.path("a"), selection: select(["gone"]), task });
  expect(message).toBe("gone: No such file or directory");
});

test("what appears after it was found missing is not sent: it cannot be sent and removed by one push", () => {
  using space = workspace();
  tree(space.path("a"), files);
  const appear = (name: string, make: () => void): Sys => {
    let looked = false;
    return interpose(tools.sys, (call, args) => {
      if (call === "statMany" && Array.isArray(args[1]) && args[1].includes(name)) looked = true;
      else if (looked && call === "open") make();
      return undefined;
    });
  };
  const sys = appear("new", () => writeFileSync(space.path("a/d/new"), "new"));
  const selection = select(["d", "d/new"], true);
  const result = manifestOf({
    from: space.path("a"),
    selection,
    task: { removes: "missing" },
    tools: { sys },
  });
  expect(result.terms?.missing.map(toLatin1)).toEqual(["d/new"]);
  expect(outline(result)).toEqual(["d d", "d d/e", "f d/e/y", "f d/x"]);
  // The same with something below it that was selected as well, and found.
  const late = appear("late", () => mkdirSync(space.path("a/late/sub"), { recursive: true }));
  const below = manifestOf({
    from: space.path("a"),
    selection: select(["late", "late/sub", "f"]),
    task: { removes: "missing" },
    tools: { sys: late },
  });
  expect(below.terms?.missing.map(toLatin1)).toEqual(["late"]);
  expect(outline(below)).toEqual(["f f"]);
});

test("more missing paths than a push has room for are refused with what to do", () => {
  using space = workspace();
  tree(space.path("a"), files);
  const paths = Array.from({ length: 2_000 }, (_, i) => `missing-${i}-`.padEnd(30, "x"));
  const { message } = manifestOf({
    from: space.path("a"),
    capacity: 32_000,
    selection: select(paths),
    task: { removes: "missing" },
  });
  expect(message).toStartWith(
    "0 exclude patterns and 2000 paths that do not exist here take 64012 bytes, and a push has room for ",
  );
  expect(message).toEndWith(": use fewer patterns, or select fewer paths at a time");
});
