import { expect, test } from "bun:test";
import { chownSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import fc from "fast-check";
import { parentOf, toLatin1 } from "../../src/disk/names.ts";
import { Errno, type Failed, type Latin1, type Sys } from "../../src/disk/sys.ts";
import { tree } from "./expectations.ts";
import { manifestOf, outline, select, told } from "./owner.ts";
import { altered, run, tools, workspace } from "./support.ts";

/** What a manifest says of names that it does not send, so that receivers remove no more than what is not there. */

const extra = { removes: "extra" } as const;

/** A unix socket. Its path may be of any length. */
function makeSocket(directory: string, name: string): void {
  run("python3", [
    "-c",
    `import os, socket; os.chdir(${JSON.stringify(directory)}); socket.socket(socket.AF_UNIX).bind(${JSON.stringify(name)})`,
  ]);
}

/** A Sys on which the status of these names cannot be had, nor the names of these directories. */
function damaged({
  names = [],
  closed = [],
  errno = Errno.EACCES,
}: {
  names?: readonly Latin1[];
  closed?: readonly Latin1[];
  errno?: number;
}): Sys {
  return altered({
    statMany: (dir, asked) =>
      tools.sys
        .statMany(dir, asked)
        .map((stat, i) => (names.includes(asked[i] ?? "") ? (-errno as Failed) : stat)),
    open: (dir, path, way) =>
      way === "directory" && closed.includes(path) ? (-errno as Failed) : tools.sys.open(dir, path, way),
  });
}

test("directories say that all of their names follow only where names are removed, and everything below is", () => {
  using space = workspace();
  tree(space.path("a"), { "d/e/f": "", g: "" });
  const from = space.path("a");
  const full = manifestOf({ from, task: extra });
  expect(outline(full)).toEqual(["d+ d", "d+ d/e", "f d/e/f", "f g"]);
  expect(full.terms).toMatchObject({ mode: "send", removes: true, baseListed: true, namesWanted: false });
  const part = manifestOf({ from, task: extra, selection: select(["d", "g"], true), names: true });
  expect(outline(part)).toEqual(["d+ d", "d+ d/e", "f d/e/f", "f g"]);
  expect(part.terms).toMatchObject({ removes: true, baseListed: false, namesWanted: true });
  const pruned = manifestOf({ from, task: { mode: "prune", removes: "extra", removesMax: 7 } });
  expect(outline(pruned)).toEqual(outline(full));
  expect(pruned.terms).toMatchObject({ mode: "prune", removes: true, baseListed: true, removesMax: 7 });
  const plain = [
    { task: extra, selection: select(["d", "d/e", "g"]), removes: true },
    { task: { removes: "missing" } as const, removes: true },
    // A check removes nothing, whatever it is told.
    { task: { mode: "check", removes: "extra" } as const, removes: false },
    { removes: false },
  ];
  for (const { removes, ...asked } of plain) {
    const { entries, terms } = manifestOf({ from, ...asked });
    expect(entries.some(({ listed }) => listed)).toBe(false);
    expect(terms).toMatchObject({ removes, baseListed: false });
  }
});

test("a limit of removals that no receiver can reach is none", () => {
  using space = workspace();
  mkdirSync(space.path("a"));
  const limit = (removesMax: number) =>
    manifestOf({ from: space.path("a"), task: { ...extra, removesMax } }).terms;
  expect(limit(2 ** 32 - 2)?.removesMax).toBe(2 ** 32 - 2);
  expect(limit(2 ** 32 - 1)?.removesMax).toBeUndefined();
  // Without removals there is nothing to limit.
  const plain = manifestOf({ from: space.path("a"), task: { removesMax: 3 }, names: true });
  expect(plain.terms).toMatchObject({ removes: false, removesMax: undefined, namesWanted: false });
});

test("a tree that cannot be read because of some trouble removes nothing, here or anywhere", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "", "e/g": "" });
  const from = space.path("a");
  const { EIO } = Errno;
  const no = "Input/output error: nothing is removed elsewhere by a host that cannot read its own tree";
  const broken = [
    [{ names: ["f"] }, "d/f"],
    [{ closed: ["d"] }, "d"],
    [{ closed: ["."] }, "/shown/base"],
  ] as const;
  for (const [where, shown] of broken) {
    const { sys } = { sys: damaged({ ...where, errno: EIO }) };
    for (const each of [
      { task: extra },
      { task: extra, dryRun: true },
      { task: { mode: "prune", ...extra } as const },
    ])
      expect(manifestOf({ from, ...each, tools: { sys } }).message).toBe(`${shown}: ${no}`);
    // What only brings something, or removes what was named, goes on.
    for (const task of [{}, { removes: "missing" } as const, { mode: "check" } as const])
      expect(manifestOf({ from, task, tools: { sys } }).message).toBeUndefined();
    const excluding = { ...extra, excludes: ["d", "."].map((pattern) => Buffer.from(pattern)) };
    expect(manifestOf({ from, task: excluding, tools: { sys } }).message).toBe(
      shown.startsWith("d") ? undefined : `${shown}: ${no}`,
    );
  }
});

