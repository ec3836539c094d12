import { expect, test } from "bun:test";
import fc from "fast-check";
import { openConsoleSession } from "../../src/cli/console-session.ts";
import type { Command } from "../../src/engine/ports.ts";
import type { ConsoleSession } from "../../src/io/console.ts";
import type { ConsoleDaemon } from "../../src/io/console-daemon.ts";
import { EngineClient } from "../../src/io/engine-client.ts";
import { keyOf } from "./console-fixture.ts";
import { isJsonEvent } from "./json-client.ts";

/** Whatever lines come, and whatever the engine says in whatever order: nothing throws, and the conversation keeps its form. */

const words = [
  ...["send", "sync", "dsync", "check", "md5", "members", "status", "exclude", "add", "del", "list", "clear"],
  ...[
    "loglevel",
    "alive",
    "on",
    "off",
    "echo",
    "help",
    "json",
    "-r",
    "-n",
    "-x",
    "-D",
    "-m",
    "-t",
    "-g",
    "--",
  ],
  ...["0", "3", "a/b", "%41", "%", "\\ ", "\\", "\xc3\xb6", "\xff", "\0", "\x1b[2J", "", "\t"],
];
const requests = ["push", "cancel", "members", "status"].map((request) =>
  JSON.stringify({
    request,
    id: 1,
    ...(request === "push" ? { paths: [], recursive: true, files: true } : {}),
  }),
);
const line = fc.oneof(
  fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((all) => all.join(" ")),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1").replaceAll("\n", "")),
  fc.constantFrom(...requests, "json", '{"request":"push","id":2,"paths":["\\ud800"],"recursive":false}'),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ line }) },
  { weight: 3, arbitrary: fc.record({ engine: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ other: fc.constantFrom("overlong", "hungUp") }) },
);

function openWorld(json: boolean) {
  const commands: Command[] = [];
  const engine = new EngineClient((command) => commands.push(command));
  const running = new Set<object>();
  const held = new Set<object>();
  const daemon: ConsoleDaemon = {
    engine,
    name: "here",
    group: "224.0.0.108:5000",
    shownBase: "/b",
    noSend: false,
    compressLevel: 3,
    password: undefined,
    resolveGroup: (group) => (group === "0" ? 0 : undefined),
    status: (answer) =>
      answer({
        ...{
          process: 1,
          version: "0",
          base: "/b\xff",
          chroot: false,
          receiveBuffer: 1,
          sendBuffer: 2,
          rate: 0.5,
        },
        ...{
          rateLimit: 9,
          commands: ["x"],
          engine: { sending: [], receiving: [], counters: {} },
          counters: { a: 1 },
        },
      }),
    track: () => {
      const item = {};
      running.add(item);
      return () => running.delete(item);
    },
  };
  const world = { output: "", ended: 0, nexts: 0 };
  const session = openConsoleSession(daemon, {
    write: (text) => {
      expect(world.ended).toBe(0);
      world.output += typeof text === "string" ? text : text.toString("latin1");
    },
    hold: () => {
      if (held.size === 3) return undefined;
      const item = {};
      held.add(item);
      return () => held.delete(item);
    },
    next: () => world.nexts++,
    end: () => world.ended++,
  });
  if (json) session.line("json");
  return { commands, engine, running, held, session, world };
}

/** One thing that the engine may say about the push or the question that it was asked first. */
function speak(engine: EngineClient, commands: Command[], what: number): void {
  const at = commands.findIndex((command) => command.kind !== "cancel");
  const command = commands[at];
  if (command === undefined || !("request" in command)) return;
  const { request } = command;
  const key = keyOf(request);
  const path = new Uint8Array([0xff, 10]);
  const address = { ip: 0x0a000002, port: 9 };
  if (command.kind === "members") {
    commands.splice(at, 1);
    engine.onEvent({ kind: "members", request, members: [] });
    return;
  }
  const says: readonly (() => void)[] = [
    () => engine.onEvent({ kind: "started", request, key, hosts: ["h"], readOnly: ["r"] }),
    () => engine.onEvent({ kind: "removals", request, host: "h", paths: [path] }),
    () => engine.onEvent({ kind: "need", request, host: "h", updates: 1, removals: 1 }),
    () => engine.onLines(key, [{ kind: "names", host: "h", updated: ["\xff\n"], skipped: ["b"] }]),
    () => engine.onLines(key, [{ kind: "failure", host: "h", path: "\0", text: "cannot remove: x" }]),
    () =>
      engine.onEvent({
        kind: "progress",
        request,
        phase: "content",
        sentBytes: 1,
        contentBytes: 2,
        hosts: [],
      }),
    () =>
      engine.onEvent({
        kind: "outcome",
        request,
        host: "h",
        address,
        outcome: { kind: "lost", text: "gone" },
      }),
    () => {
      commands.splice(at, 1);
      engine.onEvent({ kind: "rejected", request, text: "cancelled" });
      engine.onSourceClosed(key);
    },
  ];
  says[what]?.();
}

function give(session: ConsoleSession, text: string): void {
  if (session.ready) session.line(text);
}

test.each([false, true])("whatever is said, and in whatever order (JSON from the start: %p)", (json) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { commands, engine, running, held, session, world } = openWorld(json);
      for (const now of steps) {
        if ("line" in now) give(session, now.line);
        else if ("engine" in now) speak(engine, commands, now.engine);
        else if (now.other === "hungUp") session.hungUp();
        else if (session.ready) session.overlong();
      }
      // All ends: what runs is over, and the console with it.
      for (let i = 0; i < 200 && commands.some((command) => command.kind !== "cancel"); i++)
        speak(engine, commands, 7);
      expect([running.size, held.size]).toEqual([0, 0]);
      if (world.ended === 0) session.inputEnded();
      expect(world.ended).toBe(1);
      session.closed();
      checkForm(world.output);
    }),
    { numRuns: 400 },
  );
});

/** Text that starts with a prompt, up to the event `hello`, if there is one; then events, each a whole line. */
function checkForm(output: string): void {
  const at = output.indexOf('{"event":"hello"');
  const text = at < 0 ? output : output.slice(0, at);
  expect(text).toMatch(/^> /);
  if (at < 0) return;
  const lines = output.slice(at).split("\n");
  expect(lines.pop()).toBe("");
  for (const event of lines)
    expect(isJsonEvent(JSON.parse(Buffer.from(event, "latin1").toString("utf8")))).toBe(true);
}
