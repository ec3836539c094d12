import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import manifest from "../../package.json" with { type: "json" };
import { Cluster, run, runDaemonOnce, type TestDaemon, until } from "./daemon-fixture.ts";

/** The real program: what it refuses, and how it starts and ends. */
setDefaultTimeout(20_000);

let cluster: Cluster;
let base: string;
const root = process.getuid?.() === 0;

beforeAll(() => {
  cluster = new Cluster();
  base = `${cluster.folder}/base`;
  mkdirSync(base);
  chmodSync(cluster.folder, 0o755);
  writeFileSync(`${cluster.folder}/file`, "");
  writeFileSync(`${cluster.folder}/word`, "word\n", { mode: 0o600 });
});
afterAll(() => cluster.close());

/** Processor time of all threads of a process, in milliseconds; clock ticks would be too coarse. */
function processorMs(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const file = `/proc/${pid}/task/${thread}/schedstat`;
    // Threads that compile come and go.
    if (existsSync(file)) ns += Number.parseInt(readFileSync(file, "latin1"), 10);
  }
  return ns / 1e6;
}

describe("bad input: one clear line, status 2", () => {
  const refuse = async (args: string[], line: RegExp) => {
    const { status, stdout, stderr } = await runDaemonOnce(...args);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  };
  const on = ["-i", "127.0.0.1", "-l", "127.0.0.77", "-p", "5877"];

  test("a base that is missing", () =>
    refuse(
      ["-b", `${base}/none`, ...on],
      /^makuosan: base directory \S+\/none: No such file or directory$/m,
    ));
  test("a base that is a file", () =>
    refuse(
      ["-b", `${cluster.folder}/file`, ...on],
      /^makuosan: base directory \S+\/file: Not a directory$/m,
    ));
  test("an interface that is none", () =>
    refuse(["-b", base, "-i", "nope0"], /^makuosan: no interface nope0 with an IPv4 address \(there are: /m));
  test("an address that no interface has", () =>
    refuse(["-b", base, "-i", "192.0.2.1"], /^makuosan: no interface has the address 192\.0\.2\.1/m));
  test("a group that is none", () =>
    refuse(
      ["-b", base, "-m", "10.1.1.1"],
      /^makuosan: option '-m, --multicast <addr>' argument '10\.1\.1\.1' is invalid/m,
    ));
  test("a console address that this host does not have", () =>
    refuse(
      ["-b", base, "-i", "127.0.0.1", "-l", "192.0.2.1", "-K", `${cluster.folder}/word`],
      /^makuosan: console at 192\.0\.2\.1 port 5000: this host does not/m,
    ));
  test("a console address for others without a password", () =>
    refuse(["-b", base, ...on, "-l", "0.0.0.0"], /^makuosan: a console at 0\.0\.0\.0, for others/m));
  test("options that exclude each other", async () => {
    await refuse(["-b", base, "-n", "-D"], /^makuosan: option '-n, .*' cannot be used with option '-D, /m);
    await refuse(
      ["-b", base, "-o", "-U", "s"],
      /^makuosan: option '-o, .*' cannot be used with option '-U, /m,
    );
  });
  test("a password file that others may read", async () => {
    const open = `${cluster.folder}/open`;
    writeFileSync(open, "word\n", { mode: 0o640 });
    await refuse(
      ["-b", base, ...on, "-K", open],
      /^makuosan: password file \S+\/open: others than its owner may read or write it; run: chmod 600 \S+\/open$/m,
    );
    await refuse(["-b", base, ...on, "-k", open], /^makuosan: key file \S+\/open: others than its owner/m);
  });
  test("a key, as long as there is no encryption", () =>
    refuse(
      ["-b", base, ...on, "-k", `${cluster.folder}/word`],
      /^makuosan: there is no encryption in this version yet \(-k\): it does not start/m,
    ));
  test("a log file that cannot be opened", () =>
    refuse(
      ["-b", base, ...on, "--log", `${cluster.folder}/none/log`],
      /^makuosan: log file \S+\/none\/log: No such file or directory$/m,
    ));
  test("a socket's name that something else has", () =>
    refuse(
      ["-b", base, "-i", "127.0.0.1", "-p", "5877", "-U", `${cluster.folder}/file`],
      /^makuosan: console at \S+\/file: there is something else with that name$/m,
    ));
  test("an unknown user", () =>
    refuse(["-b", base, ...on, "-u", "no-such-user"], /^makuosan: there is no user no-such-user$/m));
  test("an unknown group", () =>
    refuse(["-b", base, ...on, "-g", "no-such-group"], /^makuosan: there is no group no-such-group$/m));
  test("an unknown option", () => refuse(["--bogus"], /^makuosan: unknown option '--bogus'/m));

  test("a console port in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(5878, "127.0.0.77", resolve));
    await refuse(
      ["-b", base, "-i", "127.0.0.1", "-l", "127.0.0.77", "-p", "5878"],
      /^makuosan: console at 127\.0\.0\.77 port 5878: the port is in use; is another makuosan running\?$/m,
    );
    server.close();
  });

  test.if(root)("a base that the user cannot write, or not even read", async () => {
    const closed = `${cluster.folder}/closed`;
    mkdirSync(closed, { mode: 0o755 });
    await refuse(
      ["-b", closed, ...on, "-u", "nobody"],
      /^makuosan: base directory \S+ cannot be written by uid \d+, gid \d+: Permission denied$/m,
    );
    chmodSync(closed, 0o700);
    await refuse(
      ["-b", closed, ...on, "-u", "nobody"],
      /^makuosan: base directory \S+ cannot be read by uid \d+, gid \d+: Permission denied$/m,
    );
  });
});

test("usage, help and version", async () => {
  const usage = await runDaemonOnce();
  expect([usage.status, usage.stdout]).toEqual([1, ""]);
  expect(usage.stderr).toStartWith("Usage: makuosan");
  expect((await runDaemonOnce("--help")).status).toBe(0);
  expect((await runDaemonOnce("-V")).stdout).toMatch(/^makuosan \d+\.\d+\.\d+\n$/);
});

describe("a running daemon", () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await cluster.start("alone", base);
  });

  test("says what it is, and that the group is open", async () => {
    expect(daemon.log).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z makuosan\[\d+\] alone \(node [0-9a-f]{16}\) is up: group 239\.255\.\d+\.\d+:5000 on lo 127\.0\.0\.1, mtu \d+, offload .*, socket buffers of \d+ \(receive\) and \d+ bytes \(send\)$/m,
    );
    await daemon.says("the group is open: no key");
  });

  test("is found by its name, in /, and does not use the processor while idle", async () => {
    const { pid } = daemon.process;
    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("makuosan\n");
    expect((await run(["readlink", `/proc/${pid}/cwd`])).stdout).toBe("/\n");
    // Announcements, and letting go of what only the start needed, take the first second, or some more on a busy machine; then it must be idle.
    let usedMs = processorMs(pid);
    const idle = await until(async () => {
      await Bun.sleep(1_000);
      const before = usedMs;
      usedMs = processorMs(pid);
      return usedMs - before <= 10;
    }, 10_000);
    expect({ idle, usedMs }).toMatchObject({ idle: true });
  });

  test("alone in its group, it says so", async () => {
    expect((await daemon.msync("--members")).stdout).toBe("Total: 0 members\n");
    const { status, stdout, stderr } = await daemon.msync("-r");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe(
      `error: no other makuosan is alive on ${cluster.group}:5000; see README, Troubleshooting\n`,
    );
  });

  test("ends at once and with 0 when told to", async () => {
    const started = performance.now();
    daemon.process.kill("SIGTERM");
    expect(await daemon.process.exited).toBe(0);
    expect(performance.now() - started).toBeLessThan(500);
    const other = await cluster.start("other", base);
    other.process.kill("SIGINT");
    expect(await other.process.exited).toBe(0);
  });
});

