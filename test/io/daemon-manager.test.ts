import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { ServiceManager } from "../../src/io/daemon-manager.ts";
import { DISK_PATIENCE_MS, Watchdog } from "../../src/io/daemon-watchdog.ts";
import type { ThreadName } from "../../src/io/threads.ts";
import { Cluster, daemonCommand, hasEnded, until } from "./daemon-fixture.ts";
import { Listener } from "./listener.ts";

/** What a service manager is told, and when the watchdog is not fed. */
setDefaultTimeout(20_000);

let cluster: Cluster;
beforeAll(() => {
  cluster = new Cluster();
});
afterAll(() => cluster.close());

function makeBase(name: string): string {
  const path = `${cluster.folder}/${name}`;
  mkdirSync(path);
  Bun.spawnSync(["chmod", "777", path]);
  return path;
}

describe("a daemon under a service manager", () => {
  const root = process.getuid?.() === 0;

  test("tells it when it is up, that it lives, that it reads its settings again, and that it ends", async () => {
    const path = `${cluster.folder}/notify`;
    const manager = await Listener.open(path);
    // All of it also where the socket is out of sight.
    const confined = root ? ["-c", "-u", "nobody"] : [];
    const variables = ["env", `NOTIFY_SOCKET=${path}`, "WATCHDOG_USEC=400000"];
    const command = [...variables, ...daemonCommand];
    const daemon = await cluster.startCommand(command, "managed", makeBase("managed"), ...confined);
    const { pid } = daemon.process;
    await manager.hears(`READY=1|MAINPID=${pid}`);
    const beats = () => manager.messages.filter((message) => message === "WATCHDOG=1").length;
    expect(await until(() => beats() >= 5, 5_000)).toBe(true);
    // One that does nothing any more is not alive.
    daemon.process.kill("SIGSTOP");
    await Bun.sleep(150);
    const before = beats();
    await Bun.sleep(500);
    expect(beats()).toBe(before);
    daemon.process.kill("SIGCONT");
    expect(await until(() => beats() > before, 5_000)).toBe(true);
    daemon.process.kill("SIGHUP");
    await manager.hears(/^RELOADING=1\|MONOTONIC_USEC=\d+$/);
    expect(await until(() => ready(manager) === 2, 5_000)).toBe(true);
    daemon.process.kill("SIGTERM");
    expect(await daemon.process.exited).toBe(0);
    await manager.hears("STOPPING=1");
    await manager.close();
  });

  test.if(root)("is not vouched for by its main thread while its engine stands still", async () => {
    const path = `${cluster.folder}/notify-engine`;
    const manager = await Listener.open(path);
    const command = ["env", `NOTIFY_SOCKET=${path}`, "WATCHDOG_USEC=400000", ...daemonCommand];
    const daemon = await cluster.startCommand(command, "frozen", makeBase("frozen"));
    const beats = () => manager.messages.filter((message) => message === "WATCHDOG=1").length;
    expect(await until(() => beats() >= 3, 5_000)).toBe(true);
    const tasks = `/proc/${daemon.process.pid}/task`;
    const engine = readdirSync(tasks).find(
      (task) => readFileSync(`${tasks}/${task}/comm`, "utf8") === "engine\n",
    );
    const holder = Bun.spawn(["perl", new URL("freeze.pl", import.meta.url).pathname, engine ?? ""], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(new TextDecoder().decode((await holder.stdout.getReader().read()).value)).toBe("held\n");
    // The question that is on its way, and the patience with it.
    await Bun.sleep(400);
    const before = beats();
    await Bun.sleep(600);
    expect(beats()).toBe(before);
    // The others live: the log is turned by the main thread.
    daemon.process.kill("SIGUSR1");
    await daemon.says("log level 6");
    holder.kill("SIGKILL");
    expect(await until(() => beats() > before, 5_000)).toBe(true);
    await manager.close();
  });

  test("in the background, names the process that stays; without a watchdog none is fed", async () => {
    const name = `@makuosan-test-${process.pid}`;
    const manager = await Listener.open(name);
    const { args } = cluster.arguments("abstract", makeBase("abstract"));
    const child = Bun.spawn([...daemonCommand, ...args, "-D"], {
      env: { ...process.env, NOTIFY_SOCKET: name },
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(await child.exited).toBe(0);
    await manager.hears(/^READY=1\|MAINPID=\d+$/);
    const pid = Number(manager.messages[0]?.split("=").at(-1));
    expect(pid).not.toBe(child.pid);
    process.kill(pid, "SIGTERM");
    await manager.hears("STOPPING=1");
    expect(await until(() => hasEnded(pid), 5_000)).toBe(true);
    expect(manager.messages).toHaveLength(2);
    await manager.close();
  });

  test("a manager that has gone, or is none, keeps nobody from starting", async () => {
    const command = [
      "env",
      `NOTIFY_SOCKET=${cluster.folder}/gone`,
      "WATCHDOG_USEC=1000000",
      ...daemonCommand,
    ];
    await cluster.startCommand(command, "alone", makeBase("alone"));
  });
});

function ready(manager: Listener): number {
  return manager.messages.filter((message) => message.startsWith("READY=1")).length;
}

test("who wants to hear of the watchdog, and how often", async () => {
  const path = `@makuosan-test-watchdog-${process.pid}`;
  const listener = await Listener.open(path);
  const time = (environment: Record<string, string>) =>
    new ServiceManager({ NOTIFY_SOCKET: path, ...environment }).watchdogUs;
  expect(time({ WATCHDOG_USEC: "30000000" })).toBe(30_000_000);
  expect(time({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.pid) })).toBe(30_000_000);
  expect(time({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" })).toBeUndefined();
  for (const none of ["", "0", "-1", "1e9", "9999999999999999"])
    expect(time({ WATCHDOG_USEC: none })).toBeUndefined();
  expect(time({})).toBeUndefined();
  expect(time({ NOTIFY_SOCKET: "relative", WATCHDOG_USEC: "30000000" })).toBeUndefined();
  await listener.close();
});

describe("the watchdog", () => {
  /** Threads that answer at once unless they hang, or have not been started. */
  function makeWatchdog() {
    const state = { now: 0, fed: 0, hangs: new Set<ThreadName>(), missing: new Set<ThreadName>(), asked: 0 };
    const late: (() => void)[] = [];
    const watchdog = new Watchdog({
      ask: (thread, answer) => {
        if (state.missing.has(thread)) return false;
        state.asked++;
        if (state.hangs.has(thread)) late.push(answer);
        else answer();
        return true;
      },
      alive: () => state.fed++,
      now: () => state.now,
      enginePatienceMs: 1_000,
    });
    const look = (now: number) => {
      state.now = now;
      return watchdog.look();
    };
    return { state, look, answerLate: () => late.splice(0).map((answer) => answer()) };
  }

  test("is fed while all threads answer, also if one has not been started", () => {
    const { state, look } = makeWatchdog();
    state.missing.add("source");
    for (let now = 0; now < 100_000; now += 5_000) expect(look(now)).toBe(true);
    expect(state.fed).toBe(20);
    expect(state.asked).toBe(40);
  });

  test("is not fed when the engine is late, and is again when it answers", () => {
    const { state, look, answerLate } = makeWatchdog();
    expect(look(0)).toBe(true);
    state.hangs.add("engine");
    expect(look(1_000)).toBe(true);
    expect(look(2_000)).toBe(true);
    expect(look(2_001)).toBe(false);
    expect(look(9_000)).toBe(false);
    expect(state.fed).toBe(3);
    state.hangs.clear();
    answerLate();
    expect(look(10_000)).toBe(true);
  });

  for (const thread of ["source", "stage"] as const) {
    test(`has more patience with the ${thread}, which waits for a disk`, () => {
      const { state, look } = makeWatchdog();
      state.hangs.add(thread);
      expect(look(0)).toBe(true);
      expect(look(DISK_PATIENCE_MS)).toBe(true);
      expect(look(DISK_PATIENCE_MS + 1)).toBe(false);
    });
  }
});
