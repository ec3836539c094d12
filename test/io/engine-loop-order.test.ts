import { expect, test } from "bun:test";
import type { Command, EngineEvent } from "../../src/engine/ports.ts";
import { Ready } from "../../src/io/abi-net.ts";
import { runEngineLoop } from "../../src/io/engine-loop.ts";
import type { Micros, NodeId, PushId } from "../../src/wire/brand.ts";
import { FailStep } from "../../src/wire/constants.ts";
import type { SourceRequest } from "../../src/wire/disk-port.ts";
import { fakeNet, StubEngine, silentMail, stopped, takeEvents } from "./engine-loop-fixture.ts";

/** In which order the loop tells the other threads and sends. */

/** When each event is told, of a push that begins at 0 and takes so long; in microseconds from there. */
function toldAt(ends: number): (readonly [number, string])[] {
  const engine = new StubEngine();
  const from = 1_000_000;
  engine.due = from as Micros;
  const key = { owner: 1n as NodeId, push: 1 as PushId };
  engine.onTimeout = (at) => {
    const event: EngineEvent =
      at === from
        ? { kind: "started", request: 1, key, hosts: [], readOnly: [] }
        : { kind: "finished", request: 1 };
    engine.outputs.push({ kind: "event", event }, ...(at === from ? [] : [stopped]));
    engine.due = (from + ends) as Micros;
  };
  const told: (readonly [number, string])[] = [];
  const { parts } = fakeNet({ wait: (us) => ({ ready: 0, us }) });
  const mail = silentMail(takeEvents(({ kind }) => told.push([parts.now() - from, kind])));
  runEngineLoop({ engine, ...parts, mail });
  return told;
}

test("news of a push wait for its end, and no longer than 20 ms", () => {
  expect(toldAt(20_000)).toEqual([
    [20_000, "started"],
    [20_000, "finished"],
    [20_000, "stopped"],
  ]);
  expect(toldAt(20_001)).toEqual([
    [20_000, "started"],
    [20_001, "finished"],
    [20_001, "stopped"],
  ]);
});

test("other threads get their work before packets are sent, and what sending has made after it", () => {
  const engine = new StubEngine();
  const key = { owner: 1n as NodeId, push: 1 as PushId };
  const request: SourceRequest = { kind: "close", key };
  engine.onCommand = () => engine.outputs.push({ kind: "source", request });
  let rows = 1;
  engine.takeRows = () => {
    if (rows === 0) engine.outputs.push({ kind: "source", request }, stopped);
    return rows--;
  };
  const commands: Command[] = [{ kind: "stop" }];
  const { log, parts } = fakeNet({ wait: () => ({ ready: Ready.wake, us: 0 }) });
  const mail = silentMail({ takeCommand: () => commands.shift(), toSource: () => log.push("post") });
  runEngineLoop({ engine, ...parts, mail });
  expect(log).toEqual(["wait Infinity", "post", "start 1", "rows done", "post"]);
});

test("news do not wait where the source speaks of the same: they are told before it is asked", () => {
  const engine = new StubEngine();
  const key = { owner: 1n as NodeId, push: 1 as PushId };
  const failure = { errno: 0, step: FailStep.remove, entry: undefined };
  const requests: SourceRequest[] = [
    { kind: "names", key, section: 0, host: "a", update: undefined },
    { kind: "explain", key, host: "a", failure },
  ];
  engine.onCommand = () => {
    const request = requests.shift();
    const event: EngineEvent = { kind: "need", request: 1, host: "a", updates: 1, removals: 1 };
    engine.outputs.push(...(request === undefined ? [stopped] : [{ kind: "event", event } as const]));
    if (request !== undefined) engine.outputs.push({ kind: "source", request });
  };
  const order: string[] = [];
  let woken = 0;
  const commands: Command[] = [];
  const { parts } = fakeNet({
    wait: () => {
      commands.push({ kind: "stop" });
      order.push(`wake ${++woken}`);
      return { ready: Ready.wake, us: 10 };
    },
  });
  const mail = silentMail({
    takeCommand: () => commands.shift(),
    toSource: ([request]) => order.push(request?.kind ?? ""),
    ...takeEvents(({ kind }) => order.push(kind)),
  });
  runEngineLoop({ engine, ...parts, mail });
  expect(order).toEqual(["wake 1", "need", "names", "wake 2", "need", "explain", "wake 3", "stopped"]);
});
