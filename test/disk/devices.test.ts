import { expect, test } from "bun:test";
import { lstatSync, mkdirSync } from "node:fs";
import { failed } from "../../src/disk/sys.ts";
import { tree } from "./expectations.ts";
import { manifestOf, outline, told } from "./owner.ts";
import { altered, run, tools, workspace } from "./support.ts";

/** Device nodes (this needs root): number = major · 2^32 + minor. */

const { sys } = tools;
const MINORS = 2 ** 32;

test.each([
  ["character", 1, 3, "character special file 1 3"],
  ["block", 4095, 1_048_575, "block special file fff fffff"],
] as const)(
  "a %s device is made with its number, and the number is read again",
  (kind, major, minor, shown) => {
    using space = workspace();
    mkdirSync(space.path("d"));
    const dir = sys.openBase(space.path("d"));
    if (failed(dir)) throw new Error("no base");
    const number = major * MINORS + minor;
    expect(sys.makeDevice(dir, "node", kind, number)).toBe(0);
    expect(sys.makeDevice(dir, "node", kind, number)).toBe(-17);
    expect(sys.statMany(dir, ["node"])).toMatchObject([{ kind, number, mode: 0o600 & ~process.umask() }]);
    expect(run("stat", ["-c", "%F %t %T", space.path("d/node")])).toBe(`${shown}\n`);
    expect(sys.stat(dir)).toMatchObject({ kind: "directory", number: 0 });
    sys.close(dir);
  },
);

test("a device number that the kernel has not got is refused, and nothing is made", () => {
  using space = workspace();
  const dir = sys.openBase(space.root);
  if (failed(dir)) throw new Error("no base");
  for (const number of [4096 * MINORS, 2 ** 20, Number.MAX_SAFE_INTEGER])
    expect(sys.makeDevice(dir, "node", "character", number)).toBe(-22);
  expect(() => lstatSync(space.path("node"))).toThrow("ENOENT");
  sys.close(dir);
});

test("devices are entries with their numbers, whatever receivers make of them; one with a number that no entry can have is not", () => {
  using space = workspace();
  tree(space.path("a"), { f: "" });
  run("mknod", ["-m", "0640", space.path("a/null"), "c", "1", "3"]);
  run("mknod", ["-m", "0600", space.path("a/disk"), "b", "4095", "1048575"]);
  const result = manifestOf({ from: space.path("a") });
  expect(outline(result)).toEqual(["block disk", "f f", "character null"]);
  expect(result.entries.map(({ size }) => size)).toEqual([4095 * MINORS + 1_048_575, 0, MINORS + 3]);
  expect(result.entries[2]?.mode).toBe(0o640);
  expect(told(result)).toEqual([]);
  const statMany: typeof sys.statMany = (dir, names) =>
    sys
      .statMany(dir, names)
      .map((stat) => (failed(stat) || stat.kind !== "block" ? stat : { ...stat, number: 2 ** 53 }));
  const odd = manifestOf({ from: space.path("a"), tools: { sys: altered({ statMany }) } });
  expect(outline(odd)).toEqual(["f f", "character null"]);
  expect(told(odd)).toEqual(["unsupported 0 disk"]);
});
