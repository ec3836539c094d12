/** The progress line in a pseudo-terminal, and its absence everywhere else. */
import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonEvent } from "../../src/cli/json-protocol.ts";
import { closing } from "./closing.ts";
import { type FakeClient, openJsonDaemon, pushOf } from "./json-daemon.ts";
import { Screen } from "./screen.ts";

const MSYNC = [process.execPath, join(import.meta.dir, "../../src/msync.ts")];

const { later, opened } = closing();

const id = 1;
const finished: JsonEvent = { event: "finished", id, ok: true, seconds: 2 };

function progress(
  percent: number,
  hosts: Readonly<Record<string, "live" | "silent" | "prepared">>,
): JsonEvent {
  return {
    event: "progress",
    id,
    phase: "content",
    seconds: 1,
    sentBytes: percent * 10_000_000,
    contentBytes: 1_000_000_000,
    bytesPerSecond: 100_000_000,
    hosts: Object.entries(hosts).map(([host, state]) => ({ host, state, doneBytes: 0, bytesPerSecond: 0 })),
  };
}

const outcome = (host: string, kind: "complete" | "lost"): JsonEvent => ({
  event: "outcome",
  id,
  host,
  address: "10.0.0.2",
  outcome: kind,
});

/** A daemon whose push the test plays. */
function openStage() {
  const client = Promise.withResolvers<FakeClient>();
  const daemon = openJsonDaemon({ onRequest: (_, asking) => client.resolve(asking) });
  opened(daemon);
  return { daemon, target: `tcp:127.0.0.1:${daemon.port}`, asked: client.promise };
}

/** msync on a terminal of its own. */
function openTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const screen = new Screen();
  let raw = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([...MSYNC, ...args], {
    env: { ...process.env, TERM: "xterm-256color", TMUX: "x", ...env },
    terminal: {
      cols: 100,
      rows: 24,
      data: (_, bytes) => {
        const text = decoder.decode(bytes, { stream: true });
        raw += text;
        screen.write(text);
      },
    },
  });
  later(() => child.kill("SIGKILL"));
  return {
    child,
    screen,
    raw: () => raw,
    async until(what: (rows: readonly string[]) => boolean): Promise<void> {
      for (let tries = 0; tries < 2000 && !what(screen.rows); tries++) await Bun.sleep(5);
      if (!what(screen.rows)) throw new Error(`the screen shows ${JSON.stringify(screen.rows)}`);
    },
    resize(columns: number): void {
      child.terminal?.resize(columns, 24);
    },
  };
}

const last = (rows: readonly string[]): string => rows.at(-1) ?? "";

test("one line while it lasts, results above it, a summary in the end", async () => {
  const { daemon, target, asked } = openStage();
  const terminal = openTerminal(["-c", target, "-r", "-v"]);
  const client = await asked;
  expect(pushOf(daemon).progress).toBe(true);
  client.event({ event: "started", id, hosts: ["host2", "h\u00f6st\u56db"], readOnly: [] });
  client.event(progress(45, { host2: "live", "h\u00f6st\u56db": "silent" }));
  await terminal.until((rows) => rows.length === 1);
  expect(terminal.screen.rows).toEqual([
    "sending   45%  450 MB of 1.00 GB  100 MB/s  0:06 left  0/2 hosts  ! h\u00f6st\u56db silent",
  ]);
  client.event({ event: "files", id, host: "host2", action: "update", paths: ["a", "b"] });
  await terminal.until((rows) => rows.length === 3);
  expect(terminal.screen.rows).toEqual(["update host2:a", "update host2:b", last(terminal.screen.rows)]);
  expect(last(terminal.screen.rows)).toStartWith("sending   45%");
  client.event(outcome("h\u00f6st\u56db", "lost"));
  await terminal.until((rows) => rows.length === 4 && last(rows).includes("! h\u00f6st\u56db lost"));
  client.event(progress(100, { host2: "prepared", "h\u00f6st\u56db": "silent" }));
  await terminal.until((rows) => last(rows).includes("1/2 hosts"));
  client.event(outcome("host2", "complete"));
  client.event(finished);
  expect(await terminal.child.exited).toBe(1);
  await terminal.until((rows) => last(rows).includes(" in "));
  expect(terminal.screen.rows).toEqual([
    "update host2:a",
    "update host2:b",
    "error: receive time out: 10.0.0.2(h\u00f6st\u56db)",
    "1.00 GB in 2.0 s, 500 MB/s, 1 of 2 hosts",
  ]);
  // At no moment was there more than one line of progress.
  for (const rows of terminal.screen.history)
    expect(rows.filter((row) => row.startsWith("sending")).length).toBeLessThanOrEqual(1);
});

