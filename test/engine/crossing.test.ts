import { expect, test } from "bun:test";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import type { PushWatch } from "../sim/push-watch.ts";
import type { World } from "../sim/world.ts";
import { newGroup, outcomesOf, runToEnd, startPush } from "./group.ts";

const FRESH = "d0/fresh";

/** Host 1 pushes a file that only it has, and host 0, `afterUs` later, its own tree, with all that it does not have removed. */
function cross(afterUs: number): { world: World; one: PushWatch; two: PushWatch } {
  const world = newGroup({ hosts: 3, seed: 11, scenario: { hostile: false, files: 30, sizeMax: 5_000 } });
  for (const [path, version] of world.host(0).tree.files) {
    for (const host of [1, 2]) world.host(host).tree.write(path, version);
  }
  const [version] = world.host(0).tree.files.values();
  if (version === undefined) throw new Error("host0 has no file");
  world.host(1).tree.write(FRESH, { ...version, content: 999_999 });
  const one = startPush(world, { host: 1 });
  world.run(world.queue.now + afterUs);
  const two = startPush(world, { task: { ...SEND_TASK, removes: "extra" } });
  runToEnd(world, [one, two], 10_000_000);
  return { world, one, two };
}

test("what another host's push has just brought is not removed by a manifest that was read before it came", () => {
  const ends: string[] = [];
  for (let afterUs = 0; afterUs < 60_000; afterUs += 1_000) {
    const { world, one, two } = cross(afterUs);
    expect(outcomesOf(one)).toEqual({ host0: "complete", host2: "complete" });
    ends.push(two.ended);
    if (two.ended === "rejected")
      expect(two.rejection).toContain("has changed this tree meanwhile: push again");
    else expect(outcomesOf(two)).toEqual({ host1: "complete", host2: "complete" });
    // Whoever was first, the hosts agree: where the owner of the removal has the file, it was not removed elsewhere.
    const [owned, there] = [0, 2].map((host) => world.host(host).tree.get(FRESH) !== undefined);
    expect({ afterUs, there }).toEqual({ afterUs, there: owned });
  }
  expect(new Set(ends)).toEqual(new Set(["finished", "rejected"]));
});
