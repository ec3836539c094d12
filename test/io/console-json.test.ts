import { afterEach, beforeEach, expect, test } from "bun:test";
import type { JsonPush } from "../../src/cli/json-protocol.ts";
import { version } from "../../src/cli/version.ts";
import { type Fixture, keyOf, openFixture } from "./console-fixture.ts";
import { openJsonClient } from "./json-client.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture({ resolveGroup: (group) => (group === "web" ? 33 : undefined) });
});
afterEach(() => fixture.close());

const address = { ip: 0x0a000002, port: 9 };
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const push = (id: number, rest: Partial<JsonPush> = {}): JsonPush => ({
  request: "push",
  id,
  paths: [],
  recursive: true,
  ...rest,
});

test("hello says who speaks, and questions are answered beside each other", async () => {
  const client = await openJsonClient(fixture.port);
  expect(client.hello).toEqual({
    event: "hello",
    protocol: 1,
    version,
    name: "here",
    group: "224.0.0.108:5000",
  });
  client.send({ request: "members", id: 7 }, { request: "status", id: 8 });
  // The status is known at once, the members take a moment.
  expect(await client.next()).toMatchObject({
    event: "status",
    id: 8,
    status: { process: 1, base: "/b", chroot: false, receiveBuffer: 1, rate: 0, counters: {} },
  });
  expect(await client.next()).toEqual({ event: "members", id: 7, members: [] });
});

test("what a request asks of the engine", async () => {
  const client = await openJsonClient(fixture.port, "exclude add *.tmp\n");
  client.send(
    push(3, {
      paths: ["d/\u00f6", { base64: Buffer.from("\xff", "latin1").toString("base64") }],
      removes: "extra",
      removesMax: 9,
      hosts: ["host2", "host2", "host3"],
      excludes: ["*.tmp", "*.swp"],
      group: "web",
      files: true,
      progress: true,
    }),
  );
  const order = await fixture.taken("push");
  expect(order).toMatchObject({
    dryRun: false,
    hosts: ["host2", "host3"],
    names: true,
    progress: true,
    selection: { recursive: true },
    task: { mode: "send", removes: "extra", removesMax: 9, gid: 33 },
  });
  expect(order.selection.paths.map(latin1)).toEqual(["d/\xc3\xb6", "\xff"]);
  expect(order.task.excludes.map(latin1)).toEqual(["*.tmp", "*.swp"]);
});

test("what the engine and the source tell, with every event in its form", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(3, { removes: "extra", files: true }));
  const { request } = await fixture.taken("push");
  const key = keyOf(request);
  fixture.event({ kind: "started", request, key, hosts: ["host2", "host3"], readOnly: ["host4"] });
  expect(await client.next()).toEqual({
    event: "started",
    id: 3,
    hosts: ["host2", "host3"],
    readOnly: ["host4"],
  });
  fixture.event({ kind: "removals", request, host: "host2", paths: [bytes("old"), bytes("\xfe")] });
  fixture.event({ kind: "need", request, host: "host2", updates: 1, removals: 2 });
  fixture.engine.onLines(key, [
    { kind: "names", host: "host2", updated: ["a\n"], skipped: ["b"] },
    { kind: "names", host: "host4", updated: [], skipped: ["a\n", "b"] },
    { kind: "names", host: "host3", updated: [], skipped: ["a\n", "b"] },
    { kind: "problem", path: "s", text: "skip: unix domain socket" },
    { kind: "failure", host: "host3", path: "b", text: "cannot write: No space left on device" },
    { kind: "failure", host: "host3", path: undefined, text: "cannot flush" },
  ]);
  const files = (host: string, action: string, ...paths: unknown[]) => ({
    event: "files",
    id: 3,
    host,
    action,
    paths,
  });
  for (const event of [
    files("host2", "remove", "old", { base64: "/g==" }),
    { event: "need", id: 3, host: "host2", updates: 1, removals: 2 },
    files("host2", "update", "a\n"),
    files("host2", "skip", "b"),
    files("host4", "readOnly", "a\n", "b"),
    files("host3", "skip", "a\n", "b"),
    { event: "problem", id: 3, severity: "notice", text: "unix domain socket", path: "s" },
    {
      event: "failure",
      id: 3,
      host: "host3",
      text: "cannot write: No space left on device",
      path: "b",
    },
    { event: "failure", id: 3, host: "host3", text: "cannot flush" },
  ])
    expect(await client.next()).toEqual(event as never);
});

