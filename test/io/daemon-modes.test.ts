import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import {
  Cluster,
  compileDaemon,
  daemonCommand,
  describeTree,
  msyncAt,
  run,
  runDaemonOnce,
  until,
} from "./daemon-fixture.ts";
import { Listener } from "./listener.ts";

/** Options that take something away from a daemon, or give it more; and how an installed one ends. */
setDefaultTimeout(20_000);

let cluster: Cluster;
const root = process.getuid?.() === 0;

beforeAll(() => {
  cluster = new Cluster();
  chmodSync(cluster.folder, 0o755);
});
afterAll(() => cluster.close());

function makeBase(name: string, mode = 0o777): string {
  const path = `${cluster.folder}/${name}`;
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

test("-r: nothing is received, so the base need not be writable; -s: nothing is sent", async () => {
  const user = root ? ["-u", "nobody"] : [];
  const reader = await cluster.start("reader", makeBase("reader", 0o755), "-r", ...user);
  const silent = await cluster.start("silent", makeBase("silent"), "-s");
  writeFileSync(`${reader.base}/offered`, "by the reader");
  writeFileSync(`${silent.base}/kept`, "by the silent");
  await Promise.all([reader.knows("silent"), silent.knows("reader")]);
  expect(await reader.msync("-r")).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(`${silent.base}/offered`, "utf8")).toBe("by the reader");
  const { status, stderr } = await silent.msync("-r");
  expect({ status, stderr }).toEqual({ status: 1, stderr: "error: this server can't send\n" });
  const third = await cluster.start("third", makeBase("third"));
  writeFileSync(`${third.base}/foreign`, "by a third");
  await third.knows("reader", "silent");
  const pushed = await third.msync("-r", "-t", "reader");
  expect(pushed.status).toBe(1);
  expect(pushed.stderr).toContain("read only");
  expect(readdirSync(reader.base)).toEqual(["offered"]);
});

test("-o: there is no console, on no port and at no socket", async () => {
  const base = makeBase("mute");
  const { args, listen } = cluster.arguments("mute", base);
  const at = args.indexOf("-l");
  const command = [...daemonCommand, ...args.slice(0, at), ...args.slice(at + 2), "-o"];
  const { process: daemon } = await cluster.startAs(command, { name: "mute", base, listen });
  const sockets =
    (await run(["sh", "-c", `readlink /proc/${daemon.pid}/fd/*`])).stdout.match(/(?<=socket:\[)\d+/g) ?? [];
  const listening = (file: string) =>
    readFileSync(file, "latin1")
      .split("\n")
      .filter((line) => sockets.some((inode) => new RegExp(`\\b${inode}\\b`).test(line)));
  // It has its two of UDP, and nothing else.
  expect(listening("/proc/net/udp")).toHaveLength(2);
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) expect(listening(file)).toEqual([]);
  // The flag of sockets that listen; its stderr may be one that does not.
  expect(listening("/proc/net/unix").filter((line) => line.includes(" 00010000 "))).toEqual([]);
  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
});

test.if(root)("-O: what belongs to somebody else is not sent", async () => {
  const owner = await cluster.start("owner", makeBase("owner"), "-O", "-u", "nobody");
  const taker = await cluster.start("taker", makeBase("taker"));
  await until(async () => (await owner.msync("--members")).stdout.includes("taker"), 5_000);
  for (const name of ["own", "foreign"]) writeFileSync(`${owner.base}/${name}`, name);
  Bun.spawnSync(["chown", "nobody", `${owner.base}/own`]);
  await owner.msync("-r", "-t", "taker");
  expect(readdirSync(taker.base)).toEqual(["own"]);
});

