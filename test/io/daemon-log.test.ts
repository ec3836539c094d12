import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import {
  Cluster,
  daemonCommand,
  hasEnded,
  run,
  runDaemonOnce,
  type TestDaemon,
  until,
} from "./daemon-fixture.ts";
import { Listener } from "./listener.ts";

/** Where lines of the log go: stderr, a file, and the system's log, which listens in a mount namespace of its own. */
setDefaultTimeout(20_000);

let cluster: Cluster;
let count = 0;
const root = process.getuid?.() === 0;

beforeAll(() => {
  cluster = new Cluster();
  Bun.spawnSync(["chmod", "755", cluster.folder]);
});
afterAll(() => cluster.close());

function makeBase(): string {
  const path = `${cluster.folder}/base${++count}`;
  mkdirSync(path);
  Bun.spawnSync(["chmod", "777", path]);
  return path;
}

/** Waits for a text in a file. */
async function has(path: string, text: string): Promise<void> {
  const read = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
  if (!(await until(() => read().includes(text), 5_000))) throw new Error(`no ${text} in: ${read()}`);
}

describe("the level", () => {
  test("is raised by SIGUSR1 and lowered by SIGUSR2, from 0 to 9", async () => {
    const daemon = await cluster.start("turned", makeBase(), "-d", "7");
    for (const [signal, level] of [
      ["SIGUSR1", 8],
      ["SIGUSR1", 9],
      ["SIGUSR2", 8],
    ] as const) {
      const before = daemon.log.length;
      daemon.process.kill(signal);
      await until(() => daemon.log.slice(before).includes("log level"), 5_000);
      expect(daemon.log.slice(before)).toEndWith(`log level ${level}\n`);
    }
    const levels = await pressed(daemon, "SIGUSR1", 3);
    expect(levels).toEqual([9, 9, 9]);
    expect((await pressed(daemon, "SIGUSR2", 11)).slice(-3)).toEqual([0, 0, 0]);
  });

  test("decides what is shown", async () => {
    const quiet = await cluster.start("quiet", makeBase(), "-d", "0");
    await cluster.start("newcomer", makeBase());
    await quiet.knows("newcomer", "turned");
    expect(quiet.log).not.toContain("has joined");
    await pressed(quiet, "SIGUSR1", 5);
    await cluster.start("latecomer", makeBase());
    await quiet.says("latecomer has joined");
  });

  test("1 has what was received, and 2 what was sent; the end is always there", async () => {
    const [sender, receiver] = [
      await cluster.start("sender", makeBase(), "-d", "2"),
      await cluster.start("receiver", makeBase(), "-d", "1"),
    ];
    await sender.knows("receiver", "quiet", "newcomer", "latecomer", "turned");
    writeFileSync(`${sender.base}/a`, "a");
    expect(await sender.msync("-t", "receiver", "a")).toMatchObject({ status: 0 });
    await receiver.says("is in place here");
    const key = /push (\S+) begins/.exec(sender.log)?.[1] ?? "none";
    expect(receiver.log).toContain(`push ${key} is in place here`);
    expect(receiver.log).not.toContain("has begun here");
    await sender.says(`push ${key} is over`);
    sender.process.kill("SIGTERM");
    await sender.says("has stopped");
    expect(await sender.process.exited).toBe(0);
  });
});

/** Sends a signal some times, and returns the levels that the log tells. */
async function pressed(daemon: TestDaemon, signal: NodeJS.Signals, times: number): Promise<number[]> {
  const start = daemon.log.length;
  const told = () =>
    [...daemon.log.slice(start).matchAll(/log level (\d)/g)].map((match) => Number(match[1]));
  for (let time = 1; time <= times; time++) {
    daemon.process.kill(signal);
    await until(() => told().length === time, 5_000);
  }
  return told();
}

