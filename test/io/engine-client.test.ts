import { expect, test } from "bun:test";
import type { Command } from "../../src/engine/ports.ts";
import { EngineClient, type PushListener, type PushOrder } from "../../src/io/engine-client.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { keyOf } from "./console-fixture.ts";

const order: PushOrder = {
  selection: { paths: [], recursive: true },
  dryRun: false,
  hosts: undefined,
  names: false,
  task: SEND_TASK,
  progress: false,
};

function open() {
  const commands: Command[] = [];
  const engine = new EngineClient((command) => commands.push(command));
  const told: string[] = [];
  const listener = (name: string): PushListener => ({
    started: () => told.push(`${name} started`),
    need: () => told.push(`${name} need`),
    removals: () => told.push(`${name} removals`),
    progress: () => told.push(`${name} progress`),
    line: () => told.push(`${name} line`),
    outcome: (_host, _address, outcome) =>
      told.push(`${name} ${outcome.kind === "complete" ? "complete" : outcome.text}`),
    ended: (rejected) => told.push(`${name} ended ${rejected}`),
  });
  const push = (name: string) => engine.push(order, listener(name));
  return { commands, engine, told, push };
}

test("a push starts before its lines, whichever thread is first, and ends after them", () => {
  const { commands, engine, told, push } = open();
  push("a");
  expect(commands).toEqual([{ kind: "push", request: 1, ...order }]);
  engine.onLines(keyOf(9), [{ kind: "problem", path: "x", text: "error: y" }]);
  engine.onEvent({ kind: "started", request: 1, key: keyOf(9), hosts: ["h"], readOnly: [] });
  engine.onEvent({ kind: "removals", request: 1, host: "h", paths: [] });
  engine.onEvent({ kind: "need", request: 1, host: "h", updates: 0, removals: 0 });
  engine.onEvent({ kind: "finished", request: 1 });
  engine.onLines(keyOf(9), [{ kind: "problem", path: "x", text: "error: y" }]);
  engine.onSourceClosed(keyOf(9));
  const course = ["started", "line", "removals", "need", "line", "ended undefined"];
  expect(told).toEqual(course.map((word) => `a ${word}`));
});

test("as many pushes as are wanted: the engine gets 32 at a time, in order", () => {
  const { commands, engine, told, push } = open();
  for (let i = 1; i <= 300; i++) push(`${i}`);
  expect(commands).toHaveLength(32);
  for (let i = 1; i <= 300; i++) {
    engine.onEvent({ kind: "rejected", request: i, text: "no" });
    expect(commands).toHaveLength(Math.min(300, 32 + i));
  }
  expect(commands.map((command) => "request" in command && command.request)).toEqual(
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
  expect(told).toEqual(Array.from({ length: 300 }, (_, i) => `${i + 1} ended no`));
});

test("one that waits can be cancelled without the engine, one that does not with it, once each", () => {
  const { commands, engine, told, push } = open();
  const all = Array.from({ length: 34 }, (_, i) => push(`${i + 1}`));
  all[32]?.cancel();
  all[32]?.cancel();
  expect(told).toEqual(["33 ended cancelled"]);
  expect(commands).toHaveLength(32);
  all[0]?.cancel();
  expect(commands.at(-1)).toEqual({ kind: "cancel", request: 1 });
  engine.onEvent({ kind: "rejected", request: 1, text: "cancelled" });
  expect(commands.at(-1)).toMatchObject({ kind: "push", request: 34 });
  all[0]?.cancel();
  expect(commands).toHaveLength(34);
  expect(told).toEqual(["33 ended cancelled", "1 ended cancelled"]);
});

test("a daemon that stops starts nothing that waits", () => {
  const { commands, engine, told, push } = open();
  for (let i = 1; i <= 33; i++) push(`${i}`);
  engine.stop();
  expect(told).toEqual(["33 ended this server is stopping"]);
  engine.onEvent({ kind: "rejected", request: 1, text: "this server is stopping" });
  expect(commands.at(-1)).toEqual({ kind: "stop" });
});

test("why a host failed is told in the system's words", () => {
  const { engine, told, push } = open();
  push("a");
  const address = { ip: 0x0a00_0001, port: 1 };
  for (const text of [
    "cannot write (errno 28)",
    "cannot verify (errno 0)",
    "tells of blocks that do not exist",
  ])
    engine.onEvent({ kind: "outcome", request: 1, host: "h", address, outcome: { kind: "failed", text } });
  expect(told).toEqual([
    "a cannot write: No space left on device",
    "a cannot verify",
    "a tells of blocks that do not exist",
  ]);
});