test("the line follows the terminal's width", async () => {
  const { target, asked } = openStage();
  const terminal = openTerminal(["-c", target, "-r"]);
  const client = await asked;
  client.event(progress(10, { host2: "live" }));
  await terminal.until((rows) => last(rows).includes("100 MB of 1.00 GB"));
  terminal.resize(30);
  await terminal.until((rows) => last(rows) === "sending   10%  0/1 hosts");
  terminal.resize(90);
  await terminal.until((rows) => last(rows).includes("100 MB of 1.00 GB"));
  client.event(finished);
  expect(await terminal.child.exited).toBe(0);
});

test("whoever stops it gets a clean terminal", async () => {
  const { target, asked } = openStage();
  const terminal = openTerminal(["-c", target, "-r"]);
  (await asked).event(progress(10, { host2: "live" }));
  await terminal.until((rows) => rows.length === 1);
  terminal.child.kill("SIGINT");
  expect(await terminal.child.exited).toBe(130);
  await terminal.until((rows) => last(rows).startsWith("error"));
  expect(terminal.screen.rows).toEqual(["error: stopped by SIGINT"]);
});

test("a push that is over at once leaves nothing but its lines", async () => {
  const { target, asked } = openStage();
  const terminal = openTerminal(["-c", target, "-r"]);
  const client = await asked;
  client.event(outcome("host2", "lost"));
  client.event(finished);
  expect(await terminal.child.exited).toBe(1);
  await terminal.until((rows) => rows.length > 0);
  expect(terminal.raw()).toBe("error: receive time out: 10.0.0.2(host2)\r\n");
});

test.each([
  { args: ["--no-progress"], env: {} },
  { args: [], env: { TERM: "dumb" } },
])("no progress on a terminal: $args $env", async ({ args, env }) => {
  const { daemon, target, asked } = openStage();
  const terminal = openTerminal(["-c", target, "-r", ...args], env);
  (await asked).event(finished);
  expect(await terminal.child.exited).toBe(0);
  expect([pushOf(daemon).progress, terminal.raw()]).toEqual([false, ""]);
});

test.each([
  { term: undefined, asksForIt: false },
  { term: "xterm", asksForIt: true },
])("into pipes and files go the lines of the reference, byte by byte: TERM $term", async (given) => {
  const { daemon, target, asked } = openStage();
  const child = Bun.spawn([...MSYNC, "-c", target, "-r", "-v"], {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, TERM: given.term },
  });
  const client = await asked;
  client.event(progress(10, { host2: "live" }));
  // It has time enough to find out that there is no terminal.
  await Bun.sleep(400);
  client.event(progress(20, { host2: "live" }));
  client.event({ event: "files", id, host: "host2", action: "update", paths: ["a", { base64: "/w==" }] });
  client.event(outcome("host3", "lost"));
  client.event(finished);
  expect(Buffer.from(await child.stdout.bytes())).toEqual(
    Buffer.from("update host2:a\nupdate host2:\xff\n", "latin1"),
  );
  expect(await child.stderr.text()).toBe("error: receive time out: 10.0.0.2(host3)\n");
  expect([await child.exited, pushOf(daemon).progress]).toEqual([1, given.asksForIt]);
});

