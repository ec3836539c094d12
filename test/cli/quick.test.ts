/** A push that is over in a moment needs little of msync: never with another result, or other words, than with all of it. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Connect, ConsoleHandler } from "../../src/cli/console-socket.ts";
import type { JsonEvent } from "../../src/cli/json-protocol.ts";
import { parseMsyncArguments } from "../../src/cli/msync-command.ts";
import { isPlain } from "../../src/cli/msync-quick.ts";
import { runMsync } from "../../src/cli/msync-run.ts";
import { startMsync } from "../../src/cli/msync-start.ts";

const id = 1;
const address = "10.0.0.2";
const GOOD: readonly JsonEvent[] = [
  { event: "started", id, hosts: ["h", "ü"], readOnly: [] },
  { event: "need", id, host: "h", updates: 1, removals: 0 },
  { event: "outcome", id, host: "h", address, outcome: "complete", updates: 1 },
  { event: "finished", id, ok: true, seconds: 0.01 },
];
const BAD: readonly JsonEvent[] = [
  { event: "outcome", id, host: "ü", address, outcome: "lost", text: "gone" },
  { event: "failure", id, host: "h", text: "cannot write", path: "ä" },
  { event: "problem", id, severity: "error", text: "cannot be read", path: "x" },
  { event: "problem", id, severity: "notice", text: "changed while it was read", path: "x" },
  { event: "finished", id, ok: false, seconds: 1 },
  { event: "finished", id, ok: true, seconds: 1, rejected: "no other makuosan" },
  { event: "error", text: "what?" },
];
const STRANGE = ["{", "[]", "null", '{"event":"tomorrow"}', '{"event":"finished","id":1,"ok":"yes"}', "> "];
const HELLO = { event: "hello", protocol: 1, version: "2.0.0", name: "host1", group: "224.0.0.108:5000" };

/** What a console says, in answer to what. Bytes are cut into parts of so many; the same number is taken of what is written. */
type Script = {
  readonly greeting: string;
  readonly hello: string;
  readonly answer: readonly string[];
  readonly part: number;
  readonly end: "close" | "error" | "stay";
  readonly rest: number;
};

/** A console in the same process, and what it has been told. */
function consoleOf(script: Script) {
  let told = "";
  let closed = false;
  const connect: Connect = async (_, handler) => {
    if (script.greeting === "nobody") throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    handler.open({
      write: (bytes) => {
        const taken = bytes.subarray(0, script.part);
        told += Buffer.from(taken).toString("latin1");
        if (taken.length < bytes.length) setImmediate(() => handler.drain());
        return taken.length;
      },
      terminate: () => {
        closed = true;
      },
      setKeepAlive: () => {},
    });
    void converse(handler);
  };
  const converse = async (handler: ConsoleHandler) => {
    await say(handler, script.greeting);
    if (!(await heard("json\n"))) return leave(handler);
    await say(handler, `${script.hello}\n`);
    if (!(await heard("}\n"))) return leave(handler);
    for (const [at, line] of script.answer.entries()) {
      if (at === script.rest) await Bun.sleep(150);
      await say(handler, `${line}\n`);
    }
    if (script.end !== "stay") leave(handler);
  };
  const leave = (handler: ConsoleHandler) => {
    if (closed) return;
    if (script.end === "error") handler.error(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    handler.close(undefined);
  };
  const say = async (handler: ConsoleHandler, text: string) => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += script.part) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!closed) handler.data(new Uint8Array(bytes.subarray(at, at + script.part)));
    }
  };
  const heard = async (end: string) => {
    for (let turn = 0; turn < 2_000 && !closed && !told.endsWith(end); turn++)
      await new Promise((resolve) => setImmediate(resolve));
    return told.endsWith(end) && !closed;
  };
  return { connect, told: () => told };
}

