import { expect, test } from "bun:test";
import { linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Errno, type Fd, failed, type Latin1, type Sys } from "../../src/disk/sys.ts";
import { FailStep } from "../../src/wire/constants.ts";
import { tree } from "./expectations.ts";
import { all, bytes, directory, fifo, left, prune } from "./pruning.ts";
import { push, receiver, tools, workspace } from "./support.ts";

/** A receiver whose file system lists names as it likes: none that the owner has may go because of that. */

const { sys: real } = tools;

/** A Sys that lists each name so many times: as file systems may, where names come and go while they list. */
function stuttering(times: number): Sys {
  const list: Sys["list"] = (fd) => {
    const names = real.list(fd);
    return typeof names === "number" ? names : Array.from({ length: times }, () => names).flat();
  };
  return { ...real, list };
}

/** A Sys that takes names for equal that differ in the case of their letters only. */
function folding(): Sys {
  const known = (dir: Fd, name: Latin1): Latin1 => {
    const fd = real.open(dir, ".", "directory");
    const names = failed(fd) ? fd : real.list(fd);
    if (!failed(fd)) real.close(fd);
    const all = typeof names === "number" ? [] : names;
    return all.find((each) => each.toLowerCase() === name.toLowerCase()) ?? name;
  };
  return {
    ...real,
    statMany: (dir, names) =>
      real.statMany(
        dir,
        names.map((name) => known(dir, name)),
      ),
    open: (dir, path, way) => real.open(dir, path.includes("/") ? path : known(dir, path), way),
    rename: (from, name, to, target) => real.rename(from, name, to, known(to, target)),
  };
}

test("a name that is listed twice is one: it stays if the owner has it, and goes once if not", () => {
  using space = workspace();
  tree(space.path("b"), { "d/a": "1", "d/b": "2", "gone/x": "3", "gone/y/z": "4" });
  const result = prune(space.path("b"), {}, [directory("d"), fifo("d/a"), fifo("d/b")], stuttering(2));
  expect(result.told).toEqual({ count: 4, names: ["gone", "gone/x", "gone/y", "gone/y/z"] });
  expect(result).toMatchObject({ kind: "committed" });
  expect(left(space.path("b"))).toEqual(["d", "d/a", "d/b"]);
});

test("where a name is found under another case, that of an entry is not removed for its own", () => {
  for (const [own, theirs] of [
    ["Readme", "README"],
    ["readme", "README"],
  ] as const) {
    using space = workspace();
    tree(space.path("b"), { [`d/${own}`]: "same", "d/extra": "2" });
    const result = prune(space.path("b"), {}, [directory("d"), fifo(`d/${theirs}`)], folding());
    const path = new Uint8Array(bytes(`d/${theirs}`));
    expect(result.failure).toEqual({ errno: Errno.EEXIST, step: FailStep.remove, entry: undefined, path });
    expect(left(space.path("b")).sort()).toEqual(["d", `d/${own}`, "d/extra"].sort());
  }
});

test("so it is with a directory that has another case, and with a push that brings the file", () => {
  using space = workspace();
  tree(space.path("a"), { "Data/f": "new" });
  tree(space.path("b"), { "data/f": "old" });
  const to = [receiver(space.path("b"), { sys: folding() })];
  const { outcomes } = push({ from: space.path("a"), to, task: { removes: "extra" } });
  expect(outcomes[0]?.failure).toMatchObject({ errno: Errno.EEXIST, step: FailStep.remove });
  expect(readFileSync(space.path("b/data/f"), "utf8")).toBe("old");
});

test("where case is folded, but no name differs in it, names are removed", () => {
  using space = workspace();
  tree(space.path("b"), { "d/Readme": "same", "d/extra": "2" });
  const entries = [directory("d"), fifo("d/Readme"), fifo("d/new")];
  expect(prune(space.path("b"), {}, entries, folding())).toMatchObject({ kind: "committed" });
  expect(left(space.path("b"))).toEqual(["d", "d/Readme"]);
});

test("what comes into a directory after it was listed is no other name of what is there", () => {
  using space = workspace();
  mkdirSync(space.path("b/d"), { recursive: true });
  for (const name of ["extra", "other"]) writeFileSync(space.path(`b/d/${name}`), name);
  const list: Sys["list"] = (fd) => {
    const names = real.list(fd);
    if (typeof names !== "number" && names.includes("extra")) writeFileSync(space.path("b/d/new"), "new");
    return names;
  };
  const result = prune(space.path("b"), all, [directory("d"), fifo("d/new")], { ...real, list });
  expect(result).toMatchObject({ kind: "committed", told: { names: ["d/extra", "d/other"] } });
  expect(left(space.path("b"))).toEqual(["d", "d/new"]);
});

test("a hard link is another name, and goes", () => {
  using space = workspace();
  tree(space.path("b"), { "d/kept": "1" });
  linkSync(space.path("b/d/kept"), space.path("b/d/extra"));
  expect(prune(space.path("b"), all, [directory("d"), fifo("d/kept")])).toMatchObject({ kind: "committed" });
  expect(left(space.path("b"))).toEqual(["d", "d/kept"]);
});
