import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { Cluster, describeTree, type Run, run, type TestDaemon, until } from "./daemon-fixture.ts";

/** Whole daemons and msync on the loopback: what is pushed arrives, whoever is told is told right. */

let cluster: Cluster;
let host1: TestDaemon;
let host2: TestDaemon;
let host3: TestDaemon;

const baseOf = (name: string) => `${cluster.folder}/${name}`;
const quiet: Run = { status: 0, stdout: "", stderr: "" };
const stage = ".makuosan-stage";

async function startHost(name: string): Promise<TestDaemon> {
  if (!existsSync(baseOf(name))) mkdirSync(baseOf(name));
  return await cluster.start(name, baseOf(name));
}

const members = async (daemon: TestDaemon) =>
  [...(await daemon.msync("--members")).stdout.matchAll(/^(\S+) 127\.0\.0\.1 \(Ver/gm)].map(
    (match) => match[1],
  );

const sees = (daemon: TestDaemon, ...names: string[]) =>
  until(async () => JSON.stringify(await members(daemon)) === JSON.stringify(names), 6_000);

const expectEqualTrees = () => {
  const wanted = describeTree(baseOf("host1"));
  expect(wanted.length).toBeGreaterThan(0);
  expect(describeTree(baseOf("host2"))).toEqual(wanted);
  expect(describeTree(baseOf("host3"))).toEqual(wanted);
};

beforeAll(async () => {
  cluster = new Cluster();
  [host1, host2, host3] = await Promise.all([startHost("host1"), startHost("host2"), startHost("host3")]);
  makeTree(baseOf("host1"));
});
afterAll(() => cluster.close());

test("a new member appears everywhere", async () => {
  expect(await sees(host1, "host2", "host3")).toBe(true);
  expect(await sees(host2, "host1", "host3")).toBe(true);
  expect(await sees(host3, "host1", "host2")).toBe(true);
});

test("a dry run says what would change at whom, and changes nothing", async () => {
  const { status, stdout, stderr } = await host1.msync("-rn");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toContain("(dryrun) [update:new\\nline]");
  expect(lines).toHaveLength(describeTree(baseOf("host1")).length);
  const perHost = (await host1.msync("-rnv")).stdout;
  expect(perHost).toContain("(dryrun) update host2:index.html\n");
  expect(perHost).toContain("(dryrun) update host3:index.html\n");
  expect(readdirSync(baseOf("host2"))).toEqual([]);
  expect(readdirSync(baseOf("host3"))).toEqual([]);
});

test("one file, then the whole tree; both hosts are equal to the sender", async () => {
  expect(await host1.msync("index.html")).toEqual(quiet);
  expect(readdirSync(baseOf("host2"))).toEqual(["index.html"]);
  expect(await host1.msync("-r")).toEqual(quiet);
  expectEqualTrees();
});

test("a second push sends no content block and says what it skips", async () => {
  const sent = async () => (await host1.status()).get("sent blocks content");
  const before = await sent();
  expect(Number(before)).toBeGreaterThan(0);
  const { status, stdout } = await host1.msync("-vv", "-r");
  expect(status).toBe(0);
  expect(stdout).toContain("skip   host2:index.html\n");
  expect(stdout).not.toContain("update ");
  expect(await sent()).toBe(before);
});

test("only what has changed is sent, and named once for each host", async () => {
  writeFileSync(`${baseOf("host1")}/index.html`, "changed\n");
  const { status, stdout } = await host1.msync("-v", "-r");
  expect(status).toBe(0);
  expect(stdout.trimEnd().split("\n").sort()).toEqual(["update host2:index.html", "update host3:index.html"]);
  expectEqualTrees();
});

test("any host can send", async () => {
  writeFileSync(`${baseOf("host3")}/from3`, "3");
  expect(await host3.msync("from3")).toEqual(quiet);
  expectEqualTrees();
});

test("-t reaches only its hosts, an unknown one nobody", async () => {
  writeFileSync(`${baseOf("host1")}/only`, "x");
  expect(await host1.msync("-t", "host3", "only")).toEqual(quiet);
  expect([existsSync(`${baseOf("host2")}/only`), existsSync(`${baseOf("host3")}/only`)]).toEqual([
    false,
    true,
  ]);
  writeFileSync(`${baseOf("host1")}/nobody`, "x");
  const unknown = await host1.msync("-t", "host2,host9", "nobody");
  expect(unknown).toEqual({ status: 1, stdout: "host9 is not contained in members\n", stderr: "" });
  expect([existsSync(`${baseOf("host2")}/nobody`), existsSync(`${baseOf("host3")}/nobody`)]).toEqual([
    false,
    false,
  ]);
  expect(await host1.msync("-t", "host2,host3", "only", "nobody")).toEqual(quiet);
  expectEqualTrees();
});

describe("paths", () => {
  test("missing or outside: one line, and nothing is sent", async () => {
    for (const path of ["none", "../outside", "/etc/hostname", stage]) {
      const { status, stdout, stderr } = await host1.msync("-r", path);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/^error: [^\n]+\n$/);
      expect(stderr).toContain(path);
    }
    expectEqualTrees();
  });

  test("that are not UTF-8 or have blanks and backslashes, from the command line", async () => {
    const { folder } = cluster;
    const script = `cd '${folder}/host1' && for f in "$(printf 'bad\\377name')" 'two  blanks' 'back\\slash' "$(printf 'nl\\nname')" -dash; do
      echo "$f" > "./$f"; '${process.execPath}' '${clientPath}' -c tcp:${host1.listen}:5000 -v -- "$f" || echo failed; done`;
    const { stdout, stderr } = await run(["sh", "-c", script]);
    expect(stderr).toBe("");
    const updates = stdout.trimEnd().split("\n").sort();
    const shown = ["-dash", "back\\slash", "bad\xffname", "nl\\nname", "two  blanks"];
    expect(updates).toEqual(
      ["host2", "host3"].flatMap((host) => shown.map((name) => `update ${host}:${name}`)).sort(),
    );
    expectEqualTrees();
  });
});