test.if(root)(
  "a socket whose name the daemon's user may not remove is no reason to end badly, or not to start",
  async () => {
    const options = ["-U", `${cluster.folder}/kept.sock`, "-u", "nobody"];
    const first = await cluster.start("keeper1", makeBase("keeper1"), ...options);
    expect(statSync(`${cluster.folder}/kept.sock`).mode & 0o777).toBe(0o660);
    const refused = await runDaemonOnce("-n", "-b", makeBase("keeper2"), "-i", "127.0.0.1", ...options);
    expect(refused).toEqual({
      status: 2,
      stdout: "",
      stderr: `makuosan: console at ${cluster.folder}/kept.sock: another daemon answers there\n`,
    });
    first.process.kill("SIGTERM");
    expect(await first.process.exited).toBe(0);
    expect(existsSync(`${cluster.folder}/kept.sock`)).toBe(true);
    const second = await cluster.start("keeper3", makeBase("keeper3"), ...options);
    expect(second.process.exitCode).toBeNull();
  },
);

describe("core dumps", () => {
  const limit = (pid: number) =>
    /^Max core file size +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1"))?.slice(1);

  test("there are none unless asked for", async () => {
    const { process: daemon } = await cluster.start("closed", makeBase("closed"));
    expect(limit(daemon.pid)).toEqual(["0", "0"]);
  });

  test("-C: as far as the system allows, also after a change of user", async () => {
    const user = root ? ["-u", "nobody"] : [];
    const shell = ["sh", "-c", 'ulimit -S -c 0; exec "$@"', "sh"];
    const daemon = await cluster.startCommand(
      [...shell, ...daemonCommand],
      "dumper",
      makeBase("dumper"),
      "-C",
      ...user,
    );
    const [soft, hard] = limit(daemon.process.pid) ?? [];
    expect(soft).toBe(hard ?? "");
    // The kernel gives a process's files to root when it may not dump.
    const owner = statSync(`/proc/${daemon.process.pid}/environ`).uid;
    expect(owner).toBe(
      root ? Number((await run(["id", "-u", "nobody"])).stdout) : (process.getuid?.() ?? -1),
    );
  });
});

test.if(root)(
  "pkill makuosan ends an installed daemon: it says goodbye and leaves nothing",
  async () => {
    const executable = await compileDaemon(cluster.folder);
    const watcher = await cluster.start("watcher", makeBase("watcher"));
    const path = `@makuosan-test-pkill-${process.pid}`;
    const manager = await Listener.open(path);
    const { args, listen } = cluster.arguments("installed", makeBase("installed"));
    const socket = `${cluster.folder}/installed.sock`;
    // In a process table of its own there is no other one to hit. Its first process collects the ends of the others.
    const holder = Bun.spawn(
      [
        ..."unshare --pid --fork --kill-child --mount --mount-proc --propagation private".split(" "),
        ...["sh", "-c", "while :; do sleep 0.05; done"],
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore", env: { ...process.env, NOTIFY_SOCKET: path } },
    );
    const children = () => readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "latin1").trim();
    try {
      await until(() => children() !== "", 5_000);
      const within = `nsenter --target ${children()} --pid --mount --`.split(" ");
      const options = ["-u", "www-data", "-g", "www-data", "-G", "adm,daemon", "-U", socket];
      const started = await run([...within, "env", `NOTIFY_SOCKET=${path}`, executable, ...args, ...options]);
      // Without a system's log, what it has to say until it is up is on stderr.
      expect(started).toMatchObject({ status: 0, stdout: "" });
      await until(async () => (await watcher.msync("--members")).stdout.includes("installed"), 5_000);
      expect((await msyncAt(`tcp:${listen}:5000`, "--members")).stdout).toContain("watcher");
      expect(existsSync(socket)).toBe(true);
      expect((await run([...within, "pgrep", "-x", "makuosan"])).stdout).toMatch(/^\d+\n$/);
      expect(await run([...within, "pkill", "makuosan"])).toEqual({ status: 0, stdout: "", stderr: "" });
      await manager.hears("STOPPING=1");
      await watcher.says("installed has left");
      const gone = () => run([...within, "pgrep", "-x", "makuosan"]).then(({ status }) => status === 1);
      expect(await until(gone, 5_000)).toBe(true);
    } finally {
      // All that is in the process table ends with its first process.
      for (const pid of children().split(" ")) if (pid !== "") process.kill(Number(pid), "SIGKILL");
      await holder.exited;
      await manager.close();
    }
    expect(describeTree(`${cluster.folder}/installed`)).toEqual([]);
  },
  20_000,
);
