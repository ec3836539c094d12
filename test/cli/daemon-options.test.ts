import { afterEach, expect, test } from "bun:test";
import { hostname } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import { parseDaemonArguments } from "../../src/cli/daemon-options.ts";
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
  compressLevel: 3,
  devices: false,
  fsync: true,
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

test("how contents are compressed", () => {
  expect(run(parseDaemonArguments(["-n", "--no-compress"])).compressLevel).toBe(0);
  expect(run(parseDaemonArguments(["-n", "--compress-level", "9"])).compressLevel).toBe(9);
});

test("every short option", () => {
  const args =
    "-b /srv -u www-data -g web -G a,b -p 6000 -m 239.1.2.3 -i eth1 -l 127.0.0.2 -n -T 800 -R 100000 -S 200000 -d 3 -U /run/m.sock -k key -K word -f 7 -r -s -O -c -C";
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
    unixSocket: "/run/m.sock",
    keyFile: "key",
    passwordFile: "word",
    noReceive: true,
    noSend: true,
    ownerMatch: true,
    chroot: true,
    coreDumps: true,
  });
  expect(run(parseDaemonArguments(["-o"]))).toEqual({ ...defaults, base: ".", listen: undefined });
  expect(run(parseDaemonArguments(["-rsOcC"]))).toEqual({
    ...defaults,
    ...{ base: ".", noReceive: true, noSend: true, ownerMatch: true, chroot: true, coreDumps: true },
  });
});

test("every long option", () => {
  const args =
    "--base /srv --user u --group g --groups h --port 1 --multicast 224.1.1.1 --interface lo --listen ::1 --foreground --rate 0.8 --loglevel 9 --name host1 --no-gso --no-gro --receive-buffer 4096 --send-buffer 8192 --socket s --key k --password-file w --parallel 1 --no-receive --no-send --owner-match --chroot --core --devices --no-fsync --log l";
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
    receiveBuffer: 4096,
    sendBuffer: 8192,
    unixSocket: "s",
    keyFile: "k",
    passwordFile: "w",
    logFile: "l",
    noReceive: true,
    noSend: true,
    ownerMatch: true,
    devices: true,
    fsync: false,
    chroot: true,
    coreDumps: true,
    gso: false,
    gro: false,
  });
  expect(run(parseDaemonArguments(["--no-console"])).listen).toBeUndefined();
});

test("a socket takes the place of the port, unless both are asked for", () => {
  const consoles = (...args: string[]) => {
    const { listen, unixSocket } = run(parseDaemonArguments(args));
    return { listen, unixSocket };
  };
  expect(consoles("-U", "s")).toEqual({ listen: undefined, unixSocket: "s" });
  expect(consoles("-U", "s", "-l", "127.0.0.1")).toEqual({ listen: "127.0.0.1", unixSocket: "s" });
});

test("who goes to the background", () => {
  const background = (installed: boolean, ...args: string[]) =>
    run(parseDaemonArguments(args, { background: installed })).background;
  expect(background(false, "-b", "/srv")).toBe(false);
  expect(background(false, "-D")).toBe(true);
  expect(background(false, "--daemon")).toBe(true);
  expect(background(true, "-b", "/srv")).toBe(true);
  expect(background(true, "-n")).toBe(false);
  expect(background(true, "--foreground")).toBe(false);
});

