/** msync against the console of a daemon whose engine the test plays. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { unreachableText } from "../../src/cli/conversation.ts";
import { type Fixture, keyOf, openFixture } from "./console-fixture.ts";
import { startMsync as start } from "./msync-fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture();
});
afterEach(() => fixture.close());

const address = { ip: 0x0a000002, port: 9 };

describe("exit status", () => {
  test("0 when every host is complete", async () => {
    const run = start(fixture.port, "-v", "-r");
    const { request, names } = await fixture.taken("push");
    expect(names).toBe(true);
    fixture.event({ kind: "started", request, key: keyOf(1), hosts: ["host2"], readOnly: [] });
    fixture.engine.onLines(keyOf(1), [{ kind: "names", host: "host2", updated: ["a"], skipped: [] }]);
    fixture.event({
      kind: "outcome",
      request,
      host: "host2",
      address,
      outcome: { kind: "complete", updates: 1 },
    });
    fixture.engine.onSourceClosed(keyOf(1));
    fixture.event({ kind: "finished", request });
    expect(await run.status).toBe(0);
    expect([run.stdout, run.stderr]).toEqual([["update host2:a"], []]);
  });

  test("1 when one host is lost, which is named on stderr", async () => {
    const run = start(fixture.port, "-r");
    const { request } = await fixture.taken("push");
    fixture.event({ kind: "started", request, key: keyOf(1), hosts: ["host2", "host3"], readOnly: [] });
    fixture.event({
      kind: "outcome",
      request,
      host: "host2",
      address,
      outcome: { kind: "complete", updates: 1 },
    });
    fixture.event({ kind: "outcome", request, host: "host3", address, outcome: { kind: "lost", text: "x" } });
    fixture.engine.onSourceClosed(keyOf(1));
    fixture.event({ kind: "finished", request });
    expect(await run.status).toBe(1);
    expect([run.stdout, run.stderr]).toEqual([[], ["error: receive time out: 10.0.0.2(host3)"]]);
  });

  test("1 for an unknown host and for no members", async () => {
    const unknown = start(fixture.port, "-t", "host9", "x");
    const first = await fixture.taken("push");
    fixture.event({ kind: "rejected", request: first.request, text: "host9 is not contained in members" });
    expect(await unknown.status).toBe(1);
    expect(unknown.stdout).toEqual(["host9 is not contained in members"]);
    const alone = start(fixture.port, "-r");
    const second = await fixture.taken("push");
    fixture.event({
      kind: "rejected",
      request: second.request,
      text: "no other makuosan is alive on 224.0.0.108:5000",
    });
    expect(await alone.status).toBe(1);
    expect(alone.stderr).toEqual(["error: no other makuosan is alive on 224.0.0.108:5000"]);
  });
});

test("paths arrive as they are, whatever bytes they have", async () => {
  const paths = [
    "plain",
    "with blank",
    "-dash",
    "tab\there",
    "line\nend",
    "back\\slash",
    "back\\ blank",
    "\xff\xfe",
    "%41",
  ];
  const run = start(fixture.port, "-t", "a,b", "--", ...paths);
  const { request, selection, hosts } = await fixture.taken("push");
  expect(hosts).toEqual(["a", "b"]);
  expect(selection.paths.map((path) => Buffer.from(path).toString("latin1"))).toEqual(paths);
  fixture.event({ kind: "rejected", request, text: "x" });
  expect(await run.status).toBe(1);
});

test("members and status", async () => {
  const members = start(fixture.port, "--members");
  expect(await members.status).toBe(0);
  expect(members.stdout).toEqual(["Total: 0 members"]);
  const status = start(fixture.port, "--status");
  expect(await status.status).toBe(0);
  expect(status.stdout[0]).toBe("process : 1");
});

test("a lost connection ends it with 1", async () => {
  const run = start(fixture.port, "-r");
  await fixture.taken("push");
  fixture.close();
  expect(await run.status).toBe(1);
  expect(run.stderr).toEqual([`error: tcp:127.0.0.1:${fixture.port} closed the connection`]);
});

describe("no daemon", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  test("nobody listens", async () => {
    const { port } = fixture;
    fixture.close();
    const run = start(port, "-r");
    expect(await run.status).toBe(1);
    expect(run.stderr).toEqual([
      `error: no makuosan at tcp:127.0.0.1:${port} (ECONNREFUSED); see README, Troubleshooting`,
    ]);
  });

  test("someone else listens", async () => {
    server = createServer((socket) => socket.end("SSH-2.0-x\r\n"));
    const port = await new Promise<number>((resolve) => {
      server?.listen(0, "127.0.0.1", () => {
        const bound = server?.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
      });
    });
    const run = start(port, "-r");
    expect(await run.status).toBe(1);
    expect(run.stderr).toEqual([`error: tcp:127.0.0.1:${port} is no console of a makuosan`]);
  });
});

test.each([
  ["EACCES", "no right to connect to unix:/s (EACCES): it is for the daemon's user and group"],
  ["ECONNREFUSED", "no makuosan at unix:/s (ECONNREFUSED); see README, Troubleshooting"],
])("a console that cannot be reached: %s", (code, text) => {
  expect(unreachableText("unix:/s", code)).toBe(text);
});
