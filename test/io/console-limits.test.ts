import { afterEach, beforeEach, expect, test } from "bun:test";
import { CONSOLES_MAX, HELD_BYTES_MAX } from "../../src/io/console-pool.ts";
import { type Fixture, keyOf, openClient, openFixture } from "./console-fixture.ts";

/** What clients can do to the daemon's memory, and to each other. */

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture();
});
afterEach(() => fixture.close());

const mib = 1 << 20;

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600 && !what(); tries++) await Bun.sleep(5);
  expect(what()).toBe(true);
}

/** Begins a push at level 1 and returns its number; its lines are those of `tell`. */
async function startPush(client: Awaited<ReturnType<typeof openClient>>): Promise<number> {
  client.send("loglevel 1\nsend -r\n");
  await client.expect("> > ");
  const { request } = await fixture.taken("push");
  fixture.event({ kind: "started", request, key: keyOf(request), hosts: ["h"], readOnly: [] });
  return request;
}

/** About a MiB of lines. */
function tell(request: number): void {
  const updated = Array(1024).fill("x".repeat(1000));
  fixture.engine.onLines(keyOf(request), [{ kind: "names", host: "h", updated, skipped: [] }]);
}

test("a line may have 4 MiB; a longer one is an error, and the connection lives", async () => {
  const client = await openClient(fixture.port);
  const most = 4 * mib;
  client.send(`echo ${"z".repeat(most - 5)}\n`);
  await client.expect(`> ${"z".repeat(most - 5)}\n> `);
  client.send(`echo ${"z".repeat(most - 4)}\necho 1\n`);
  await client.expect(`error: the line has more than ${most} bytes\n> 1\n> `);
  // What belongs to it and comes later is skipped, and not understood as a command.
  client.send("y".repeat(most + 1));
  await client.expect(`error: the line has more than ${most} bytes\n> `);
  for (let i = 0; i < 20; i++) client.send("y".repeat(mib));
  client.send("\necho 2\n");
  await client.expect("2\n> ");
  expect(fixture.pool.heldBytes).toBe(0);
  expect(fixture.logged).toEqual([]);
});

test("a reader that does not read is dropped, and its send with it, when all hold too much", async () => {
  const stuck = await openClient(fixture.port);
  const request = await startPush(stuck);
  stuck.socket.pause();
  let most = 0;
  for (let i = 0; i < 100 && fixture.logged.length === 0; i++) {
    tell(request);
    await Bun.sleep(0);
    most = Math.max(most, fixture.pool.heldBytes);
  }
  expect(await fixture.taken("cancel")).toEqual({ kind: "cancel", request });
  expect(fixture.logged.join()).toContain("does not read");
  expect(most).toBeGreaterThan(32 * mib);
  expect(most).toBeLessThanOrEqual(HELD_BYTES_MAX);
  expect(fixture.pool.heldBytes).toBe(0);
  stuck.socket.destroy();
});

test("of those that hold much the one goes that reads nothing, not the one that is only slower than its lines", async () => {
  const stuck = await openClient(fixture.port);
  const slow = await openClient(fixture.port);
  const other = await openClient(fixture.port);
  const stuckPush = await startPush(stuck);
  const slowPush = await startPush(slow);
  stuck.socket.pause();
  for (let i = 0; i < 20; i++) tell(stuckPush);
  await Bun.sleep(20);
  // All in one turn, before the client has had the chance to read any of it.
  for (let i = 0; i < 60; i++) tell(slowPush);
  expect(await fixture.taken("cancel")).toEqual({ kind: "cancel", request: stuckPush });
  other.send("echo 1\n");
  await other.expect("> 1\n> ");
  fixture.event({ kind: "finished", request: slowPush });
  fixture.engine.onSourceClosed(keyOf(slowPush));
  await slow.expect(`${`update h:${"x".repeat(1000)}\n`.repeat(60 * 1024)}> `);
  expect(fixture.logged).toHaveLength(1);
});