test("a base has one daemon at a time, however the one before it ended", async () => {
  const shared = `${cluster.folder}/shared`;
  mkdirSync(`${shared}/.makuosan-stage/1-1`, { recursive: true });
  chmodSync(shared, 0o777);
  const user = root ? ["-u", "nobody"] : [];
  const first = await cluster.start("first", shared, ...user);
  mkdirSync(`${shared}/.makuosan-stage/2-2`, { recursive: true });
  const listen = ["-i", "127.0.0.1", "-l", "127.0.0.78", "-p", "5879"];
  const { status, stderr } = await runDaemonOnce("-b", shared, ...listen);
  expect(stderr).toMatch(/^makuosan: another makuosan uses this base directory: \S+\/shared\n$/);
  expect(status).toBe(2);
  expect(readdirSync(`${shared}/.makuosan-stage`)).toContain("2-2");
  first.process.kill("SIGKILL");
  await first.process.exited;
  await cluster.start("second", shared);
  expect(readdirSync(shared)).toEqual([]);
});

test.if(root)("privileges are given up by every thread, groups included", async () => {
  const own = `${cluster.folder}/own`;
  mkdirSync(own);
  chmodSync(own, 0o777);
  const daemon = await cluster.start("humble", own, "-u", "nobody", "-G", "daemon");
  await daemon.msync("-r");
  const { stdout } = await run(["sh", "-c", `cat /proc/${daemon.process.pid}/task/*/status`]);
  const of = (name: string) =>
    new Set([...stdout.matchAll(new RegExp(`^${name}:\\s*(.*?)\\s*$`, "gm"))].map((m) => m[1]));
  const nobody = (await run(["id", "-u", "nobody"])).stdout.trim();
  const nogroup = (await run(["id", "-g", "nobody"])).stdout.trim();
  expect(of("Uid")).toEqual(new Set([Array(4).fill(nobody).join("\t")]));
  expect(of("Gid")).toEqual(new Set([Array(4).fill(nogroup).join("\t")]));
  expect(of("Groups")).toEqual(new Set(["1"]));
  expect(of("CapEff")).toEqual(new Set(["0000000000000000"]));
});