describe("a log file", () => {
  test("has the lines of stderr, and is a new one after SIGHUP", async () => {
    const file = `${cluster.folder}/file.log`;
    const daemon = await cluster.start("logger", makeBase(), "--log", file);
    await daemon.says("the group is open");
    expect(readFileSync(file, "utf8")).toBe(daemon.log);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    renameSync(file, `${file}.1`);
    daemon.process.kill("SIGHUP");
    await has(file, `log file ${file} opened again`);
    expect(readFileSync(`${file}.1`, "utf8")).not.toContain("opened again");
  });

  test("that cannot be opened again stays, and so does what it holds already", async () => {
    const folder = `${cluster.folder}/logs`;
    mkdirSync(folder);
    const file = `${folder}/log`;
    await Bun.write(file, "before\n");
    const daemon = await cluster.start("stubborn", makeBase(), "--log", file);
    renameSync(folder, `${folder}.away`);
    daemon.process.kill("SIGHUP");
    const complaint = `log file ${file} cannot be opened again, the old one stays: No such file or directory`;
    await has(`${folder}.away/log`, complaint);
    expect(readFileSync(`${folder}.away/log`, "utf8")).toStartWith("before\n");
    expect(daemon.process.exitCode).toBeNull();
  });

  test.if(root)("belongs to the daemon's user, who can open it again", async () => {
    const folder = `${cluster.folder}/owned`;
    mkdirSync(folder);
    Bun.spawnSync(["chown", "nobody", folder]);
    const file = `${folder}/log`;
    const daemon = await cluster.start("owner", makeBase(), "--log", file, "-u", "nobody");
    rmSync(file);
    daemon.process.kill("SIGHUP");
    await has(file, "opened again");
    expect(statSync(file).uid).toBe(Number((await run(["id", "-u", "nobody"])).stdout));
  });

  test("is never a link: another user may have put it there", async () => {
    const link = `${cluster.folder}/link.log`;
    symlinkSync(`${cluster.folder}/victim`, link);
    const { status, stderr } = await runDaemonOnce("-b", makeBase(), "-i", "127.0.0.1", "--log", link);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `makuosan: log file ${link}: Too many levels of symbolic links\n`,
    });
    expect(existsSync(`${cluster.folder}/victim`)).toBe(false);
  });
});

describe.if(root)("the system's log", () => {
  /** A mount namespace whose /dev holds no more than it must; ends with its process. */
  let holder: Bun.Subprocess<"ignore", "pipe", "inherit">;
  let within: readonly string[];

  beforeAll(async () => {
    const dev = `${cluster.folder}/dev`;
    mkdirSync(dev);
    const script = [
      `mount -t tmpfs -o mode=755 dev ${dev}`,
      `for n in null zero random urandom; do touch ${dev}/$n && mount --bind /dev/$n ${dev}/$n; done`,
      `mount --rbind ${dev} /dev`,
      `echo ready`,
      `exec sleep 1000`,
    ].join(" && ");
    holder = Bun.spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    await holder.stdout.getReader().read();
    within = ["nsenter", "--target", String(holder.pid), "--mount", "--"];
  });
  afterAll(() => holder.kill("SIGKILL"));

  let syslog: Listener;
  afterEach(() => syslog.close());
  const listen = () => Listener.open("/dev/log", within);
  const start = (name: string, ...options: string[]) =>
    cluster.startCommand([...within, ...daemonCommand], name, makeBase(), ...options);

  test("has every line, with the facility daemon, a priority, and the process", async () => {
    syslog = await listen();
    const daemon = await start("spoken");
    await syslog.hears(
      new RegExp(`^<29>.* makuosan\\[${daemon.process.pid}\\]: spoken \\(node [0-9a-f]{16}\\) is up: group `),
    );
    // What only those want who look for faults is of that priority.
    await cluster.start("heard", makeBase());
    await syslog.hears(/^<31>.*: member heard has joined$/);
    expect(daemon.log).toContain("member heard has joined");
  });

  test("is reached from a chroot, without privileges, and in the background", async () => {
    syslog = await listen();
    const { args } = cluster.arguments("distant", makeBase());
    const command = [...within, ...daemonCommand, ...args, "-c", "-u", "nobody", "-D"];
    expect(await run(command)).toEqual({ status: 0, stdout: "", stderr: "" });
    await syslog.hears(/^<29>.*: distant \(node /);
    const pid = Number(/makuosan\[(\d+)\]/.exec(syslog.messages[0] ?? "")?.[1]);
    process.kill(pid, "SIGUSR1");
    await syslog.hears(/^<29>.*: log level 6$/);
    process.kill(pid, "SIGTERM");
    expect(await until(() => hasEnded(pid), 5_000)).toBe(true);
  });

  test("has a line once if stderr is the journal's, as that has it already", async () => {
    syslog = await listen();
    const script = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"';
    const { args } = cluster.arguments("journaled", makeBase());
    const child = Bun.spawn([...within, "sh", "-c", script, "sh", ...daemonCommand, ...args], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(`${cluster.folder}/journal`),
    });
    await syslog.hears(/: journaled \(node .* is up/);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(readFileSync(`${cluster.folder}/journal`, "utf8")).toBe("");
  });

  test("is opened again by SIGHUP; without it there is stderr", async () => {
    syslog = await listen();
    const daemon = await start("patient");
    await syslog.close();
    await run([...within, "rm", "/dev/log"]);
    daemon.process.kill("SIGUSR1");
    await daemon.says("log level 6");
    daemon.process.kill("SIGHUP");
    await daemon.says("the system's log cannot be opened again: No such file or directory");
    syslog = await listen();
    daemon.process.kill("SIGHUP");
    await Bun.sleep(100);
    daemon.process.kill("SIGUSR2");
    await syslog.hears(/^<29>.*: log level 5$/);
  });
});