test("commands wait outside while one runs, and are all done in the end", async () => {
  const client = await openClient(fixture.port);
  const request = await startPush(client);
  const count = 24;
  const line = `echo ${"w".repeat(mib)}\n`;
  for (let i = 0; i < count; i++) client.send(line);
  client.send("quit\n");
  await Bun.sleep(200);
  expect(fixture.pool.heldBytes).toBeGreaterThan(8 * mib);
  expect(fixture.pool.heldBytes).toBeLessThan(10 * mib);
  fixture.event({ kind: "finished", request });
  fixture.engine.onSourceClosed(keyOf(request));
  await client.expect(`> ${`${"w".repeat(mib)}\n> `.repeat(count)}`);
  expect(await client.rest()).toBe("");
  expect(fixture.logged).toEqual([]);
});

test("long pushes of all consoles have their bound; short ones still run", async () => {
  const clients = await Promise.all(Array.from({ length: 17 }, () => openClient(fixture.port)));
  const line = `send ${"p".repeat(4 * mib - 5)}\n`;
  for (const client of clients.slice(0, 16)) {
    client.send(line);
    await client.expect("> ");
    await fixture.taken("push");
  }
  const [first, last] = [clients[0], clients[16]];
  last?.send(`${line}send short\n`);
  await last?.expect("> error: the commands that are running are too long already, try again later\n> ");
  const short = await fixture.taken("push");
  fixture.event({ kind: "rejected", request: short.request, text: "no" });
  fixture.event({ kind: "rejected", request: 1, text: "no" });
  await first?.expect("error: no\n> ");
  last?.send(line);
  await last?.expect("error: no\n> ");
  expect((await fixture.taken("push")).selection.paths[0]?.length).toBe(4 * mib - 5);
  for (const client of clients) client.socket.destroy();
});

test("whoever asks much and reads nothing waits; everybody else is answered", async () => {
  const greedy = await openClient(fixture.port);
  greedy.socket.pause();
  const modest = await openClient(fixture.port);
  await modest.expect("> ");
  // Sixty thousand helps are 150 MB.
  const asked = 60_000;
  for (let i = 0; i < asked; i += 1_000) greedy.send("help\n".repeat(1_000));
  for (let i = 0; i < 50; i++) {
    modest.send("members\n");
    await modest.expect("Total: 0 members\n> ");
  }
  expect(fixture.pool.heldBytes).toBeLessThan(4 * mib);
  expect(fixture.logged).toEqual([]);
  greedy.socket.destroy();
  await until(() => fixture.pool.heldBytes === 0);
});

test("250 consoles at once, each with a push, a level and excludes of its own", async () => {
  const clients = await Promise.all(Array.from({ length: 250 }, () => openClient(fixture.port)));
  for (const [i, client] of clients.entries())
    client.send(`loglevel ${i % 10}\nexclude add p${i}\nmembers\nexclude list\nsend f${i}\nloglevel\n`);
  for (const [i, client] of clients.entries()) await client.expect(`> > > Total: 0 members\n> p${i}\n> `);
  for (const _ of clients) {
    const { request, selection, task } = await fixture.taken("push");
    const [path = new Uint8Array()] = selection.paths;
    const [pattern = new Uint8Array()] = task.excludes;
    expect(Buffer.from(path).toString().slice(1)).toBe(Buffer.from(pattern).toString().slice(1));
    fixture.event({ kind: "rejected", request, text: Buffer.from(path).toString() });
  }
  for (const [i, client] of clients.entries()) {
    await client.expect(`error: f${i}\n> loglevel: ${i % 10}\n> `);
    client.socket.destroy();
  }
  await until(() => !fixture.pool.full);
});

test("one console too many is told so, and gets in when another has gone", async () => {
  const clients = await Promise.all(Array.from({ length: CONSOLES_MAX }, () => openClient(fixture.port)));
  for (const client of clients) await client.expect("> ");
  const late = await openClient(fixture.port);
  late.send("members\n");
  expect(await late.rest()).toBe(`error: there are ${CONSOLES_MAX} consoles already\n`);
  clients[0]?.socket.destroy();
  await until(() => !fixture.pool.full);
  const next = await openClient(fixture.port);
  next.send("echo 1\n");
  await next.expect("> 1\n> ");
  for (const client of clients) client.socket.destroy();
});