test("two hosts push at the same time, and both arrive", async () => {
  for (const [host, mark] of [
    ["host1", "a"],
    ["host2", "b"],
  ] as const) {
    mkdirSync(`${baseOf(host)}/at-once-${mark}`);
    for (let i = 0; i < 40; i++)
      writeFileSync(`${baseOf(host)}/at-once-${mark}/${i}`, mark.repeat(20_000 + i));
  }
  const runs = await Promise.all([host1.msync("-r", "at-once-a"), host2.msync("-r", "at-once-b")]);
  expect(runs).toEqual([quiet, quiet]);
  expectEqualTrees();
});

test("closing the console in the middle of a send cancels it, and nothing changes", async () => {
  const big = crypto.getRandomValues(new Uint8Array(1 << 16));
  for (let i = 0; i < 600; i++) writeFileSync(`${baseOf("host1")}/zz-${i}`, big);
  const socket = connect({ host: host1.listen, port: 5000 });
  socket.write("send -r\n");
  expect(await until(() => existsSync(`${baseOf("host2")}/${stage}`), 5_000)).toBe(true);
  socket.destroy();
  expect(await until(async () => (await host1.status()).get("send op") === "0", 3_000)).toBe(true);
  expect(await until(async () => (await host2.status()).get("recv op") === "0", 3_000)).toBe(true);
  for (const host of ["host2", "host3"]) {
    expect(readdirSync(baseOf(host)).filter((name) => name.startsWith("zz-"))).toEqual([]);
    expect(existsSync(`${baseOf(host)}/${stage}`)).toBe(false);
  }
  for (let i = 0; i < 600; i++) rmSync(`${baseOf("host1")}/zz-${i}`);
});

describe("members come and go", () => {
  test("one that is told to end leaves the list at once", async () => {
    host3.process.kill("SIGTERM");
    expect(await host3.process.exited).toBe(0);
    expect(await until(async () => !(await members(host1)).includes("host3"), 1_000)).toBe(true);
  });

  test("one that is killed during a push is named, and the others are complete; started again, it catches up", async () => {
    host3 = await startHost("host3");
    expect(await sees(host1, "host2", "host3")).toBe(true);
    const block = crypto.getRandomValues(new Uint8Array(1 << 16));
    mkdirSync(`${baseOf("host1")}/much`);
    for (let i = 0; i < 1200; i++) writeFileSync(`${baseOf("host1")}/much/${i}`, block);
    const push = host1.msync("-r", "much");
    expect(await until(() => existsSync(`${baseOf("host3")}/${stage}`), 5_000)).toBe(true);
    host3.process.kill("SIGKILL");
    const started = performance.now();
    expect(await push).toEqual({
      status: 1,
      stdout: "",
      stderr: "error: receive time out: 127.0.0.1(host3)\n",
    });
    expect(performance.now() - started).toBeLessThan(6_000);
    expect(describeTree(`${baseOf("host2")}/much`)).toEqual(describeTree(`${baseOf("host1")}/much`));
    expect(existsSync(`${baseOf("host3")}/much`)).toBe(false);
    expect(existsSync(`${baseOf("host3")}/${stage}`)).toBe(true);
    host3 = await startHost("host3");
    expect(existsSync(`${baseOf("host3")}/${stage}`)).toBe(false);
    expect(await sees(host1, "host2", "host3")).toBe(true);
    expect(await host1.msync("-r")).toEqual(quiet);
    expectEqualTrees();
  }, 30_000);
});

const clientPath = new URL("../../src/msync.ts", import.meta.url).pathname;

/** A small tree with one of everything that is carried over. */
function makeTree(folder: string): void {
  mkdirSync(`${folder}/deep/er`, { recursive: true });
  mkdirSync(`${folder}/empty`);
  writeFileSync(`${folder}/index.html`, "hello\n");
  writeFileSync(`${folder}/deep/er/page`, "x".repeat(100_000));
  writeFileSync(`${folder}/nothing`, "");
  writeFileSync(`${folder}/new\nline`, "n");
  writeFileSync(Buffer.from(`${folder}/caf\xe9`, "latin1"), "latin1");
  writeFileSync(`${folder}/closed`, "c");
  chmodSync(`${folder}/closed`, 0o4700);
  chmodSync(`${folder}/empty`, 0o1777);
  symlinkSync("deep/er", `${folder}/link`);
  symlinkSync("/no/such", `${folder}/dangling`);
  writeFileSync(`${folder}/big`, crypto.getRandomValues(new Uint8Array(1 << 16)));
  for (let i = 0; i < 50; i++) writeFileSync(`${folder}/deep/small-${i}`, `${i}\n`);
  utimesSync(`${folder}/deep/er/page`, 1.5, -86_400.25);
  utimesSync(`${folder}/deep`, 1, 1_700_000_000.123456);
  lutimesSync(`${folder}/link`, 5, 4_300_000_000);
}
