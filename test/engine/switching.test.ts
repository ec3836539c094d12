import { describe, expect, test } from "bun:test";
import { PacketType } from "../../src/wire/constants.ts";
import type { PushWatch } from "../sim/push-watch.ts";
import { sameVersion } from "../sim/tree.ts";
import type { World } from "../sim/world.ts";
import { atFirst, newGroup, onStage, outcomesOf, stageOf, startPush } from "./group.ts";

/** The owner dies 500 us after its first COMMIT; the hosts in `deaf` have not heard it. */
function dieCommitting(world: World, deaf: readonly number[]): void {
  atFirst(world, PacketType.commit, () => {
    for (const host of deaf) world.network.cut(host, { deaf: true });
    world.queue.after(500, () => {
      for (const host of deaf) world.network.cut(host, { deaf: false });
      world.host(0).kill();
      world.ownerDied(world.host(0));
    });
  });
}

/** Pushes twice: host1 is cut off at the first push's COMMIT, and comes back `awayUs` later, when the second one starts. */
function pushTwice(awayUs: number): { world: World; one: PushWatch; two: PushWatch } {
  const world = newGroup({ hosts: 3, seed: 2, scenario: { hostile: false } });
  let cutAt = 0;
  atFirst(world, PacketType.commit, () => {
    cutAt = world.queue.now;
    world.network.cut(1, { side: 9 });
    world.host(1).trouble(cutAt, cutAt + 10_000_000);
  });
  const one = startPush(world, { folder: "d0" });
  world.run(world.queue.now + 1_000_000, { everyUs: 1_000, done: () => cutAt > 0 });
  world.run(cutAt + awayUs);
  world.network.cut(1, { side: 0 });
  const two = startPush(world, { folder: "d0" });
  world.run(world.queue.now + 12_000_000);
  return { world, one, two };
}

describe("who switches (PROTOCOL §8)", () => {
  test("no older push switches a host after a newer one was reported complete there", () => {
    let newer = 0;
    for (let awayUs = 1_560_000; awayUs < 3_000_000; awayUs += 80_000) {
      const { world, one, two } = pushTwice(awayUs);
      expect(outcomesOf(one)).toEqual({ host1: "lost", host2: "complete" });
      expect(two.ended).toBe("finished");
      if (outcomesOf(two).host1 !== "complete") continue;
      newer++;
      const at = stageOf(two, "host1").committedAt ?? 0;
      const old = stageOf(one, "host1").committedAt ?? 0;
      expect({ awayUs, late: old > at }).toEqual({ awayUs, late: false });
      for (const [path, version] of world.host(0).tree.files) {
        if (path.startsWith("d0")) expect(sameVersion(world.host(1).tree.get(path), version)).toBe(true);
      }
    }
    expect(newer).toBeGreaterThan(10);
  });

  test("a receiver that is still renaming when the owner dies vouches for the push", () => {
    const world = newGroup({ hosts: 3, seed: 2 });
    dieCommitting(world, [2]);
    onStage(world.host(1), (request, pass) => {
      if (request.kind !== "commit") return pass(request);
      world.queue.after(6_000_000, () => pass(request));
    });
    const watch = startPush(world);
    world.run(world.queue.now + 25_000_000);
    expect(watch.ended).toBe("owner died");
    const from = stageOf(watch, "host1").preparedAt ?? Number.POSITIVE_INFINITY;
    expect(stageOf(watch, "host1").committedAt).toBeGreaterThan(from + 6_000_000);
    expect(stageOf(watch, "host2").committedAt ?? 0).toBeGreaterThan(from);
  });

  test("forty receivers that ask are answered by few", () => {
    const world = newGroup({ hosts: 81, seed: 2, scenario: { files: 6, sizeMax: 2_000 } });
    const asked = new Set<number>();
    let vouches = 0;
    world.network.listen((packet, from) => {
      if (packet[2] === PacketType.query) asked.add(from);
      if (packet[2] === PacketType.vouch) vouches++;
    });
    const deaf = Array.from({ length: 40 }, (_, index) => 41 + index);
    dieCommitting(world, deaf);
    const watch = startPush(world);
    world.run(world.queue.now + 9_000_000);
    expect(watch.ended).toBe("owner died");
    expect(asked.size).toBeGreaterThan(0);
    expect(vouches).toBeGreaterThan(0);
    expect(vouches).toBeLessThanOrEqual(10);
    const switched = [...(watch.record?.stages.values() ?? [])].filter((stage) => stage.committedAt);
    expect(switched.length).toBe(80);
  });
});
