import { describe, expect, test } from "bun:test";
import type { EngineEvent, EngineStatus } from "../../src/engine/ports.ts";
import { WINDOW_MIN } from "../../src/engine/tuning.ts";
import type { Micros } from "../../src/wire/brand.ts";
import { PacketType } from "../../src/wire/constants.ts";
import type { World } from "../sim/world.ts";
import { atFirst, newGroup, onStage, processOf, runToEnd, startPush } from "./group.ts";

/** What a host's engine says is under way. */
function statusOf(world: World, host: number): EngineStatus {
  const { engine } = processOf(world.host(host));
  // Its outputs have been drained by its process: these are only those of the question.
  const events: EngineEvent[] = [];
  engine.onCommand({ kind: "status", request: 7 }, world.queue.now as Micros);
  for (let output = engine.poll(); output !== undefined; output = engine.poll())
    if (output.kind === "event") events.push(output.event);
  const told = events.find((event) => event.kind === "status");
  if (told?.kind !== "status") throw new Error("no status");
  return told.status;
}

describe("status says what is under way", () => {
  test("at the owner: the phase, the hosts that still take part, the blocks read; then nothing", () => {
    const world = newGroup({ hosts: 4, seed: 3, scenario: { hostile: false } });
    let during: EngineStatus["sending"] = [];
    onStage(world.host(1), (request, pass) => {
      if (request.kind !== "commit") return pass(request);
      during = statusOf(world, 0).sending;
      pass(request);
    });
    const watch = startPush(world);
    runToEnd(world, [watch], 5_000_000);
    expect(during).toHaveLength(1);
    expect(during[0]).toMatchObject({ phase: "commit" });
    expect(during[0]?.hosts).toBeGreaterThan(0);
    expect(during[0]?.hosts).toBeLessThanOrEqual(3);
    expect(during[0]?.blocks).toBeGreaterThan(2);
    expect(during[0]?.windowPackets).toBeGreaterThanOrEqual(WINDOW_MIN);
    expect(during[0]?.windowBytes).toBeGreaterThan(576 * WINDOW_MIN);
    expect(during[0]?.roundTripUs).toBeGreaterThan(0);
    expect(during[0]?.chanceLoss).toBeWithin(0, 1);
    // All has been read and sent: nothing is left to send.
    expect(during[0]?.limitedBy).toBe("source");
    expect(statusOf(world, 0).sending).toEqual([]);
  });

  test("at a receiver: the owner, its state, the blocks used; and not what is merely remembered", () => {
    const world = newGroup({ hosts: 3, seed: 52, scenario: { hostile: false } });
    let during: EngineStatus["receiving"] = [];
    atFirst(world, PacketType.commit, () => {
      during = statusOf(world, 1).receiving;
    });
    // Until the last host has switched, the others remember the push to vouch for it.
    onStage(world.host(2), (request, pass) => {
      if (request.kind !== "commit") return pass(request);
      world.queue.after(1_000_000, () => pass(request));
    });
    const watch = startPush(world);
    runToEnd(world, [watch], 700_000);
    expect(watch.ended).toBe("no");
    expect(during).toMatchObject([{ owner: "host0", state: "prepared" }]);
    expect(during[0]?.blocks).toBeGreaterThan(2);
    expect(statusOf(world, 1).receiving).toEqual([]);
    expect(processOf(world.host(1)).contexts).toBe(1);
    expect(statusOf(world, 2).receiving).toMatchObject([{ state: "committing" }]);
  });
});
