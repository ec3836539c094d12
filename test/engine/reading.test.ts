import { describe, expect, test } from "bun:test";
import { STALL_PATIENCE_US, SWITCH_PATIENCE_US } from "../../src/engine/tuning.ts";
import { BlockKind, PacketType } from "../../src/wire/constants.ts";
import { SEND_TASK, type Task } from "../../src/wire/disk-port.ts";
import type { World } from "../sim/world.ts";
import { hear, newGroup, onStage, outcomesOf, processOf, runToEnd, startPush } from "./group.ts";

/** What the rest of a push takes at most. */
const SOON_US = 2_000_000;
const CHECK: Task = { ...SEND_TASK, mode: "check" };
const EXTRA: Task = { ...SEND_TASK, removes: "extra" };

/** Three hosts, the second of which takes so long for a manifest block: the first, or, with `last`, the last. */
function slowReader(us: number, block: "first" | "last"): World {
  const world = newGroup({ hosts: 3, seed: 52, scenario: { hostile: false } });
  let waited = false;
  // What follows has to wait with it.
  const held: (() => void)[] = [];
  onStage(world.host(1), (request, pass) => {
    const isManifest = request.kind === "block" && request.blockKind === BlockKind.manifest;
    const isSlow = !waited && isManifest && request.lastOfKind === (block === "last");
    if (!isSlow && held.length === 0) return pass(request);
    waited = true;
    held.push(() => pass(request));
    if (!isSlow) return;
    world.queue.after(us, () => {
      for (const go of held.splice(0)) go();
    });
  });
  return world;
}

describe("a target that reads its own tree at length", () => {
  for (const task of [CHECK, EXTRA]) {
    const what = task.mode === "check" ? "comparison" : "push that removes names";
    test(`is waited for in a ${what}, as long as for a flush`, () => {
      for (const block of ["first", "last"] as const) {
        const world = slowReader(SWITCH_PATIENCE_US - SOON_US, block);
        const watch = startPush(world, { task });
        expect(runToEnd(world, [watch], 2 * SWITCH_PATIENCE_US)).toBeGreaterThan(
          SWITCH_PATIENCE_US - SOON_US,
        );
        expect(outcomesOf(watch)).toEqual({ host1: "complete", host2: "complete" });
      }
    });

    test(`and no longer in a ${what}: the others finish`, () => {
      const world = newGroup({ hosts: 3, seed: 52 });
      onStage(world.host(1), (request, pass) => {
        if (request.kind !== "block") pass(request);
      });
      const watch = startPush(world, { task });
      const tookUs = runToEnd(world, [watch], 2 * SWITCH_PATIENCE_US);
      expect(outcomesOf(watch)).toEqual({ host1: "lost", host2: "complete" });
      expect(tookUs).toBeGreaterThanOrEqual(SWITCH_PATIENCE_US);
      expect(tookUs).toBeLessThan(SWITCH_PATIENCE_US + SOON_US);
    });
  }

  test("is not waited for so long while it asks for what does not reach it", () => {
    const world = newGroup({ hosts: 3, seed: 52 });
    world.network.filter(1, (packet) => packet.length > 400);
    const watch = startPush(world, { task: EXTRA });
    expect(runToEnd(world, [watch], 2 * SWITCH_PATIENCE_US)).toBeLessThan(STALL_PATIENCE_US + SOON_US);
    expect(outcomesOf(watch)).toEqual({ host1: "lost", host2: "complete" });
  });

  test("is not waited for so long where it only compares what a stat says", () => {
    const world = newGroup({ hosts: 3, seed: 52 });
    onStage(world.host(1), (request, pass) => {
      if (request.kind !== "block") pass(request);
    });
    const watch = startPush(world);
    expect(runToEnd(world, [watch], 2 * SWITCH_PATIENCE_US)).toBeLessThan(STALL_PATIENCE_US + SOON_US);
    expect(outcomesOf(watch)).toEqual({ host1: "lost", host2: "complete" });
  });
});

describe("an owner whose source reads at length", () => {
  test("goes on saying that it lives, and nobody gives up", () => {
    for (const task of [CHECK, EXTRA]) {
      const world = newGroup({ hosts: 3, seed: 52, scenario: { hostile: false } });
      const { source } = processOf(world.host(0));
      const pass = source.request.bind(source);
      let slow = 0;
      source.request = (request) => {
        if (request.kind !== "next" || slow++ > 1) return pass(request);
        world.queue.after(SWITCH_PATIENCE_US, () => pass(request));
      };
      let [heardAt, silenceUs] = [0, 0];
      hear(world, ({ packet, from }) => {
        if (from !== 0 || packet[2] !== PacketType.sync) return false;
        silenceUs = heardAt === 0 ? 0 : Math.max(silenceUs, world.queue.now - heardAt);
        heardAt = world.queue.now;
        return false;
      });
      const watch = startPush(world, { task });
      expect(runToEnd(world, [watch], 4 * SWITCH_PATIENCE_US)).toBeGreaterThan(2 * SWITCH_PATIENCE_US);
      expect(outcomesOf(watch)).toEqual({ host1: "complete", host2: "complete" });
      expect(silenceUs).toBeLessThan(200_000);
    }
  });
});