test("a console for other hosts needs a password", () => {
  for (const listen of ["0.0.0.0", "::", "192.0.2.1", "::2"]) {
    expect(exit(parseDaemonArguments(["-l", listen]))).toEqual({
      status: 2,
      stdout: "",
      stderr: `makuosan: a console at ${listen}, for others than this host, needs a password (-K) (see makuosan --help)\n`,
    });
    expect(run(parseDaemonArguments(["-l", listen, "-K", "file"])).listen).toBe(listen);
  }
  for (const listen of ["127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1"])
    expect(run(parseDaemonArguments(["-l", listen])).listen).toBe(listen);
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
  ["-n", "--no-compress", "--compress-level", "9"],
  ["-n", "--compress-level", "0"],
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
  ["-f", "0"],
  ["-f", "8"],
  ["-U", ""],
  ["-K", ""],
  ["-k", ""],
  ["--log", ""],
  ["-S", "1"],
  ["-n", "-D"],
  ["-o", "-U", "s"],
  ["-o", "-l", "127.0.0.1"],
  ["-o", "-K", "file"],
];
test.each(bad.map((args) => ({ args })))("$args: one line, status 2", ({ args }) => {
  const { status, stdout, stderr } = exit(parseDaemonArguments(args));
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^makuosan: [^\n]+\n$/);
});

const untouched = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in untouched)) delete process.env[name];
});

test("the environment stands in for options and yields to them", () => {
  Object.assign(process.env, {
    MAKUOSAN_BASE: "/env",
    MAKUOSAN_PORT: "7000",
    MAKUOSAN_USER: "envuser",
    MAKUOSAN_GROUP: "envgroup",
    MAKUOSAN_GROUPS: "a,b",
    MAKUOSAN_SOCK: "/env.sock",
    MAKUOSAN_RCVBUF: "5000",
    MAKUOSAN_SNDBUF: "6000",
  });
  const fromEnvironment: DaemonSettings = {
    ...defaults,
    base: "/env",
    port: 7000,
    user: "envuser",
    group: "envgroup",
    groups: ["a", "b"],
    unixSocket: "/env.sock",
    listen: undefined,
    receiveBuffer: 5000,
    sendBuffer: 6000,
  };
  expect(run(parseDaemonArguments(["-n"]))).toEqual(fromEnvironment);
  const args = "-b /b -p 7001 -u u -g g -G h -U /o.sock -R 7777 -S 8888";
  expect(run(parseDaemonArguments(args.split(" ")))).toEqual({
    ...defaults,
    base: "/b",
    port: 7001,
    user: "u",
    group: "g",
    groups: ["h"],
    unixSocket: "/o.sock",
    listen: undefined,
    receiveBuffer: 7777,
    sendBuffer: 8888,
  });
  // Asking for no console at all is not in contradiction to what a file says for all daemons.
  expect(run(parseDaemonArguments(["-o"]))).toEqual({ ...fromEnvironment, unixSocket: undefined });
});

test("a bad variable is named", () => {
  process.env.MAKUOSAN_PORT = "x";
  const { status, stderr } = exit(parseDaemonArguments(["-n"]));
  expect(status).toBe(2);
  expect(stderr).toMatch(/^makuosan: [^\n]*MAKUOSAN_PORT[^\n]*\n$/);
});

test("an empty variable is none, as in an environment file", () => {
  for (const name of "BASE PORT USER GROUP GROUPS SOCK RCVBUF SNDBUF".split(" "))
    process.env[`MAKUOSAN_${name}`] = "";
  expect(run(parseDaemonArguments(["-n"]))).toEqual({ ...defaults, base: "." });
});

test("paths are bytes and names are text, wherever they come from", () => {
  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  const args = ["-b", bytes("/é"), "-u", bytes("ü"), "-U", bytes("ß"), "-G", bytes("ä,b")];
  const expected = { base: bytes("/é"), user: "ü", unixSocket: bytes("ß"), groups: ["ä", "b"] };
  expect(run(parseDaemonArguments(args))).toMatchObject(expected);
  Object.assign(process.env, {
    MAKUOSAN_BASE: "/é",
    MAKUOSAN_USER: "ü",
    MAKUOSAN_SOCK: "ß",
    MAKUOSAN_GROUPS: "ä,b",
  });
  expect(run(parseDaemonArguments(["-n"]))).toMatchObject(expected);
  expect(run(parseDaemonArguments(["-n", "-b", "/\xff"])).base).toBe("/\xff");
});
