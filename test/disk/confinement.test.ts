import { describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { FailStep } from "../../src/wire/constants.ts";
import {
  interpose,
  type PushOptions,
  type PushResult,
  push,
  receiver,
  run,
  snapshot,
  tools,
  workspace,
} from "./support.ts";

/** Links in every place where one could lead out of the base, put there before the push and in the middle of it. */

const ENOTDIR = 20;
const ELOOP = 40;
const EBUSY = 16;
const EPERM = 1;

/** A sender with `d/e/f` and a receiver with the same names, and a place outside of both that must stay as it is. */
function makeTrees(root: string): { from: string; base: string; outside: string } {
  const outside = `${root}/outside`;
  for (const base of ["a", "b"]) {
    mkdirSync(`${root}/${base}/d/e`, { recursive: true });
    writeFileSync(`${root}/${base}/d/e/f`, `the file of ${base === "a" ? "the sender" : "b"}`);
  }
  mkdirSync(`${outside}/e`, { recursive: true });
  writeFileSync(`${outside}/f`, "secret");
  writeFileSync(`${outside}/e/f`, "secret");
  return { from: `${root}/a`, base: `${root}/b`, outside };
}

function pushAt(trees: { from: string; base: string }, options: Partial<PushOptions> = {}): PushResult {
  return push({ from: trees.from, to: [receiver(trees.base)], ...options });
}

/** Puts a link to `outside` in the place of a directory. */
function swap(path: string, outside: string): void {
  renameSync(path, `${path}.real`);
  symlinkSync(outside, path);
}

const file = { paths: [Buffer.from("d/e/f")], recursive: false };

describe("on a receiver", () => {
  test.each(["d", "d/e"])(
    "a link in the place of directory %s is replaced by the directory, not followed",
    (path) => {
      using space = workspace();
      const trees = makeTrees(space.root);
      const before = snapshot(trees.outside);
      swap(`${trees.base}/${path}`, trees.outside);
      const result = pushAt(trees);
      expect(result.outcomes[0]?.committed).toBe(true);
      expect(lstatSync(`${trees.base}/${path}`).isDirectory()).toBe(true);
      rmSync(`${trees.base}/${path}.real`, { recursive: true });
      expect(run("diff", ["-r", trees.from, trees.base])).toBe("");
      expect(snapshot(trees.outside)).toEqual(before);
    },
  );

  test.each([
    ["d", ELOOP],
    ["d/e", ENOTDIR],
  ])("a link in the place of directory %s, which the manifest does not have, is a failure", (path, errno) => {
    using space = workspace();
    const trees = makeTrees(space.root);
    const outside = snapshot(trees.outside);
    swap(`${trees.base}/${path}`, trees.outside);
    const before = snapshot(trees.base);
    const result = pushAt(trees, { selection: file });
    // ENOTDIR for the last component, ELOOP for one before it: that is how openat2 says it.
    expect([ELOOP, ENOTDIR]).toContain(result.outcomes[0]?.failure?.errno ?? 0);
    expect(errno).toBeGreaterThan(0);
    expect(result.outcomes[0]?.failure).toMatchObject({ step: FailStep.compare, entry: 0 });
    expect(snapshot(trees.base)).toEqual(before);
    expect(snapshot(trees.outside)).toEqual(outside);
  });

  test.each(["d", "d/e"])(
    "directory %s swapped for a link before the commit is a failure, and nothing outside changes",
    (path) => {
      using space = workspace();
      const trees = makeTrees(space.root);
      const before = snapshot(trees.outside);
      const attack = (moment: number | "commit") => {
        if (moment === "commit") swap(`${trees.base}/${path}`, trees.outside);
      };
      for (const selection of [file, undefined]) {
        const result = pushAt(trees, { before: attack, ...(selection === undefined ? {} : { selection }) });
        expect(result.outcomes[0]?.failure?.step).toBe(FailStep.rename);
        expect([ELOOP, ENOTDIR]).toContain(result.outcomes[0]?.failure?.errno ?? 0);
        expect(snapshot(trees.outside)).toEqual(before);
        expect(existsSync(`${trees.base}/${STAGE_NAME}`)).toBe(false);
        rmSync(`${trees.base}/${path}`);
        renameSync(`${trees.base}/${path}.real`, `${trees.base}/${path}`);
      }
    },
  );

  test.each(["d", "d/e"])(
    "directory %s swapped for a link during the push leaks nothing to the outside",
    (path) => {
      using space = workspace();
      const trees = makeTrees(space.root);
      const before = snapshot(trees.outside);
      for (let n = 1; ; n++) {
        let calls = 0;
        let swapped = false;
        const sys = interpose(tools.sys, () => {
          if (++calls !== n) return undefined;
          swap(`${trees.base}/${path}`, trees.outside);
          swapped = true;
          return undefined;
        });
        writeFileSync(`${trees.base}/d/e/f`, `older ${n}`);
        push({ from: trees.from, to: [receiver(trees.base, { sys })] });
        expect(snapshot(trees.outside)).toEqual(before);
        if (!swapped) break;
        rmSync(`${trees.base}/${path}`, { recursive: true });
        renameSync(`${trees.base}/${path}.real`, `${trees.base}/${path}`);
        expect(n).toBeLessThan(300);
      }
    },
  );

  test("a file swapped for a link before its metadata is set is a failure", () => {
    using space = workspace();
    const trees = makeTrees(space.root);
    run("cp", ["-a", `${trees.from}/d/e/f`, `${trees.base}/d/e/f`]);
    run("chmod", ["0666", `${trees.from}/d/e/f`]);
    const before = snapshot(trees.outside);
    const attack = (moment: number | "commit") => {
      if (moment === "commit") swap(`${trees.base}/d/e/f`, `${trees.outside}/f`);
    };
    const result = pushAt(trees, { before: attack });
    expect(result.outcomes[0]?.failure).toMatchObject({ step: FailStep.rename, errno: EBUSY });
    expect(snapshot(trees.outside)).toEqual(before);
  });

  test("a FIFO swapped for something else before its metadata is set is a failure", () => {
    using space = workspace();
    const trees = makeTrees(space.root);
    run("mkfifo", [`${trees.from}/fifo`]);
    run("cp", ["-a", `${trees.from}/fifo`, `${trees.base}/fifo`]);
    run("chmod", ["0666", `${trees.from}/fifo`]);
    const attack = (moment: number | "commit") => {
      if (moment !== "commit") return;
      rmSync(`${trees.base}/fifo`);
      writeFileSync(`${trees.base}/fifo`, "theirs", { mode: 0o600 });
    };
    const result = pushAt(trees, { before: attack });
    expect(result.outcomes[0]?.failure).toMatchObject({ step: FailStep.rename, errno: EBUSY });
    expect(lstatSync(`${trees.base}/fifo`).mode & 0o777).toBe(0o600);
  });

  test("a file that was written to after it was compared does not get the sender's time", () => {
    using space = workspace();
    const trees = makeTrees(space.root);
    run("cp", ["-a", `${trees.from}/d/e/f`, `${trees.base}/d/e/f`]);
    run("chmod", ["0666", `${trees.from}/d/e/f`]);
    const attack = (moment: number | "commit") => {
      if (moment === "commit") writeFileSync(`${trees.base}/d/e/f`, "THE FILE OF THE SENDER".toLowerCase());
    };
    const result = pushAt(trees, { before: attack });
    expect(result.outcomes[0]?.failure).toMatchObject({ step: FailStep.rename, errno: EBUSY });
    expect(pushAt(trees).outcomes[0]?.committed).toBe(true);
    expect(run("diff", ["-r", trees.from, trees.base])).toBe("");
  });

  test.each(["link", "file", "open directory"])(
    "a %s in the place of the staging directory is not used",
    (kind) => {
      using space = workspace();
      const trees = makeTrees(space.root);
      const before = snapshot(trees.outside);
      const stage = `${trees.base}/${STAGE_NAME}`;
      if (kind === "link") symlinkSync(trees.outside, stage);
      if (kind === "file") writeFileSync(stage, "x");
      if (kind === "open directory") run("mkdir", ["-m", "0777", stage]);
      const result = pushAt(trees);
      expect(result.outcomes[0]?.failure).toMatchObject({
        step: FailStep.stage,
        errno: kind === "open directory" ? EPERM : ENOTDIR,
      });
      expect(receiver(trees.base).cleanAtStart()).toBe(0);
      expect(existsSync(stage)).toBe(false);
      expect(snapshot(trees.outside)).toEqual(before);
      expect(pushAt(trees).outcomes[0]?.committed).toBe(true);
    },
  );

  test("what is cleaned at the start is not followed", () => {
    using space = workspace();
    const trees = makeTrees(space.root);
    const before = snapshot(trees.outside);
    const stage = `${trees.base}/${STAGE_NAME}`;
    mkdirSync(`${stage}/1/deep/deeper`, { recursive: true });
    writeFileSync(`${stage}/1/deep/deeper/f`, "x");
    for (const path of ["", "/1", "/1/deep", "/1/deep/deeper"])
      symlinkSync(trees.outside, `${stage}${path}/link`);
    expect(receiver(trees.base).cleanAtStart()).toBe(0);
    expect(readdirSync(trees.base)).toEqual(["d"]);
    expect(snapshot(trees.outside)).toEqual(before);
  });
});

describe("on the sender", () => {
  test.each(["d", "d/e"])(
    "directory %s swapped for a link during the push sends nothing from outside",
    (path) => {
      using space = workspace();
      const trees = makeTrees(space.root);
      writeFileSync(
        `${trees.outside}/e/f`,
        "secret that is exactly as long".slice(0, "the file of the sender".length),
      );
      for (let n = 1; ; n++) {
        rmSync(trees.base, { recursive: true });
        mkdirSync(trees.base);
        let calls = 0;
        let swapped = false;
        const sys = interpose(tools.sys, () => {
          if (++calls !== n) return undefined;
          swap(`${trees.from}/${path}`, trees.outside);
          swapped = true;
          return undefined;
        });
        push({ from: trees.from, to: [receiver(trees.base)], source: { sys } });
        expect(JSON.stringify([...snapshot(trees.base)])).not.toContain("secret");
        if (!swapped) break;
        rmSync(`${trees.from}/${path}`);
        renameSync(`${trees.from}/${path}.real`, `${trees.from}/${path}`);
        expect(n).toBeLessThan(300);
      }
    },
  );

  test("links are sent as what they say", () => {
    using space = workspace();
    const trees = makeTrees(space.root);
    symlinkSync(trees.outside, `${trees.from}/absolute`);
    symlinkSync("../outside", `${trees.from}/relative`);
    expect(pushAt(trees).outcomes[0]?.committed).toBe(true);
    expect(readlinkSync(`${trees.base}/absolute`)).toBe(trees.outside);
    expect(readlinkSync(`${trees.base}/relative`)).toBe("../outside");
  });
});