test("a base with nothing to send is not taken for a wish to have nothing, unless a limit is given", () => {
  using space = workspace();
  mkdirSync(space.path("a/sub"), { recursive: true });
  const from = space.path("a");
  const refused =
    "base directory /shown/base: nothing to send, so that all would be removed elsewhere; if that is meant, say --max-delete";
  const asked = [
    { task: extra },
    { task: { mode: "prune", removes: "extra" } as const },
    { task: extra, dryRun: true },
    { task: { ...extra, excludes: [Buffer.from("sub")] } },
    { task: extra, selection: select(["."], true) },
  ];
  for (const each of asked.slice(0, 3)) expect(manifestOf({ from, ...each }).message).toBeUndefined();
  expect(manifestOf({ from, ...asked[3] }).message).toBe(refused);
  rmSync(space.path("a/sub"), { recursive: true });
  for (const each of asked) {
    expect(manifestOf({ from, ...each }).message).toBe(refused);
    const meant = manifestOf({ from, ...each, task: { ...each.task, removesMax: 2 ** 32 } });
    expect([meant.message, meant.entries, meant.terms?.baseListed]).toEqual([undefined, [], true]);
  }
  // Where the base is not known to be empty, or nothing is removed, there is nothing to fear.
  const closed = manifestOf({ from, task: extra, tools: { sys: damaged({ closed: ["."] }) } });
  expect([closed.message, closed.terms?.baseListed]).toEqual([undefined, false]);
  for (const task of [{}, { removes: "missing" } as const, { mode: "check" } as const])
    expect(manifestOf({ from, task }).message).toBeUndefined();
  // A part of it may well be empty.
  mkdirSync(space.path("a/part"));
  expect(manifestOf({ from, task: extra, selection: select(["part"], true) }).message).toBeUndefined();
});

test("names that exist but are not sent are entries where names are removed, and only there", () => {
  using space = workspace();
  tree(space.path("a"), { "d/good": "", broken: "" });
  makeSocket(space.path("a/d"), "socket");
  symlinkSync("target", space.path("a/link"));
  const readLink: Sys["readLink"] = () => -Errno.EACCES as Failed;
  const sys = { ...damaged({ names: ["broken"] }), readLink };
  const asked = { from: space.path("a"), tools: { sys } };
  const problems = ["unreadable 13 broken", "socket 0 d/socket", "unreadable 13 link"];
  const removing = manifestOf({ ...asked, task: extra });
  expect(outline(removing)).toEqual(["other broken", "d+ d", "f d/good", "other d/socket", "other link"]);
  expect(told(removing)).toEqual(problems);
  for (const task of [{}, { removes: "missing" } as const]) {
    const plain = manifestOf({ ...asked, task });
    expect(outline(plain)).toEqual(["d d", "f d/good"]);
    expect(told(plain)).toEqual(problems);
  }
});

test("names that are not sent have no line of their own at any host", () => {
  using space = workspace();
  tree(space.path("a"), { a: "", m: "", z: "" });
  const sys = damaged({ names: ["m"] });
  const { source, key, lines } = manifestOf({ from: space.path("a"), task: extra, tools: { sys } });
  lines.length = 0;
  source.handle({ kind: "names", key, section: 0, host: "h", update: Uint8Array.of(0b011) });
  source.handle({ kind: "names", key, section: 0, host: "h", update: undefined });
  expect(
    lines.map((line) =>
      line.kind === "names" ? [line.updated.map(toLatin1), line.skipped.map(toLatin1)] : line.kind,
    ),
  ).toEqual([
    [["a"], ["z"]],
    [[], ["a", "z"]],
  ]);
});

