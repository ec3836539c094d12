/** msync and the machine's console: recorded events in, lines and exit status out. */
import { describe, expect, test } from "bun:test";
import type { JsonEvent } from "../../src/cli/json-protocol.ts";
import { closing } from "./closing.ts";
import { HELLO, openJsonDaemon, openReplay } from "./json-daemon.ts";
import { msync, startMsync } from "./msync-fixture.ts";

const { opened } = closing();

const id = 1;
const started: JsonEvent = { event: "started", id, hosts: ["host2", "host3"], readOnly: ["host4"] };
const complete = (host: string): JsonEvent => ({
  event: "outcome",
  id,
  host,
  address: "10.0.0.2",
  outcome: "complete",
  updates: 1,
});
const finished = (ok: boolean): JsonEvent => ({ event: "finished", id, ok, seconds: 0.5 });
const files = (
  host: string,
  action: Extract<JsonEvent, { event: "files" }>["action"],
  ...paths: string[]
): JsonEvent => ({ event: "files", id, host, action, paths });

const good: readonly JsonEvent[] = [
  started,
  files("host2", "update", "a", "d/b"),
  files("host2", "skip", "c"),
  files("host2", "remove", "old"),
  files("host4", "readOnly", "a"),
  complete("host2"),
  complete("host3"),
  finished(true),
];

describe("result lines", () => {
  const cases: { args: string[]; events?: readonly JsonEvent[]; lines: string[] }[] = [
    { args: ["-r"], lines: [] },
    { args: ["-r", "-v"], lines: ["update host2:a", "update host2:d/b", "delete host2:old"] },
    {
      args: ["-r", "-vvv"],
      lines: ["update host2:a", "update host2:d/b", "skip   host2:c", "delete host2:old", "skipro host4:a"],
    },
    { args: ["-rn"], lines: ["(dryrun) [update:a]", "(dryrun) [update:d/b]", "(dryrun) [delete:old]"] },
    {
      args: ["-rn", "-v"],
      lines: ["(dryrun) update host2:a", "(dryrun) update host2:d/b", "(dryrun) delete host2:old"],
    },
    { args: ["-r", "--delete"], lines: ["delete host2:old"] },
    {
      args: ["-rn", "--delete"],
      lines: ["(dryrun) [update:a]", "(dryrun) [update:d/b]", "(dryrun) delete host2:old"],
    },
    { args: ["--sync", "x", "-v"], lines: ["update host2:a", "update host2:d/b", "delete host2:old"] },
  ];
  test.each(cases)("$args", async ({ args, lines }) => {
    const daemon = opened(openReplay(good));
    expect(await msync(daemon.port, ...args)).toEqual({ status: 0, stdout: lines, stderr: [] });
  });

  test("a check: what differs is wrong", async () => {
    const same = [started, files("host2", "same", "a"), complete("host2"), finished(true)];
    const equal = opened(openReplay(same));
    expect(await msync(equal.port, "-r", "--check", "-v")).toEqual({
      status: 0,
      stdout: ["host2: OK a"],
      stderr: [],
    });
    const other = opened(openReplay([...same.slice(0, -1), files("host3", "differ", "b"), finished(true)]));
    expect(await msync(other.port, "-r", "--check")).toEqual({
      status: 1,
      stdout: ["host3: NG b"],
      stderr: [],
    });
  });

  test("names are bytes; one name is one line", async () => {
    const paths = ["a\nb", "ü", { base64: Buffer.from([0xff, 0x41]).toString("base64") }];
    const daemon = opened(
      openReplay([started, { event: "files", id, host: "höst", action: "update", paths }, finished(true)]),
    );
    expect((await msync(daemon.port, "-r", "-v")).stdout).toEqual([
      "update h\xc3\xb6st:a\\nb",
      "update h\xc3\xb6st:\xc3\xbc",
      "update h\xc3\xb6st:\xffA",
    ]);
  });

  test("events, members of events and kinds of files that are not known are ignored", async () => {
    const later = [
      { event: "weather", id, sun: true },
      { ...started, colour: "green" },
      { event: "files", id, host: "host2", action: "blessed", paths: ["x"] },
      { event: "finished", id: 77, ok: false, seconds: 1 },
      complete("host2"),
      finished(true),
    ] as unknown as JsonEvent[];
    const daemon = opened(openReplay(later));
    expect(await msync(daemon.port, "-r", "-vvv")).toEqual({ status: 0, stdout: [], stderr: [] });
  });
});