test.if(root)("with -u, a program that only root can read works all the same", async () => {
  const closed = `${cluster.folder}/closed-checkout`;
  mkdirSync(closed, { mode: 0o700 });
  const checkout = new URL("../..", import.meta.url).pathname;
  for (const part of ["src", "build", "package.json"])
    cpSync(checkout + part, `${closed}/${part}`, { recursive: true });
  // A library elsewhere may well be open to everybody: these are copies, too.
  for (const name of Object.keys(manifest.dependencies))
    cpSync(`${checkout}node_modules/${name}`, `${closed}/node_modules/${name}`, { recursive: true });
  const bases = ["from", "to"].map((name) => `${cluster.folder}/closed-${name}`);
  for (const path of bases) {
    mkdirSync(path);
    chmodSync(path, 0o777);
  }
  writeFileSync(`${bases[0]}/file`, "sent");
  const program = `${closed}/src/makuosan.ts`;
  const [sender] = await Promise.all(
    bases.map((path, index) => cluster.startProgram(program, `closed${index}`, path, "-u", "nobody")),
  );
  await until(async () => (await sender?.msync("--members"))?.stdout.includes("closed1") ?? false, 5_000);
  expect(await sender?.msync("-r", "-t", "closed1")).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(`${bases[1]}/file`, "utf8")).toBe("sent");
});

test("a fault in any thread ends the process with 70, with its stack in the log", async () => {
  const ending = new URL("../../src/io/fault.ts", import.meta.url).pathname;
  const threads = new URL("../../src/io/threads.ts", import.meta.url).pathname;
  // A thread that is given nothing breaks at its first statements.
  const script = `import { fault } from "${ending}"; import { loadThread } from "${threads}";
    loadThread("source", fault).then((thread) => thread.begin({})); setTimeout(() => {}, 5000);`;
  const { status, stderr } = await run([process.execPath, "-e", script]);
  expect(status).toBe(70);
  expect(stderr).toMatch(/^\S+ makuosan\[\d+\] fault: /m);
  expect(stderr).toMatch(/^\S+ makuosan\[\d+\] {5}at .*(disk-thread|source-worker|ffi)\.ts:\d+/m);
});
