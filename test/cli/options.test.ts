import { afterEach, describe, expect, test } from "bun:test";
import { parseMsyncArguments } from "../../src/cli/msync-command.ts";
import {
  type MsyncAction,
  type MsyncOptions,
  type MsyncPush,
  parseTarget,
} from "../../src/cli/msync-options.ts";
import { msyncCommand } from "../../src/cli/msync-table.ts";

afterEach(() => {
  delete process.env.MSYNC_TARGET;
});

function run(...args: readonly string[]): MsyncOptions {
  const parsed = parseMsyncArguments(args);
  if (parsed.kind !== "run") throw new Error(JSON.stringify(parsed));
  return parsed.options;
}

function exit(...args: readonly string[]): { status: number; stdout: string; stderr: string } {
  const parsed = parseMsyncArguments(args);
  if (parsed.kind !== "exit") throw new Error(`accepted: ${JSON.stringify(parsed)}`);
  const { status, stdout, stderr } = parsed;
  return { status, stdout, stderr };
}

const push: MsyncPush = {
  kind: "push",
  paths: [],
  recursive: false,
  dryRun: false,
  mode: "send",
  removes: "nothing",
  removesMax: undefined,
  fsync: true,
  hosts: undefined,
  group: undefined,
  compressLevel: undefined,
  excludes: [],
  excludeFiles: [],
  json: false,
  progress: "auto",
};

describe("what to do", () => {
  const cases: [args: string[], action: MsyncAction][] = [
    [["index.html"], { ...push, paths: ["index.html"] }],
    [["a", "b"], { ...push, paths: ["a", "b"] }],
    [["-r"], { ...push, recursive: true }],
    [["-r", "-n"], { ...push, recursive: true, dryRun: true }],
    [["-rn"], { ...push, recursive: true, dryRun: true }],
    [["-t", "host3", "-r", "d/"], { ...push, recursive: true, hosts: ["host3"], paths: ["d/"] }],
    [["-rnthost3,host4"], { ...push, recursive: true, dryRun: true, hosts: ["host3", "host4"] }],
    [["a", "-r"], { ...push, recursive: true, paths: ["a"] }],
    [["--", "-r"], { ...push, paths: ["-r"] }],
    [["--", "a b", "\xff\n"], { ...push, paths: ["a b", "\xff\n"] }],
    [["-", "x"], { ...push, paths: ["-", "x"] }],
    [["--delete", "-r"], { ...push, recursive: true, removes: "extra" }],
    [["--delete", "--sync", "-r"], { ...push, recursive: true, removes: "extra" }],
    [
      ["--delete", "-rn", "--max-delete", "0"],
      { ...push, recursive: true, dryRun: true, removes: "extra", removesMax: 0 },
    ],
    [["--no-fsync", "x"], { ...push, paths: ["x"], fsync: false }],
    [["--sync", "gone", "--max-delete=7"], { ...push, paths: ["gone"], removes: "missing", removesMax: 7 }],
    [["--no-compress", "x"], { ...push, paths: ["x"], compressLevel: 0 }],
    [["-z", "x"], { ...push, paths: ["x"], compressLevel: 3 }],
    [["--compress-level=19", "-z", "x"], { ...push, paths: ["x"], compressLevel: 19 }],
    [["--check", "-r"], { ...push, recursive: true, mode: "check" }],
    [["--check", "-n", "x"], { ...push, paths: ["x"], dryRun: true, mode: "check" }],
    [["-g", "www-data", "x"], { ...push, paths: ["x"], group: "www-data" }],
    [["-gw\xc3\xa4b", "x"], { ...push, paths: ["x"], group: "w\u00e4b" }],
    [["-t", "h\xc3\xb6st", "x"], { ...push, paths: ["x"], hosts: ["h\u00f6st"] }],
    [["--exclude=*~", "--exclude", "-x", "-r"], { ...push, recursive: true, excludes: ["*~", "-x"] }],
    [
      ["--exclude-from=-", "--exclude-from", "f", "-r"],
      { ...push, recursive: true, excludeFiles: ["-", "f"] },
    ],
    [["--json", "x"], { ...push, paths: ["x"], json: true }],
    [["--progress", "x"], { ...push, paths: ["x"], progress: "always" }],
    [["--no-progress", "x"], { ...push, paths: ["x"], progress: "never" }],
    [
      ["--recursive", "--dry-run", "--to", "a", "--group", "g"],
      { ...push, recursive: true, dryRun: true, hosts: ["a"], group: "g" },
    ],
    [["--members"], { kind: "members", json: false }],
    [["--status", "--json"], { kind: "status", json: true }],
    [["-f", "script"], { kind: "script", file: "script" }],
    [["-f-"], { kind: "script", file: "-" }],
    [["--file", "-"], { kind: "script", file: "-" }],
    [["--complete-hosts"], { kind: "hosts" }],
  ];
  test.each(cases.map(([args, action]) => ({ args, action })))("$args", ({ args, action }) => {
    expect(run(...args).action).toEqual(action);
  });
});

