import { afterEach, beforeEach, expect, test } from "bun:test";
import { connect } from "node:net";
import { CONSOLE_HELP } from "../../src/cli/console-help.ts";
import { openConsoleSession } from "../../src/cli/console-session.ts";
import { listenConsole } from "../../src/io/console.ts";
import { type Fixture, keyOf, openClient, openFixture } from "./console-fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture();
});
afterEach(() => fixture.close());

const address = { ip: 0x0a000002, port: 9 };

test("the prompt comes first and after each command, and the plain commands answer", async () => {
  const client = await openClient(fixture.port);
  await client.expect("> ");
  client.send("\n");
  await client.expect("> ");
  client.send("echo a\\ b  c\r\n");
  await client.expect("a b c\n> ");
  client.send("help\n");
  await client.expect(`${CONSOLE_HELP.join("\n")}\n> `);
  client.send("loglevel 2\nloglevel\n");
  await client.expect("> loglevel: 2\n> ");
  client.send("nonsense x\n");
  await client.expect("mexec: command error 'nonsense'\n> ");
  client.send("members\n");
  await client.expect("Total: 0 members\n> ");
  client.send("status\n");
  await client.expect(
    "process : 1\nversion : 0\nbasedir : /b/\nmfalloc : 0\nrecvsize: 1\nsendsize: 2\ncommand : 1\n  status\nsend op : 0\nrecv op : 0\n> ",
  );
  client.send("quit\n");
  expect(await client.rest()).toBe("");
});

test("a line may come in pieces, and several at once run in order", async () => {
  const client = await openClient(fixture.port);
  await client.expect("> ");
  client.send("ec");
  await Bun.sleep(20);
  client.send("ho 1\nmembers\necho 2\nme");
  await client.expect("1\n> Total: 0 members\n> 2\n> ");
  client.send("mbers\nbye\necho never\n");
  await client.expect("Total: 0 members\n> ");
  expect(await client.rest()).toBe("");
});

test("a send runs to its end before the next command, with its lines by level", async () => {
  const client = await openClient(fixture.port);
  client.send("loglevel 1\nsend -r -x a%20b %FF\necho done\n");
  await client.expect("> > ");
  const push = await fixture.taken("push");
  expect(push).toMatchObject({ dryRun: false, hosts: undefined, names: true });
  expect(push.selection.recursive).toBe(true);
  expect(push.selection.paths.map((path) => Buffer.from(path).toString("latin1"))).toEqual(["a b", "\xff"]);
  const { request } = push;
  // A line may overtake the event that says whose it is.
  fixture.engine.onLines(keyOf(1), [{ kind: "names", host: "host2", updated: ["a b/\xfe"], skipped: [] }]);
  fixture.event({ kind: "started", request, key: keyOf(1), hosts: ["host2", "host3"], readOnly: [] });
  await client.expect("update host2:a b/\xfe\n");
  fixture.event({
    kind: "outcome",
    request,
    host: "host3",
    address,
    outcome: { kind: "lost", text: "gone" },
  });
  await client.expect("error: receive time out: 10.0.0.2(host3)\n");
  fixture.event({ kind: "finished", request });
  await Bun.sleep(30);
  expect(client.pending()).toBe("");
  fixture.engine.onLines(keyOf(1), [{ kind: "names", host: "host2", updated: ["late"], skipped: [] }]);
  fixture.engine.onSourceClosed(keyOf(1));
  await client.expect("update host2:late\n> done\n> ");
});

test("a push that cannot begin is an error line", async () => {
  const client = await openClient(fixture.port);
  client.send("send -t host9 x\n");
  const { request, hosts } = await fixture.taken("push");
  expect(hosts).toEqual(["host9"]);
  fixture.event({ kind: "rejected", request, text: "host9 is not contained in members" });
  await client.expect("> host9 is not contained in members\n> ");
});