describe("failure", () => {
  const lost: JsonEvent = {
    event: "outcome",
    id,
    host: "host3",
    address: "10.0.0.3",
    outcome: "lost",
    text: "silent",
  };
  const full: JsonEvent = { ...lost, outcome: "failed", text: "cannot write" };
  const cases: { name: string; events: JsonEvent[]; stdout?: string[]; stderr: string[] }[] = [
    {
      name: "lost",
      events: [started, lost, finished(false)],
      stderr: ["error: receive time out: 10.0.0.3(host3)"],
    },
    {
      name: "lost, although the end says well",
      events: [started, lost, finished(true)],
      stderr: ["error: receive time out: 10.0.0.3(host3)"],
    },
    {
      name: "refused",
      events: [started, { ...lost, outcome: "refused", text: "no\nroom" }, finished(false)],
      stderr: ["error: no\\nroom: 10.0.0.3(host3)"],
    },
    {
      name: "failed, the name before the outcome",
      events: [
        started,
        { event: "failure", id, host: "host3", text: "cannot write: full", path: "d/a" },
        full,
        finished(false),
      ],
      stderr: ["error: cannot write: full host3:d/a"],
    },
    {
      name: "failed, no name",
      events: [started, full, finished(false)],
      stderr: ["error: cannot write: 10.0.0.3(host3)"],
    },
    {
      name: "a problem here",
      events: [
        started,
        { event: "problem", id, severity: "error", text: "cannot read:", path: "x" },
        complete("host2"),
        finished(true),
      ],
      stderr: ["error: cannot read: x"],
    },
    {
      name: "said without a reason",
      events: [started, finished(false)],
      stderr: ["error: the push did not succeed"],
    },
    {
      name: "rejected",
      events: [{ event: "finished", id, ok: false, seconds: 0, rejected: "nobody is alive" }],
      stderr: ["error: nobody is alive"],
    },
    {
      name: "an unknown host",
      events: [
        { event: "finished", id, ok: false, seconds: 0, rejected: "host9 is not contained in members" },
      ],
      stdout: ["host9 is not contained in members"],
      stderr: [],
    },
    {
      name: "a request refused",
      events: [{ event: "error", id, text: "this server can't send" }],
      stderr: ["error: this server can't send"],
    },
    { name: "a request not understood", events: [{ event: "error", text: "bad" }], stderr: ["error: bad"] },
  ];
  test.each(cases)("$name: 1", async ({ events, stdout, stderr }) => {
    const daemon = opened(openReplay(events));
    expect(await msync(daemon.port, "-r")).toEqual({ status: 1, stdout: stdout ?? [], stderr });
  });

  test("a notice is none", async () => {
    const notice: JsonEvent = {
      event: "problem",
      id,
      severity: "notice",
      text: "unix domain socket",
      path: "s",
    };
    const daemon = opened(openReplay([started, notice, complete("host2"), finished(true)]));
    expect(await msync(daemon.port, "-r", "-v")).toEqual({
      status: 0,
      stdout: ["skip: unix domain socket s"],
      stderr: [],
    });
  });
});

describe("--json", () => {
  test("prints every line as it came, with the same status", async () => {
    const odd = '{"event":"started","id":1, "hosts":["host2"],"readOnly":[] ,"x":"\\u00fc ü"}';
    const daemon = opened(
      openJsonDaemon({
        onRequest: (_, client) => {
          client.raw(`${odd}\n{"event":"later"}\n`);
          client.event({ event: "outcome", id, host: "host2", address: "1.2.3.4", outcome: "lost" });
          client.event(finished(false));
        },
      }),
    );
    const { status, stdout, stderr } = await msync(daemon.port, "-r", "--json");
    expect({ status, stderr }).toEqual({ status: 1, stderr: [] });
    expect(stdout.slice(0, 3)).toEqual([
      JSON.stringify(HELLO),
      Buffer.from(odd).toString("latin1"),
      '{"event":"later"}',
    ]);
    expect(stdout).toHaveLength(5);
    const fine = opened(openReplay(good));
    expect((await msync(fine.port, "-r", "--json")).status).toBe(0);
    const wrong = opened(openReplay([{ event: "error", id, text: "no" }]));
    expect(await msync(wrong.port, "-r", "--json")).toMatchObject({ status: 1, stderr: [] });
  });

  test("of members and status", async () => {
    const answer: JsonEvent = { event: "members", id, members: [] };
    const daemon = opened(openJsonDaemon({ onRequest: (_, client) => client.event(answer) }));
    expect(await msync(daemon.port, "--members", "--json")).toEqual({
      status: 0,
      stdout: [JSON.stringify(HELLO), JSON.stringify(answer)],
      stderr: [],
    });
    expect(daemon.requests).toEqual([{ request: "members", id }]);
  });
});

test("--complete-hosts: names, or nothing at all", async () => {
  const member = { address: "10.0.0.2", version: "2", noReceive: false, noSend: false };
  const daemon = opened(
    openJsonDaemon({
      onRequest: (_, client) =>
        client.event({
          event: "members",
          id,
          members: [
            { ...member, name: "a" },
            { ...member, name: "ü" },
          ],
        }),
    }),
  );
  expect(await msync(daemon.port, "--complete-hosts")).toEqual({
    status: 0,
    stdout: ["a", "\xc3\xbc"],
    stderr: [],
  });
  const locked = opened(openJsonDaemon({ password: "x" }));
  const other = opened(openJsonDaemon({ greeting: "SSH-2.0\r\n" }));
  daemon.close();
  for (const { port } of [locked, other, daemon])
    expect(await msync(port, "--complete-hosts")).toEqual({ status: 0, stdout: [], stderr: [] });
});

describe("somebody stops msync", () => {
  test("before it has begun", async () => {
    const daemon = opened(openJsonDaemon());
    const run = startMsync(daemon.port, "-r");
    run.stop("SIGTERM");
    expect(await run.status).toBe(143);
    expect([run.stdout, run.stderr]).toEqual([[], ["error: stopped by SIGTERM"]]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s: the connection closes, %d", async (signal, status) => {
    const asked = Promise.withResolvers<void>();
    const daemon = opened(openJsonDaemon({ onRequest: () => asked.resolve() }));
    const run = startMsync(daemon.port, "-r");
    await asked.promise;
    run.stop(signal);
    expect(await run.status).toBe(status);
    expect([run.stdout, run.stderr]).toEqual([[], [`error: stopped by ${signal}`]]);
    for (let tries = 0; tries < 400 && daemon.open() > 0; tries++) await Bun.sleep(5);
    expect(daemon.open()).toBe(0);
  });
});