test("how much to say", () => {
  const level = (...args: string[]) => run(...args, "x").level;
  expect(level()).toBe(0);
  expect(level("-v")).toBe(1);
  expect(level("-vv")).toBe(2);
  expect(level("-v", "-v", "--verbose")).toBe(3);
  expect(level("-l", "2")).toBe(2);
  expect(level("-l2", "-v")).toBe(3);
  expect(level("--loglevel", "9", "-v")).toBe(9);
});

test("where the console is, and its password", () => {
  expect(run("-r").target).toEqual({ kind: "tcp", host: "127.0.0.1", port: 5000 });
  expect(run("-r").passwordFile).toBeUndefined();
  expect(run("-r", "-K", "/secret").passwordFile).toBe("/secret");
  expect(run("--members", "--password-file=/secret").passwordFile).toBe("/secret");
  expect(parseTarget("tcp:host1:5001")).toEqual({ kind: "tcp", host: "host1", port: 5001 });
  expect(parseTarget("tcp:[::1]:5001")).toEqual({ kind: "tcp", host: "::1", port: 5001 });
  expect(parseTarget("unix:/run/m.sock")).toEqual({ kind: "unix", path: "/run/m.sock" });
  expect(parseTarget("/run/m.sock")).toEqual({ kind: "unix", path: "/run/m.sock" });
  for (const bad of ["", "unix:", "tcp:", "tcp:host", "tcp:host:", "tcp::5000", "tcp:h:0", "tcp:h:65536"]) {
    expect(parseTarget(bad)).toBeUndefined();
  }
  process.env.MSYNC_TARGET = "unix:/env";
  expect(run("-r").target).toEqual({ kind: "unix", path: "/env" });
  expect(run("-r", "-c", "/x").target).toEqual({ kind: "unix", path: "/x" });
  process.env.MSYNC_TARGET = "";
  expect(run("-r").target).toEqual({ kind: "tcp", host: "127.0.0.1", port: 5000 });
});

describe("usage", () => {
  const shown = ["Usage: msync [options] [PATH...]"];
  const original: string[][] = [
    [],
    ["--check", "--delete", "-r"],
    ["--check", "-g", "web", "-r"],
    ["--status", "--delete"],
    ["--status", "-g", "web"],
    ["--members", "--delete"],
    ["--members", "-g", "web"],
  ];
  test.each(original.map((args) => ({ args })))("$args: on stderr, status 1", ({ args }) => {
    const { status, stdout, stderr } = exit(...args);
    expect({ status, stdout, first: stderr.split("\n").slice(0, 1) }).toEqual({
      status: 1,
      stdout: "",
      first: shown,
    });
  });

  test("--help names every option but the hidden ones, in 80 columns", () => {
    for (const flag of ["-h", "--help"]) {
      const { status, stdout, stderr } = exit(flag);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      for (const { flags, hidden } of msyncCommand().options)
        expect(stdout.includes(`\n  ${flags} `)).toBe(!hidden);
      for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    }
  });

  test("-V and --version", () => {
    for (const flag of ["-V", "--version"]) expect(parseMsyncArguments([flag])).toEqual({ kind: "version" });
  });
});

describe("bad usage: one line, status 2", () => {
  const bad: string[][] = [
    ["--bogus"],
    ["--ex=x", "-r"],
    ["--=x", "-r"],
    ["--complete"],
    ["--bogus=1", "-r"],
    ["-Z", "-r"],
    ["--no-compress", "--compress-level=1", "-r"],
    ["--compress-level=0", "-r"],
    ["--compress-level=20", "-r"],
    ["--members", "--no-compress"],
    ["--status", "-z"],
    ["-v"],
    ["-n"],
    ["--delete"],
    ["--check"],
    ["--json"],
    ["-t", "host3"],
    ["-t", ",", "x"],
    ["-r", "-t"],
    ["-r", "-t", ""],
    ["-r", "-g", ""],
    ["-r", "--exclude="],
    ["-r", "--recursive=yes"],
    [""],
    ["-r", ""],
    ["-l", "x", "-r"],
    ["-l", "10", "-r"],
    ["-l", "-1", "-r"],
    ["-c", "tcp:nowhere", "-r"],
    ["-c", "tcp:a\nb", "-r"],
    ["-r", "--max-delete", "5"],
    ["-r", "--delete", "--max-delete", "many"],
    ["-r", "--delete", "--max-delete", "4294967295"],
    ["--check", "--sync", "x"],
    ["--members", "--status"],
    ["--members", "--check"],
    ["--members", "-r"],
    ["--members", "-n"],
    ["--members", "-t", "host3"],
    ["--members", "--exclude=x"],
    ["--status", "--no-fsync"],
    ["--status", "-t", "host3"],
    ["--status", "x"],
    ["-f", "script", "x"],
    ["-f", "script", "-r"],
    ["-f", "script", "--delete"],
    ["-f", "script", "-g", "web"],
    ["-f", "script", "--members"],
    ["-f", "script", "--json"],
  ];
  test.each(bad.map((args) => ({ args })))("$args", ({ args }) => {
    const { status, stdout, stderr } = exit(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^msync: [^\n]+\n$/);
  });
});
