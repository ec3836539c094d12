import { afterEach, beforeEach, expect, test } from "bun:test";
import type { PushLine } from "../../src/io/push-lines.ts";
import { type Fixture, keyOf, openClient, openFixture, type PushCommand } from "./console-fixture.ts";

/** Conversations byte by byte, with an engine that the test plays. */

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture({ resolveGroup: (group) => (group === "web" ? 33 : undefined) });
});
afterEach(() => fixture.close());

const address = { ip: 0x0a000002, port: 9 };
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

type Course = {
  readonly lines?: readonly PushLine[];
  readonly removals?: Readonly<Record<string, readonly string[]>>;
  readonly readOnly?: readonly string[];
};

/** Plays a push's whole course at the engine's side. */
function play(request: number, { lines = [], removals = {}, readOnly = [] }: Course): void {
  const key = keyOf(request);
  fixture.event({ kind: "started", request, key, hosts: ["host2", "host3"], readOnly });
  for (const [host, names] of Object.entries(removals)) {
    fixture.event({ kind: "removals", request, host, paths: names.map(bytes) });
    fixture.event({ kind: "need", request, host, updates: 0, removals: names.length });
  }
  fixture.engine.onLines(key, lines);
  for (const host of ["host2", "host3"])
    fixture.event({ kind: "outcome", request, host, address, outcome: { kind: "complete", updates: 1 } });
  fixture.event({ kind: "finished", request });
  fixture.engine.onSourceClosed(key);
}

const names = (host: string, updated: string[], skipped: string[] = []): PushLine => ({
  kind: "names",
  host,
  updated,
  skipped,
});

const tasks: [line: string, command: object][] = [
  ["send -r", { dryRun: false, names: false, task: { mode: "send", removes: "nothing" } }],
  ["send -rn", { dryRun: true, names: true }],
  ["send -r -D -m 7", { task: { mode: "send", removes: "extra", removesMax: 7 } }],
  ["send -g web a", { task: { gid: 33, removes: "nothing" } }],
  ["sync a", { names: false, task: { mode: "send", removes: "missing" } }],
  ["dsync -r", { names: true, task: { mode: "prune", removes: "extra" } }],
  ["check -r", { names: true, task: { mode: "check", removes: "nothing" } }],
  ["md5 -t host2,host3 -r", { hosts: ["host2", "host3"], task: { mode: "check" } }],
];

test.each(tasks)("%s: what the engine is asked", async (line, command) => {
  const client = await openClient(fixture.port);
  client.send(`${line}\n`);
  const push = await fixture.taken("push");
  expect(push).toMatchObject(command);
  expect(push.progress).toBe(false);
  play(push.request, {});
  await client.expect("> > ");
});

/** Per verb and level, what comes back for the same course. */
const course: Course = {
  lines: [
    names("host2", ["a", "d/b"], ["c"]),
    names("host4", [], ["a", "c", "d/b"]),
    names("host3", ["a"], ["c", "d/b"]),
  ],
  removals: { host2: ["old", "x\ny"], host3: ["old"] },
  readOnly: ["host4"],
};
const update = "update host2:a\nupdate host2:d/b\n";
const gone = "delete host2:old\ndelete host2:x\\ny\ndelete host3:old\n";
const dryGone = "(dryrun) delete host2:old\n(dryrun) delete host2:x\\ny\n(dryrun) delete host3:old\n";
const conversations: [line: string, level: number, answer: string][] = [
  ["sync -r", 0, ""],
  ["sync -r", 1, `${gone}${update}update host3:a\n`],
  ["sync -r", 2, `${gone}${update}skip   host2:c\nupdate host3:a\nskip   host3:c\nskip   host3:d/b\n`],
  [
    "sync -r",
    3,
    `${gone}${update}skip   host2:c\nskipro host4:a\nskipro host4:c\nskipro host4:d/b\nupdate host3:a\nskip   host3:c\nskip   host3:d/b\n`,
  ],
  [
    "sync -rn",
    0,
    "(dryrun) [delete:old]\n(dryrun) [delete:x\\ny]\n(dryrun) [update:a]\n(dryrun) [update:d/b]\n",
  ],
  ["sync -rn", 1, `${dryGone}(dryrun) update host2:a\n(dryrun) update host2:d/b\n(dryrun) update host3:a\n`],
  ["dsync -r", 0, gone],
  ["dsync -r", 3, gone],
  ["dsync -rn", 0, dryGone],
  ["check -r", 0, "host2: NG a\nhost2: NG d/b\nhost3: NG a\n"],
  ["md5 -r", 1, "host2: NG a\nhost2: NG d/b\nhost2: OK c\nhost3: NG a\nhost3: OK c\nhost3: OK d/b\n"],
];

test.each(conversations)("%s at level %d: its lines", async (line, level, answer) => {
  const client = await openClient(fixture.port);
  client.send(`loglevel ${level}\n${line}\necho over\n`);
  await client.expect("> > ");
  const { request } = await fixture.taken("push");
  play(request, line.startsWith("check") || line.startsWith("md5") ? { ...course, removals: {} } : course);
  await client.expect(`${answer}> over\n> `);
});

