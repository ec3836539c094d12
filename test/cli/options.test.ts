import { describe, expect, test } from "bun:test";
import { parseMsyncArguments, parseTarget } from "../../src/cli/msync-options.ts";
import type { Parsed } from "../../src/cli/parse.ts";

function run<T>(parsed: Parsed<T>): T {
  if (parsed.kind === "exit") throw new Error(`exit ${parsed.status}: ${parsed.stderr}`);
  return parsed.options;
}

function exit(parsed: Parsed<unknown>): { status: number; stdout: string; stderr: string } {
  if (parsed.kind === "run") throw new Error(`accepted: ${JSON.stringify(parsed.options)}`);
  const { status, stdout, stderr } = parsed;
  return { status, stdout, stderr };
}

describe("msync", () => {
  const action = (...args: string[]) => run(parseMsyncArguments(args)).action;
  const send = { kind: "send", paths: [], recursive: false, dryRun: false, hosts: undefined } as const;

  test("what to do", () => {
    expect(action("index.html")).toEqual({ ...send, paths: ["index.html"] });
    expect(action("a", "b")).toEqual({ ...send, paths: ["a", "b"] });
    expect(action("-r")).toEqual({ ...send, recursive: true });
    expect(action("-r", "-n")).toEqual({ ...send, recursive: true, dryRun: true });
    expect(action("-rn")).toEqual({ ...send, recursive: true, dryRun: true });
    expect(action("-t", "host3", "-r", "hogehoge/")).toEqual({
      ...send,
      recursive: true,
      hosts: "host3",
      paths: ["hogehoge/"],
    });
    expect(action("a", "-r")).toEqual({ ...send, recursive: true, paths: ["a"] });
    expect(action("--", "-r")).toEqual({ ...send, paths: ["-r"] });
    expect(action("--members")).toEqual({ kind: "members" });
    expect(action("--status")).toEqual({ kind: "status" });
  });

  test("how much to say", () => {
    const level = (...args: string[]) => run(parseMsyncArguments([...args, "x"])).level;
    expect(level()).toBe(0);
    expect(level("-v")).toBe(1);
    expect(level("-vv")).toBe(2);
    expect(level("-v", "-v", "-v")).toBe(3);
    expect(level("-l", "2")).toBe(2);
    expect(level("-l", "2", "-v")).toBe(3);
    expect(level("-l", "9", "-v")).toBe(9);
  });

  test("where the console is", () => {
    expect(run(parseMsyncArguments(["-r"])).target).toEqual({ kind: "tcp", host: "127.0.0.1", port: 5000 });
    expect(parseTarget("tcp:host1:5001")).toEqual({ kind: "tcp", host: "host1", port: 5001 });
    expect(parseTarget("tcp:[::1]:5001")).toEqual({ kind: "tcp", host: "::1", port: 5001 });
    expect(parseTarget("unix:/run/m.sock")).toEqual({ kind: "unix", path: "/run/m.sock" });
    expect(parseTarget("/run/m.sock")).toEqual({ kind: "unix", path: "/run/m.sock" });
    for (const bad of ["", "unix:", "tcp:", "tcp:host", "tcp:host:", "tcp::5000", "tcp:h:0", "tcp:h:65536"]) {
      expect(parseTarget(bad)).toBeUndefined();
    }
    process.env.MSYNC_TARGET = "unix:/env";
    try {
      expect(run(parseMsyncArguments(["-r"])).target).toEqual({ kind: "unix", path: "/env" });
      expect(run(parseMsyncArguments(["-r", "-c", "/x"])).target).toEqual({ kind: "unix", path: "/x" });
    } finally {
      delete process.env.MSYNC_TARGET;
    }
  });

  test("no arguments: usage on stderr, 1", () => {
    const none = exit(parseMsyncArguments([]));
    expect(none.status).toBe(1);
    expect(none.stderr).toStartWith("Usage: msync");
  });

  const bad: string[][] = [
    ["--bogus"],
    ["-v"],
    ["-n"],
    ["-t", "host3"],
    ["-t", ",", "x"],
    ["-t"],
    [""],
    ["-l", "x", "-r"],
    ["-c", "tcp:nowhere", "-r"],
    ["--members", "--status"],
    ["--members", "-r"],
    ["--status", "x"],
  ];
  test.each(bad.map((args) => ({ args })))("$args: one line, status 2", ({ args }) => {
    const { status, stdout, stderr } = exit(parseMsyncArguments(args));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^msync: [^\n]+\n$/);
  });
});