test("how far a push is, and how it ends", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(3, { progress: true }));
  const { request } = await fixture.taken("push");
  const key = keyOf(request);
  fixture.event({ kind: "started", request, key, hosts: ["host2", "host3"], readOnly: [] });
  await client.next();
  fixture.event({
    kind: "progress",
    request,
    phase: "content",
    sentBytes: 10,
    contentBytes: 20,
    hosts: [{ host: "host2", state: "live", doneBytes: 0 }],
  });
  const progress = await client.next();
  expect(progress).toMatchObject({ phase: "content", sentBytes: 10, contentBytes: 20 });
  expect(progress).toMatchObject({ hosts: [{ host: "host2", state: "live", bytesPerSecond: 0 }] });
  const outcome = { kind: "complete", updates: 1 } as const;
  fixture.event({ kind: "outcome", request, host: "host2", address, outcome });
  fixture.event({
    kind: "outcome",
    request,
    host: "host3",
    address,
    outcome: { kind: "failed", text: "full" },
  });
  fixture.event({ kind: "finished", request });
  fixture.engine.onSourceClosed(key);
  const ended = { id: 3, address: "10.0.0.2" };
  expect(await client.next()).toEqual({
    event: "outcome",
    ...ended,
    host: "host2",
    outcome: "complete",
    updates: 1,
  });
  expect(await client.next()).toEqual({
    event: "outcome",
    ...ended,
    host: "host3",
    outcome: "failed",
    text: "full",
  });
  expect(await client.next()).toMatchObject({ event: "finished", id: 3, ok: false });
});

/** Plays a push of one host to its end. */
function finish(request: number, outcome: { updates: number } | "lost" | string, problem?: string): void {
  const key = keyOf(request);
  if (typeof outcome === "string" && outcome !== "lost") {
    fixture.event({ kind: "rejected", request, text: outcome });
    return;
  }
  fixture.event({ kind: "started", request, key, hosts: ["h"], readOnly: [] });
  if (problem !== undefined) fixture.engine.onLines(key, [{ kind: "problem", path: "p", text: problem }]);
  const word =
    typeof outcome === "string"
      ? ({ kind: "lost", text: "gone" } as const)
      : ({ kind: "complete", ...outcome } as const);
  fixture.event({ kind: "outcome", request, host: "h", address, outcome: word });
  fixture.event({ kind: "finished", request });
  fixture.engine.onSourceClosed(key);
}

const endings: [
  what: string,
  order: Partial<JsonPush>,
  ok: boolean,
  end: Parameters<typeof finish>[1],
  problem: string | undefined,
][] = [
  ["all is well", {}, true, { updates: 5 }, undefined],
  ["a dry run that would change much", { dryRun: true }, true, { updates: 5 }, undefined],
  ["a check that finds nothing", { mode: "check" }, true, { updates: 0 }, undefined],
  ["a check that finds a difference", { mode: "check" }, false, { updates: 1 }, undefined],
  ["a host that is lost", {}, false, "lost", undefined],
  ["it does not take place", {}, false, "no other makuosan is alive", undefined],
  ["a file that cannot be read", {}, false, { updates: 1 }, "error: cannot read (Permission denied):"],
  ["a socket, which is no file", {}, true, { updates: 1 }, "skip: unix domain socket"],
];