test("a group that there is not, and a server that does not send, are errors without a push", async () => {
  const client = await openClient(fixture.port);
  client.send("send -g w\\ b x\nsync -g web x\n");
  await client.expect("> error: there is no group w b\n> ");
  expect((await fixture.taken("push")).task.gid).toBe(33);
  const mute = openFixture({ noSend: true });
  const other = await openClient(mute.port);
  other.send("send -r\nsync a\ndsync -r\ncheck a\nmembers\n");
  const no = "error: this server can't send\n> ";
  await other.expect(`> ${no.repeat(4)}Total: 0 members\n> `);
  expect(mute.commands.some((command) => command.kind === "push")).toBe(false);
  mute.close();
});

test("excludes: of this connection alone, for all that follows", async () => {
  const client = await openClient(fixture.port);
  const other = await openClient(fixture.port);
  client.send(
    "exclude list\nexclude add *.swp\nexclude add *.swp a\\ b\nexclude add -x %FF%0A\nexclude list\n",
  );
  await client.expect("> > > > > *.swp\na b\n\xff\\n\n> ");
  other.send("exclude list\nsend a\n");
  await other.expect("> > ");
  expect((await fixture.taken("push")).task.excludes).toEqual([]);
  const excludes = async (line: string): Promise<string[]> => {
    client.send(`${line}\n`);
    const push: PushCommand = await fixture.taken("push");
    play(push.request, {});
    await client.expect("> ");
    return push.task.excludes.map(latin1);
  };
  for (const verb of ["send", "sync", "dsync", "check"])
    expect(await excludes(`${verb} -r`)).toEqual(["*.swp", "a b", "\xff\n"]);
  client.send("exclude del nothing\nexclude del a\\ b nothing\nexclude del *.swp\nexclude list\n");
  await client.expect(
    "error: exclude: there is no pattern nothing\n> error: exclude: there is no pattern nothing\n> > a b\n\xff\\n\n> ",
  );
  expect(await excludes("send a")).toEqual(["a b", "\xff\n"]);
  client.send("exclude clear\nexclude list\n");
  await client.expect("> > ");
  expect(await excludes("send a")).toEqual([]);
});

test("excludes have their limits, and what is too much is not taken at all", async () => {
  const client = await openClient(fixture.port);
  client.send(`exclude add ${"p".repeat(4095)}\nexclude add ok ${"p".repeat(4096)}\n`);
  await client.expect("> > error: exclude: a pattern has more than 4095 bytes\n> ");
  client.send(`exclude clear\nexclude add ${Array.from({ length: 1024 }, (_, i) => `p${i}`).join(" ")}\n`);
  await client.expect("> > ");
  client.send("exclude add p5\nexclude add more\nexclude del p7\nexclude add more\nexclude add again\n");
  await client.expect(
    "> error: exclude: more than 1024 patterns\n> > > error: exclude: more than 1024 patterns\n> ",
  );
});

test("alive: said once a second while a command runs, on lines of its own", async () => {
  const client = await openClient(fixture.port);
  client.send("alive\nalive on\nalive\nloglevel 1\nsend -r\n");
  await client.expect("> alive: off\n> > alive: on\n> > ");
  const { request } = await fixture.taken("push");
  await client.expect("alive\nalive\n");
  fixture.event({ kind: "started", request, key: keyOf(1), hosts: ["host2"], readOnly: [] });
  fixture.engine.onLines(keyOf(1), [names("host2", ["a"])]);
  await client.expect("update host2:a\nalive\n");
  fixture.event({ kind: "finished", request });
  fixture.engine.onSourceClosed(keyOf(1));
  client.send("alive off\nsend -r\n");
  await client.expect("> > ");
  await fixture.taken("push");
  await Bun.sleep(1_200);
  expect(client.pending()).toBe("");
});

test("a line that is no text is an error, and the next one is not", async () => {
  const client = await openClient(fixture.port);
  client.send("send \xff\nsend a\0b\n\xc3\xb6\nsend \xc0\xaf\necho \xc3\xb6\n");
  await client.expect(
    "> error: the line is not UTF-8\n> error: the line has a NUL byte\n> mexec: command error '\xc3\xb6'\n> error: the line is not UTF-8\n> \xc3\xb6\n> ",
  );
  expect(fixture.commands).toEqual([]);
});

test("everything at once in one write is answered in order", async () => {
  const client = await openClient(fixture.port);
  client.send(
    "loglevel 1\nexclude add x\nexclude list\nmembers\nsend a\nnonsense\nalive\ndsync -r\necho z\nmembers\nquit\n",
  );
  await client.expect("> > > x\n> Total: 0 members\n> ");
  play((await fixture.taken("push")).request, { lines: [names("host2", ["a"])] });
  await client.expect("update host2:a\n> mexec: command error 'nonsense'\n> alive: off\n> ");
  play((await fixture.taken("push")).request, { removals: { host3: ["b"] } });
  await client.expect("delete host3:b\n> z\n> Total: 0 members\n> ");
  expect(await client.rest()).toBe("");
});