test("closing the console cancels its send and drops what waits behind it", async () => {
  const client = await openClient(fixture.port);
  client.send("send -r\nsend -r again\n");
  const { request } = await fixture.taken("push");
  client.socket.destroy();
  expect(await fixture.taken("cancel")).toEqual({ kind: "cancel", request });
  fixture.event({ kind: "rejected", request, text: "cancelled" });
  await Bun.sleep(30);
  expect(fixture.commands).toEqual([]);
});

test("a peer that sends no more has its questions answered, its sends cancelled", async () => {
  const client = await openClient(fixture.port);
  client.socket.end(Buffer.from("members\nsend -r\nmembers\n"));
  expect(await client.rest()).toBe("> Total: 0 members\n> Total: 0 members\n> ");
  expect(fixture.commands.some((command) => command.kind === "push")).toBe(false);
});

test("a peer that sends no more in the middle of a send cancels it", async () => {
  const client = await openClient(fixture.port);
  client.socket.end(Buffer.from("send -r\n"));
  const { request } = await fixture.taken("push");
  await fixture.taken("cancel");
  fixture.event({ kind: "rejected", request, text: "cancelled" });
  expect(await client.rest()).toBe("> error: cancelled\n> ");
});

test("eight consoles at once, each with its own level", async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => openClient(fixture.port)));
  for (const [i, client] of clients.entries()) client.send(`loglevel ${i}\n`);
  for (const client of clients) client.send("loglevel\n");
  for (const [i, client] of clients.entries()) await client.expect(`> > loglevel: ${i}\n> `);
  for (const client of clients) client.socket.destroy();
});

test("a slow reader gets every byte, in order", async () => {
  const client = await openClient(fixture.port);
  client.send("loglevel 1\nsend -r\n");
  const { request } = await fixture.taken("push");
  fixture.event({ kind: "started", request, key: keyOf(1), hosts: ["h"], readOnly: [] });
  client.socket.pause();
  const files = Array.from({ length: 20_000 }, (_, i) => `${"y".repeat(400)}${i}`);
  for (let at = 0; at < files.length; at += 1000) {
    fixture.engine.onLines(keyOf(1), [
      { kind: "names", host: "h", updated: files.slice(at, at + 1000), skipped: [] },
    ]);
  }
  fixture.event({ kind: "finished", request });
  fixture.engine.onSourceClosed(keyOf(1));
  await Bun.sleep(50);
  client.socket.resume();
  await client.expect(`> > ${files.map((file) => `update h:${file}\n`).join("")}> `);
});

test("the last words arrive, also when the client goes on talking and reads them late", async () => {
  const client = await openClient(fixture.port);
  client.socket.pause();
  client.send(`${"help\n".repeat(1_000)}quit\n`);
  await Bun.sleep(300);
  client.send("echo never\n".repeat(10_000));
  await Bun.sleep(100);
  client.socket.resume();
  await client.expect(`> ${`${CONSOLE_HELP.join("\n")}\n> `.repeat(1_000)}`);
  expect(await client.rest()).toBe("");
});

test("one that never closes its side is closed for good", async () => {
  const socket = connect({ host: "127.0.0.1", port: fixture.port, allowHalfOpen: true });
  let ended = false;
  let broken = false;
  socket.on("data", () => {});
  socket.on("end", () => {
    ended = true;
  });
  socket.on("error", () => {
    broken = true;
  });
  socket.write("quit\n");
  for (let tries = 0; tries < 100 && !broken; tries++) {
    await Bun.sleep(50);
    if (ended) socket.write("\n");
  }
  expect([ended, broken]).toEqual([true, true]);
});

test("the port of another listener is refused with its reason", () => {
  const again = () =>
    listenConsole({
      hostname: "127.0.0.1",
      port: fixture.port,
      open: (output) => openConsoleSession(fixture.daemon, output),
      log: () => {},
      pool: fixture.pool,
    });
  expect(again).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
});
