import { expect, test } from "bun:test";
import { PacketType } from "../../src/wire/constants.ts";
import { RX_CONTEXTS } from "../../src/wire/rx-table.ts";
import { newGroup, outcomesOf, runToEnd, startPush } from "./group.ts";

const KINDS = [
  { what: "that changed something", dryRun: false, renew: true },
  { what: "that had nothing to change", dryRun: false, renew: false },
  { what: "that were dry runs", dryRun: true, renew: false },
];

test.each([3, 6, 7, 12].flatMap((seed) => KINDS.map((kind) => ({ ...kind, seed }))))(
  "a receiver that has not heard the ends of many pushes $what has room for the next one (seed $seed)",
  ({ dryRun, renew, seed }) => {
    const world = newGroup({ hosts: 3, seed, scenario: { hostile: false, files: 4, sizeMax: 500 } });
    world.network.filter(1, (packet) => packet[2] === PacketType.end);
    for (let push = 0; push < 3 * RX_CONTEXTS; push++) {
      if (renew) for (const path of [...world.host(1).tree.files.keys()]) world.host(1).tree.remove(path);
      const watch = startPush(world, { dryRun });
      runToEnd(world, [watch], 8_000_000);
      expect({ push, outcomes: outcomesOf(watch) }).toEqual({
        push,
        outcomes: { host1: "complete", host2: "complete" },
      });
      world.run(world.queue.now + 60_000);
    }
  },
);