async function outcomeOf(run: typeof runMsync, script: Script, args: readonly string[], progress: boolean) {
  const parsed = parseMsyncArguments(["-c", "tcp:127.0.0.1:7", ...args]);
  if (parsed.kind !== "run") throw new Error(JSON.stringify(parsed));
  expect(isPlain(parsed.options)).toBe(true);
  const console = consoleOf(script);
  const printed: (readonly [number, readonly string[]])[] = [];
  const status = await run(
    parsed.options,
    {
      print: (fd, lines) => void printed.push([fd, lines]),
      showsProgress: () => progress,
      openProgress: () => Promise.resolve(undefined),
      stop: new AbortController().signal,
    },
    console.connect,
  );
  return { status, printed, told: console.told() };
}

const line = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...GOOD.map((event) => JSON.stringify(event))) },
  { weight: 2, arbitrary: fc.constantFrom(...BAD.map((event) => JSON.stringify(event))) },
  { weight: 1, arbitrary: fc.constantFrom(...STRANGE) },
);
const scripts: fc.Arbitrary<Script> = fc.record({
  greeting: fc.oneof(
    { weight: 8, arbitrary: fc.constant("> ") },
    {
      weight: 1,
      arbitrary: fc.constantFrom("nobody", "password: \x1bE", "error: full\n", "> > ", "220 ftp\n"),
    },
  ),
  hello: fc.oneof(
    { weight: 8, arbitrary: fc.constant(JSON.stringify(HELLO)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(JSON.stringify({ ...HELLO, protocol: 2 }), "error: what?", "{}"),
    },
  ),
  answer: fc.oneof(
    fc.constant(GOOD.map((event) => JSON.stringify(event))),
    fc.array(line, { maxLength: 6 }).map((lines) => [...lines, JSON.stringify(GOOD[3])]),
  ),
  part: fc.constantFrom(1, 3, 10_000, 10_000),
  end: fc.constantFrom("close", "error", "stay"),
  rest: fc.constantFrom(-1, -1, -1, 1),
});

test("what the whole of msync would say and return", async () => {
  let done = 0;
  await fc.assert(
    fc.asyncProperty(
      scripts,
      fc.constantFrom(["-r"], ["a", "\xff"]),
      fc.boolean(),
      async (script, args, progress) => {
        const quick = await outcomeOf(startMsync, script, args, progress);
        const whole = await outcomeOf(runMsync, script, args, progress);
        expect(quick).toEqual(whole);
        if (quick.status === 0) done++;
      },
    ),
    { numRuns: 120 },
  );
  expect(done).toBeGreaterThan(20);
}, 60_000);

test.each([...BAD.map((event) => JSON.stringify(event)), ...STRANGE])(
  "what does not go well is told, whatever comes last: %p",
  async (bad) => {
    const [started = "", ...others] = GOOD.map((event) => JSON.stringify(event));
    const answer = [started, bad, ...others];
    const script = { greeting: "> ", hello: JSON.stringify(HELLO), answer, part: 10_000, rest: -1 } as const;
    const outcomes = [startMsync, runMsync].map((run) =>
      outcomeOf(run, { ...script, end: "close" }, ["-r"], false),
    );
    const [quick, whole] = await Promise.all(outcomes);
    expect(quick).toEqual(whole);
  },
);

test("a push that goes well is over before the whole of msync is there", async () => {
  const answer = GOOD.map((event) => JSON.stringify(event));
  const script = { greeting: "> ", hello: JSON.stringify(HELLO), answer, part: 10_000, rest: -1 } as const;
  const { status, told } = await outcomeOf(startMsync, { ...script, end: "stay" }, ["-r"], false);
  expect(status).toBe(0);
  expect(told.match(/"request":"push"/g)).toHaveLength(1);
});

test.each([
  "-rv",
  "-rn",
  "-r --delete",
  "-r --json",
  "-r --check",
  "-r -K f",
  "-r --progress",
  "--status",
  "-r --exclude-from=f",
])("%p is for the whole of msync", (words) => {
  const parsed = parseMsyncArguments(words.split(" "));
  if (parsed.kind !== "run") throw new Error(JSON.stringify(parsed));
  expect(isPlain(parsed.options)).toBe(false);
});
