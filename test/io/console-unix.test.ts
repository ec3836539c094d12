import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { openConsoleSession } from "../../src/cli/console-session.ts";
import { listenUnixConsole } from "../../src/io/console.ts";
import { CONSOLES_MAX } from "../../src/io/console-pool.ts";
import { type Fixture, openFixture } from "./console-fixture.ts";

const folder = mkdtempSync(`${tmpdir()}/makuosan-unix-`);
afterAll(() => rmSync(folder, { recursive: true }));

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

let count = 0;
const freshPath = () => `${folder}/console-${++count}`;

async function listen(path: string, owner?: { uid: number; gid: number }, fixture: Fixture = openFixture()) {
  open.push(fixture);
  const { daemon, pool } = fixture;
  const server = await listenUnixConsole({
    path,
    owner,
    open: (output) => openConsoleSession(daemon, output),
    log: () => {},
    pool,
  });
  open.push({ close: () => server.stop() });
  return server;
}

/** Sends text, and resolves to all that came when the other side has closed. */
function talk(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect({ path });
    socket.on("connect", () => socket.write(text));
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

/** A socket at which nobody listens any more, as a daemon that was killed leaves it. */
async function leaveStale(path: string): Promise<void> {
  const program = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  await Bun.spawn([process.execPath, "-e", program, path]).exited;
  expect(lstatSync(path).isSocket()).toBe(true);
}

test("it speaks the same protocol, for the owner and its group alone, and leaves nothing behind", async () => {
  const path = freshPath();
  const before = process.umask();
  const server = await listen(path);
  expect(process.umask()).toBe(before);
  expect(lstatSync(path).mode & 0o7777).toBe(0o660);
  expect(await talk(path, "members\nquit\n")).toBe("> Total: 0 members\n> ");
  server.stop();
  expect(existsSync(path)).toBe(false);
});

test.if(process.geteuid?.() === 0)("it belongs to whom the daemon becomes", async () => {
  const path = freshPath();
  await listen(path, { uid: 33, gid: 34 });
  const { uid, gid, mode } = lstatSync(path);
  expect([uid, gid, mode & 0o7777]).toEqual([33, 34, 0o660]);
});

test("the socket of a daemon that was killed is replaced", async () => {
  const path = freshPath();
  await leaveStale(path);
  await listen(path);
  expect(await talk(path, "echo 1\nquit\n")).toBe("> 1\n> ");
});

test("where another daemon answers, it is refused, and that one stays", async () => {
  const path = freshPath();
  await listen(path);
  await expect(listen(path)).rejects.toThrow(`console at ${path}: another daemon answers there`);
  expect(await talk(path, "echo 1\nquit\n")).toBe("> 1\n> ");
});

test("one that listens, but accepts nobody at the moment, is alive", async () => {
  const path = freshPath();
  const program = `require("node:net").createServer().listen({ path: process.argv[1], backlog: 1 }, () => console.log("up"))`;
  const busy = Bun.spawn([process.execPath, "-e", program, path], { stdout: "pipe" });
  open.push({ close: () => busy.kill("SIGKILL") });
  await busy.stdout.getReader().read();
  busy.kill("SIGSTOP");
  const waiting = Array.from({ length: 4 }, () => connect({ path }).on("error", () => {}));
  await expect(listen(path)).rejects.toThrow("another daemon answers there");
  for (const socket of waiting) socket.destroy();
});

test("what is no socket is left alone", async () => {
  const path = freshPath();
  writeFileSync(path, "precious");
  await expect(listen(path)).rejects.toThrow(`console at ${path}: there is something else with that name`);
  const link = freshPath();
  symlinkSync(path, link);
  await expect(listen(link)).rejects.toThrow("there is something else with that name");
  expect(lstatSync(path).size).toBe(8);
});

test("a path that cannot be is said in one line", async () => {
  await expect(listen(`${folder}/none/x`)).rejects.toThrow(
    `console at ${folder}/none/x: No such file or directory`,
  );
  const long = `${folder}/${"x".repeat(107 - folder.length)}`;
  await expect(listen(long)).rejects.toThrow(`console at ${long}: the path has more than 107 bytes`);
  await listen(long.slice(0, 107));
  expect(await talk(long.slice(0, 107), "quit\n")).toBe("> ");
  await expect(listen(`${folder}/\xff`)).rejects.toThrow("the path of the console's socket is not UTF-8");
});

test("a name in UTF-8 is one", async () => {
  const name = `${freshPath()}-\u00f6`;
  await listen(Buffer.from(name).toString("latin1"));
  expect(await talk(name, "quit\n")).toBe("> ");
  unlinkSync(name);
});

test("consoles of both sockets count together", async () => {
  const path = freshPath();
  const fixture = openFixture();
  await listen(path, undefined, fixture);
  const sockets = await Promise.all(
    Array.from({ length: CONSOLES_MAX }, async () => {
      const socket = connect({ host: "127.0.0.1", port: fixture.port });
      await new Promise((resolve) => socket.once("data", resolve));
      return socket;
    }),
  );
  expect(await talk(path, "")).toBe(`error: there are ${CONSOLES_MAX} consoles already\n`);
  for (const socket of sockets) socket.destroy();
});