test.each(endings)("whether all is ok: %s", async (_, order, ok, end, problem) => {
  const client = await openJsonClient(fixture.port);
  client.send(push(1, order));
  finish((await fixture.taken("push")).request, end, problem);
  let event = await client.next();
  while (event.event !== "finished") event = await client.next();
  expect(event.ok).toBe(ok);
  expect(event.rejected).toBe(typeof end === "string" && end !== "lost" ? end : undefined);
});

test("what is different, and what is the same, of a check", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(1, { mode: "check", files: true }));
  const { request, task, names } = await fixture.taken("push");
  expect([task.mode, task.removes, names]).toEqual(["check", "nothing", true]);
  fixture.event({ kind: "started", request, key: keyOf(1), hosts: ["h"], readOnly: [] });
  fixture.engine.onLines(keyOf(1), [{ kind: "names", host: "h", updated: ["a"], skipped: ["b"] }]);
  await client.next();
  expect(await client.next()).toEqual({ event: "files", id: 1, host: "h", action: "differ", paths: ["a"] });
  expect(await client.next()).toEqual({ event: "files", id: 1, host: "h", action: "same", paths: ["b"] });
});

test("files come in lines that a client can hold", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(1, { files: true }));
  const { request } = await fixture.taken("push");
  fixture.event({ kind: "started", request, key: keyOf(1), hosts: ["h"], readOnly: [] });
  await client.next();
  const updated = Array.from({ length: 4096 }, (_, i) => `${"x".repeat(4000)}${i}`);
  fixture.engine.onLines(keyOf(1), [{ kind: "names", host: "h", updated, skipped: [] }]);
  const paths: unknown[] = [];
  while (paths.length < updated.length) {
    const event = await client.next();
    if (event.event !== "files") throw new Error(`${event.event} came`);
    expect(JSON.stringify(event).length).toBeLessThan(40_000);
    paths.push(...event.paths);
  }
  expect(paths).toEqual(updated);
});

test("pushes run side by side, and each can be cancelled by itself", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(1), push(2, { paths: ["b"], recursive: false }), push(3));
  const first = await fixture.taken("push");
  const second = await fixture.taken("push");
  await fixture.taken("push");
  expect(second.selection.paths.map(latin1)).toEqual(["b"]);
  client.send({ request: "cancel", id: 2 }, { request: "cancel", id: 99 });
  expect(await fixture.taken("cancel")).toEqual({ kind: "cancel", request: second.request });
  fixture.event({ kind: "rejected", request: second.request, text: "cancelled" });
  expect(await client.next()).toMatchObject({ event: "finished", id: 2, ok: false, rejected: "cancelled" });
  finish(first.request, { updates: 0 });
  expect(await client.next()).toMatchObject({ event: "started", id: 1 });
  // The number is free again.
  client.send(push(2));
  expect((await fixture.taken("push")).request).toBeGreaterThan(first.request);
});

test("quit closes when all that runs has ended; nothing more is taken", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(1), { request: "quit" }, push(2), { request: "members", id: 4 });
  const { request } = await fixture.taken("push");
  await Bun.sleep(30);
  finish(request, { updates: 0 });
  const events = await client.rest();
  expect(events.map((event) => event.event)).toEqual(["started", "outcome", "finished"]);
  expect(fixture.commands.filter((command) => command.kind === "push")).toEqual([]);
});

test("a client that disappears cancels its pushes, all of them", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(1), push(2));
  await fixture.taken("push");
  await fixture.taken("push");
  client.socket.destroy();
  await fixture.taken("cancel");
  await fixture.taken("cancel");
});

test("one that only sends no more gets what it has asked for, but no push", async () => {
  const client = await openJsonClient(fixture.port);
  client.send(push(1), { request: "members", id: 2 });
  const { request } = await fixture.taken("push");
  client.socket.end();
  expect(await fixture.taken("cancel")).toEqual({ kind: "cancel", request });
  fixture.event({ kind: "rejected", request, text: "cancelled" });
  const events = await client.rest();
  expect(events.map((event) => event.event).sort()).toEqual(["finished", "members"]);
});
