import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import { parseDaemonArguments } from "../../src/cli/daemon-options.ts";
import { parseMsyncArguments, parseTarget } from "../../src/cli/msync-options.ts";
import type { Parsed } from "../../src/cli/parse.ts";
import type { DaemonSettings } from "../../src/io/daemon-settings.ts";

function run<T>(parsed: Parsed<T>): T {
  if (parsed.kind === "exit") throw new Error(`exit ${parsed.status}: ${parsed.stderr}`);
  return parsed.options;
}

function exit(parsed: Parsed<unknown>): { status: number; stdout: string; stderr: string } {
  if (parsed.kind === "run") throw new Error(`accepted: ${JSON.stringify(parsed.options)}`);
  const { status, stdout, stderr } = parsed;
  return { status, stdout, stderr };
}

describe("makuosan", () => {
  const defaults: DaemonSettings = {
    base: "/srv",
    user: undefined,
    group: undefined,
    groups: undefined,
    port: 5000,
    multicast: "224.0.0.108",
    interface: "0.0.0.0",
    listen: "127.0.0.1",
    unixSocket: undefined,
    name: hostname(),
    rateLimit: undefined,
    receiveBuffer: undefined,
    sendBuffer: undefined,
    logLevel: 0,
    keyFile: undefined,
    passwordFile: undefined,
    logFile: undefined,
    noReceive: false,
    noSend: false,
    ownerMatch: false,
    devices: false,
    chroot: false,
    coreDumps: false,
    background: false,
    gso: true,
    gro: true,
  };

  test("defaults", () => {
    expect(run(parseDaemonArguments(["-b", "/srv"]))).toEqual(defaults);
    expect(run(parseDaemonArguments(["-n"])).base).toBe(".");
  });

  test("every short option", () => {
    const args =
      "-b /srv -u www-data -g web -G a,b -p 6000 -m 239.1.2.3 -i eth1 -l 127.0.0.2 -n -T 800 -R 100000 -S 200000 -d 3";
    expect(run(parseDaemonArguments(args.split(" ")))).toEqual({
      ...defaults,
      user: "www-data",
      group: "web",
      groups: ["a", "b"],
      port: 6000,
      multicast: "239.1.2.3",
      interface: "eth1",
      listen: "127.0.0.2",
      rateLimit: 100_000_000,
      receiveBuffer: 100_000,
      sendBuffer: 200_000,
      logLevel: 3,
    });
  });

  test("every long option", () => {
    const args =
      "--base /srv --user u --group g --groups h --port 1 --multicast 224.1.1.1 --interface lo --listen ::1 --foreground --rate 0.8 --loglevel 9 --name host1 --no-gso --no-gro";
    expect(run(parseDaemonArguments(args.split(" ")))).toEqual({
      ...defaults,
      user: "u",
      group: "g",
      groups: ["h"],
      port: 1,
      multicast: "224.1.1.1",
      interface: "lo",
      listen: "::1",
      rateLimit: 100_000,
      logLevel: 9,
      name: "host1",
      gso: false,
      gro: false,
    });
  });

  test("no arguments: usage, 1; help and version: 0", () => {
    const none = exit(parseDaemonArguments([]));
    expect(none.status).toBe(1);
    expect(none.stderr).toStartWith("Usage: makuosan");
    const help = exit(parseDaemonArguments(["-h"]));
    expect(help.status).toBe(0);
    expect(help.stdout).toContain("--base <dir>");
    for (const flag of ["-V", "--version"]) {
      expect(exit(parseDaemonArguments([flag]))).toEqual({
        status: 0,
        stdout: `makuosan ${manifest.version}\n`,
        stderr: "",
      });
    }
  });

  const bad: string[][] = [
    ["-z"],
    ["-b"],
    ["-b", ""],
    ["-p", "0"],
    ["-p", "65536"],
    ["-p", "5e3"],
    ["-p", "-1"],
    ["-m", "10.0.0.1"],
    ["-m", "240.0.0.1"],
    ["-m", "group"],
    ["-l", "localhost"],
    ["-T", "0"],
    ["-T", "fast"],
    ["-d", "10"],
    ["-R", "1"],
    ["--name", "a b"],
    ["--name", "a,b"],
    ["--name", ""],
    ["--name", "x".repeat(256)],
    ["--name", "\xff"],
    ["stray"],
  ];
  test.each(bad.map((args) => ({ args })))("$args: one line, status 2", ({ args }) => {
    const { status, stdout, stderr } = exit(parseDaemonArguments(args));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^makuosan: [^\n]+\n$/);
  });

  test("the environment stands in for options and yields to them", () => {
    const saved = { ...process.env };
    try {
      Object.assign(process.env, { MAKUOSAN_BASE: "/env", MAKUOSAN_PORT: "7000", MAKUOSAN_USER: "envuser" });
      const options = run(parseDaemonArguments(["-p", "7001"]));
      expect([options.base, options.port, options.user]).toEqual(["/env", 7001, "envuser"]);
      process.env.MAKUOSAN_PORT = "x";
      expect(exit(parseDaemonArguments(["-n"])).status).toBe(2);
    } finally {
      for (const name of ["MAKUOSAN_BASE", "MAKUOSAN_PORT", "MAKUOSAN_USER"]) delete process.env[name];
      Object.assign(process.env, saved);
    }
  });
});

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
