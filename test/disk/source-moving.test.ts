import { expect, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { Errno, type Failed, type Latin1, type Sys } from "../../src/disk/sys.ts";
import { tree } from "./expectations.ts";
import { manifestOf, outline, told } from "./owner.ts";
import { altered, push, receiver, run, settle, tools, workspace } from "./support.ts";

/** Names that come and go while the tree is listed for a push that removes what the owner has not. */

const { sys: real } = tools;
const extra = { removes: "extra" } as const;

/** A Sys that says what `tamper` makes of the names of a directory that has `mark`; it is told how often that was listed before. */
function listing(mark: Latin1, tamper: (names: Latin1[], before: number) => Latin1[] | Failed): Sys {
  let lists = 0;
  const list: Sys["list"] = (fd) => {
    const names = real.list(fd);
    return typeof names === "number" || !names.includes(mark) ? names : tamper(names, lists++);
  };
  return altered({ list });
}

/** Nothing has changed in these directories for long. */
function rest(...paths: string[]): void {
  settle();
  for (const path of paths) utimesSync(path, 1, 1);
  Bun.sleepSync(120);
}

test("a name that is gone when it is looked at may come back: receivers keep theirs", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "new", "d/g": "g" });
  tree(space.path("b"), { "d/f": "old", "d/g": "g", "d/old": "x" });
  // As by a writer that removes a file before it makes the new one.
  const away = listing("f", (names) => {
    renameSync(space.path("a/d/f"), space.path("aside"));
    return names;
  });
  const sys = altered({
    list: away.list,
    statMany: (dir, names) => {
      const stats = real.statMany(dir, names);
      if (names.includes("f") && existsSync(space.path("aside")))
        renameSync(space.path("aside"), space.path("a/d/f"));
      return stats;
    },
  });
  const options = { from: space.path("a"), to: [receiver(space.path("b"))], task: extra, names: true };
  const result = push({ ...options, source: { sys } });
  expect(result.outcomes[0]?.committed).toBe(true);
  expect(result.lines.filter(({ kind }) => kind === "problem")).toEqual([]);
  expect(
    run("ls", [space.path("b/d")])
      .split("\n")
      .filter(Boolean),
  ).toEqual(["f", "g"]);
});

test("so do those of a directory that is gone before all of its names were looked at, and of one with a group to change", () => {
  using space = workspace();
  mkdirSync(space.path("a/d"), { recursive: true });
  for (let i = 0; i < 300; i++) writeFileSync(space.path(`a/d/${1000 + i}`), "");
  const statMany: Sys["statMany"] = (dir, names) => {
    if (names.includes("1256")) rmSync(space.path("a/d"), { recursive: true, force: true });
    return real.statMany(dir, names);
  };
  const from = space.path("a");
  const gone = manifestOf({ from, task: extra, tools: { sys: altered({ statMany }) } });
  expect(outline(gone)[0]).toBe("d+ d");
  expect(outline(gone).slice(256)).toEqual([
    "f d/1255",
    ...Array.from({ length: 44 }, (_, i) => `other d/${1256 + i}`),
  ]);
  tree(from, { "e/f": "" });
  const open: Sys["open"] = (dir, path, way) => {
    if (way === "handle" && path === "f") rmSync(space.path("a/e/f"), { force: true });
    return real.open(dir, path, way);
  };
  const grouped = manifestOf({ from, task: { ...extra, gid: 12_345 }, tools: { sys: { ...real, open } } });
  expect(outline(grouped)).toEqual(["d+ e", "other e/f"]);
});

test("without removals a name that is gone is none, and so it is for a comparison", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "" });
  const gone = (names: readonly Latin1[], stats: ReturnType<Sys["statMany"]>) =>
    stats.map((stat, i) => (names[i] === "f" ? (-Errno.ENOENT as Failed) : stat));
  const sys = altered({ statMany: (dir, names) => gone(names, real.statMany(dir, names)) });
  for (const task of [{}, { mode: "check" } as const, { removes: "missing" } as const])
    expect(outline(manifestOf({ from: space.path("a"), task, tools: { sys } }))).toEqual(["d d"]);
});

test("a listing during which names change may miss one: it is not the only one", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "", "d/g": "" });
  rest(space.path("a/d"));
  const sys = listing("f", (names, before) => {
    if (before > 0) return names;
    run("mv", [space.path("a/d/g"), space.path("a/d/a")]);
    return names.filter((name) => name !== "g");
  });
  const result = manifestOf({ from: space.path("a"), task: extra, tools: { sys } });
  expect(outline(result)).toEqual(["d+ d", "f d/a", "f d/f"]);
  expect(told(result)).toEqual([]);
});

test("nor is one whose directory changed so shortly before that its time could not tell", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "", "d/g": "" });
  let lists = 0;
  const missing = listing("f", (names, before) => {
    lists++;
    return before === 0 ? names.filter((name) => name !== "g") : names;
  });
  const result = manifestOf({ from: space.path("a"), task: extra, tools: { sys: missing } });
  expect(outline(result)).toEqual(["d+ d", "f d/f", "f d/g"]);
  expect(lists).toBe(3);
  // What has been at rest is listed once.
  rest(space.path("a/d"));
  lists = 0;
  expect(outline(manifestOf({ from: space.path("a"), task: extra, tools: { sys: missing } }))).toHaveLength(
    3,
  );
  expect(lists).toBe(1);
});

test("a directory whose listings never agree is not listed, nor is one that cannot be listed again", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "" });
  const restless = listing("f", (names, before) => {
    writeFileSync(space.path(`a/d/${before}`), "");
    return [...names, String(before)];
  });
  const result = manifestOf({ from: space.path("a"), task: extra, tools: { sys: restless } });
  expect(outline(result).slice(0, 3)).toEqual(["d d", "f d/0", "f d/1"]);
  expect(result.terms?.baseListed).toBe(true);
  const broken = listing("f", (names, before) => (before === 1 ? (-Errno.EACCES as Failed) : names));
  writeFileSync(space.path("a/d/more"), "");
  const half = manifestOf({ from: space.path("a"), task: extra, tools: { sys: broken } });
  expect(outline(half)).toEqual(["d d"]);
  expect(told(half)).toEqual(["unlisted 13 d"]);
});
