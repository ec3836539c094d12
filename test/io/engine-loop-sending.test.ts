/** What the engine's loop does when packets cannot be sent, and about the interface's MTU. */
import { describe, expect, test } from "bun:test";
import type { Command, EngineEvent } from "../../src/engine/ports.ts";
import { runEngineLoop } from "../../src/io/engine-loop.ts";
import type { Micros } from "../../src/wire/brand.ts";
import { fakeNet, StubEngine, silentMail, stopped, takeEvents } from "./engine-loop-fixture.ts";

describe("with a network that the test plays", () => {
  test("an error of sending is told once, not for each packet, and does not stop anything", () => {
    const engine = new StubEngine();
    engine.due = 0 as Micros;
    let taken = 0;
    engine.takeRows = () => {
      taken++;
      if (taken > 10) engine.outputs.push(stopped);
      return 1;
    };
    const events: EngineEvent[] = [];
    const { results, parts } = fakeNet({ wait: () => ({ ready: 0, us: 10 }) });
    for (let i = 0; i < 10; i++) results.rows.push({ kind: "failed", errno: 101 });
    runEngineLoop({ engine, ...parts, mail: silentMail(takeEvents((event) => events.push(event))) });
    const logged = events.filter((event) => event.kind === "log");
    const text = "cannot send (errno 101); failures since the start: 1";
    expect(logged).toEqual([{ kind: "log", level: 0, text }]);
  });

  test("an error of sending that stays is told more and more seldom, and soon when it comes back", () => {
    const engine = new StubEngine();
    engine.due = 0 as Micros;
    const told: number[] = [];
    const SECOND = 1_000_000;
    const { results, parts } = fakeNet({ wait: () => ({ ready: 0, us: SECOND }) });
    const begun = parts.now();
    engine.takeRows = () => {
      const seconds = (parts.now() - begun) / SECOND;
      const fails = seconds <= 100 || seconds === 1_000;
      if (fails) results.rows.push({ kind: "failed", errno: 101 });
      if (seconds > 1_000) engine.outputs.push(stopped);
      return fails ? 1 : 0;
    };
    const take = ({ kind }: EngineEvent) => kind === "log" && told.push((parts.now() - begun) / SECOND);
    runEngineLoop({ engine, ...parts, mail: silentMail(takeEvents(take)) });
    expect(told.map((at) => at - 1)).toEqual([1, 11, 31, 71, 1_000]);
  });

  test("the engine is told of the interface's MTU every second, and when a packet is too large", () => {
    const engine = new StubEngine();
    engine.due = 0 as Micros;
    const told: Command[] = [];
    engine.onCommand = (command) => told.push(command);
    let turns = 0;
    const { net, results, parts } = fakeNet({ wait: () => ({ ready: 0, us: 100_000 }) });
    const mtus = [9_000, 1_500, undefined, 1_400];
    engine.takeRows = () => {
      turns++;
      if (turns === 4) results.rows.push({ kind: "failed", errno: 90 });
      if (turns === 30) engine.outputs.push(stopped);
      return turns === 4 ? 1 : 0;
    };
    const seen: number[] = [];
    net.mtu = () => {
      seen.push(turns);
      return mtus.shift();
    };
    runEngineLoop({ engine, ...parts, mail: silentMail() });
    expect(seen).toEqual([0, 4, 14, 24]);
    expect(told).toEqual([9_000, 1_500, 1_400].map((mtu) => ({ kind: "mtu", mtu })));
  });
});