test("a directory whose names cannot be had is sent, and its names stay as they are", () => {
  using space = workspace();
  tree(space.path("a"), { "closed/x": "", "open/y": "" });
  const sys = damaged({ closed: ["closed"] });
  const result = manifestOf({ from: space.path("a"), task: extra, tools: { sys } });
  expect(outline(result)).toEqual(["d closed", "d+ open", "f open/y"]);
  expect(told(result)).toEqual(["unlisted 13 closed"]);
  const base = manifestOf({ from: space.path("a"), task: extra, tools: { sys: damaged({ closed: ["."] }) } });
  expect([base.entries, base.terms?.baseListed, told(base)]).toEqual([[], false, ["unlisted 13 "]]);
  // A listing that breaks off in the middle is none.
  const list: Sys["list"] = (fd) => {
    const names = tools.sys.list(fd);
    return typeof names !== "number" && names.includes("x") ? (-Errno.EACCES as Failed) : names;
  };
  const half = manifestOf({ from: space.path("a"), task: extra, tools: { sys: altered({ list }) } });
  expect(outline(half)).toEqual(["d closed", "d+ open", "f open/y"]);
});

test("a directory with a name that no manifest can have is not listed", () => {
  using space = workspace();
  tree(space.path("a"), { "d/f": "", "e/f": "" });
  const list: Sys["list"] = (fd) => {
    const names = tools.sys.list(fd);
    return typeof names === "number" || !names.includes("d") ? names : [...names, "n".repeat(256)];
  };
  const result = manifestOf({ from: space.path("a"), task: extra, tools: { sys: altered({ list }) } });
  expect(outline(result)).toEqual(["d+ d", "f d/f", "d+ e", "f e/f"]);
  expect(result.terms?.baseListed).toBe(false);
});

/** Damage by number: good, without status, without names. */
const damage = fc.integer({ min: 0, max: 5 });
const name = fc.constantFrom("a", "b", "c", "d");
const somePaths = fc.array(fc.tuple(fc.array(name, { minLength: 1, maxLength: 4 }), damage), {
  maxLength: 14,
});

test("whatever cannot be read, a name that exists is never one that a listed directory lacks", () => {
  using space = workspace();
  let runs = 0;
  fc.assert(
    fc.property(somePaths, fc.boolean(), (wanted, whole) => {
      const from = space.path(`${runs++}`);
      // The damage is told by the last component, which is therefore different in each place.
      const paths = wanted.map(([names, kind], i) => `${names.join("/")}/${"gggguuc"[kind] ?? "g"}${i}`);
      for (const each of paths) run("mkdir", ["-p", `${from}/${each}/in`]);
      mkdirSync(from, { recursive: true });
      const last = paths.map((each) => each.slice(each.lastIndexOf("/") + 1));
      const sys = damaged({
        names: last.filter((each) => each.startsWith("u")),
        closed: last.filter((each) => each.startsWith("c")),
      });
      const selection =
        whole || paths.length === 0 ? undefined : select([paths[0]?.split("/")[0] ?? ""], true);
      // With a limit, as the base may be empty.
      const task = { ...extra, removesMax: 1000 };
      const result = manifestOf({ from, task, tools: { sys }, ...(selection && { selection }) });
      const sent = new Set(result.entries.map(({ path }) => toLatin1(path)));
      const listed = new Set(result.entries.filter((each) => each.listed).map(({ path }) => toLatin1(path)));
      if (result.terms?.baseListed === true) listed.add("");
      const all = run("find", [from, "-mindepth", "1", "-printf", "%P\n"]).split("\n").filter(Boolean);
      expect(all.filter((each) => listed.has(parentOf(each)) && !sent.has(each))).toEqual([]);
      // And it is no empty promise: all that could be listed is.
      expect(listed.has("")).toBe(selection === undefined);
      for (const { type, path } of result.entries) {
        const closed = last.some((each) => each.startsWith("c") && toLatin1(path).endsWith(`/${each}`));
        if (type === "directory") expect(listed.has(toLatin1(path))).toBe(!closed);
      }
    }),
    { numRuns: 40 },
  );
});

test("only files of the daemon's user are sent where that is asked for, and all directories; others' names are left alone", () => {
  using space = workspace();
  tree(space.path("a"), { "theirs/mine": "", "theirs/not": "", "mine/f": "" });
  const mine = tools.sys.uid;
  for (const path of ["a/theirs", "a/theirs/not"]) chownSync(space.path(path), mine + 1, 0);
  const asked = { from: space.path("a"), tools: { ownerMatch: true } };
  const plain = manifestOf(asked);
  expect(outline(plain)).toEqual(["d mine", "f mine/f", "d theirs", "f theirs/mine"]);
  expect(told(plain)).toEqual(["foreign 0 theirs/not"]);
  const removing = manifestOf({ ...asked, task: extra });
  expect(outline(removing)).toEqual([
    "d+ mine",
    "f mine/f",
    "d+ theirs",
    "f theirs/mine",
    "other theirs/not",
  ]);
  expect(told(removing)).toEqual(["foreign 0 theirs/not"]);
});