test("--progress draws wherever stderr goes, and keeps stdout clean", async () => {
  const { target, asked } = openStage();
  const child = Bun.spawn([...MSYNC, "-c", target, "-r", "-v", "--progress"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const client = await asked;
  client.event({ event: "started", id, hosts: ["host2"], readOnly: [] });
  const told = setInterval(() => client.event(progress(10, { host2: "live" })), 20);
  const screen = new Screen();
  let over = false;
  for await (const chunk of child.stderr) {
    screen.write(Buffer.from(chunk).toString().replaceAll("\n", "\r\n"));
    if (over || !screen.rows.some((row) => row.startsWith("sending"))) continue;
    over = true;
    clearInterval(told);
    client.event({ event: "files", id, host: "host2", action: "update", paths: ["a"] });
    client.event(outcome("host2", "complete"));
    client.event(finished);
  }
  expect(await child.stdout.text()).toBe("update host2:a\n");
  expect(screen.rows).toEqual(["1.00 GB in 2.0 s, 500 MB/s, 1 of 1 host"]);
});

test("paths are bytes from the command line on", async () => {
  const { daemon, target, asked } = openStage();
  // A path that is not UTF-8, and one that has the character which stands for such.
  const script = 'exec "$@" "$(printf "a\\377\\n\\303\\274")" "$(printf "\\357\\277\\275")"';
  const child = Bun.spawn(["sh", "-c", script, "sh", ...MSYNC, "-c", target], { stderr: "inherit" });
  (await asked).event(finished);
  expect(await child.exited).toBe(0);
  const bytes = Buffer.from("a\xff\n\xc3\xbc", "latin1");
  expect(pushOf(daemon).paths).toEqual([{ base64: bytes.toString("base64") }, "\ufffd"]);
});

test("a script comes from stdin line by line, as the answers come", async () => {
  const daemon = openJsonDaemon({ onLine: (line, client) => client.raw(`<${line}>\n`) });
  opened(daemon);
  const child = Bun.spawn([...MSYNC, "-c", `tcp:127.0.0.1:${daemon.port}`, "-f", "-"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const reader = child.stdout.getReader();
  const answer = async () => Buffer.from((await reader.read()).value ?? []).toString();
  for (const command of ["one", "two"]) {
    child.stdin.write(`${command}\n`);
    child.stdin.flush();
    expect(await answer()).toBe(`<${command}>\n`);
  }
  child.stdin.write("three");
  child.stdin.end();
  expect(await answer()).toBe("<three>\n");
  expect(await child.exited).toBe(0);
});

test("output that cannot be written is a failure that says so; a reader that is gone is told nothing", async () => {
  const daemon = openJsonDaemon({ onLine: (line, client) => client.raw(`<${line}>\n`) });
  opened(daemon);
  const run = async (script: string) => {
    const command = [...MSYNC, "-c", `tcp:127.0.0.1:${daemon.port}`, "-f", "-"];
    const child = Bun.spawn(["bash", "-c", `trap '' PIPE; ${script}`, "bash", ...command], {
      stderr: "pipe",
    });
    return await child.stderr.text();
  };
  expect(await run('echo one | "$@" > /dev/full; echo $? >&2')).toBe(
    "error: cannot write the output: ENOSPC: no space left on device, write\n1\n",
  );
  // Starts when its reader has gone.
  const untilGone = "while echo; do :; done 2>/dev/null";
  expect(await run(`{ ${untilGone}; echo one | "$@"; echo $? >&2; } | :`)).toBe("1\n");
});

test("a signal ends it at once while it waits for a file that its command line names", async () => {
  const folder = mkdtempSync(join(tmpdir(), "makuosan-test-"));
  later(() => rmSync(folder, { recursive: true }));
  const fifo = join(folder, "patterns");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const child = Bun.spawn([...MSYNC, "-r", "--exclude-from", fifo]);
  later(() => child.kill("SIGKILL"));
  // Returns when the other side has opened it.
  const writer = openSync(fifo, "w");
  later(() => closeSync(writer));
  child.kill("SIGINT");
  await child.exited;
  expect(child.signalCode).toBe("SIGINT");
});

test("--version, --help and the lack of arguments", async () => {
  const run = async (...args: string[]) => {
    const child = Bun.spawn([...MSYNC, ...args], { stdout: "pipe", stderr: "pipe" });
    return {
      stdout: await child.stdout.text(),
      stderr: await child.stderr.text(),
      status: await child.exited,
    };
  };
  expect(await run("-V")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^msync \d+\.\d+\.\d+\n$/),
  });
  expect(await run("-h")).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringMatching(/^Usage: msync/),
  });
  expect(await run()).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(/^Usage: msync/),
  });
});
