import { describe, expect, test } from "bun:test";
import { agreementUs, calmWorld, memberLists, othersOf, startAll } from "./calm.ts";
import type { World } from "./world.ts";

const SIZES = [2, 5, 16, 40] as const;

describe("members without loss (PROTOCOL §4)", () => {
  for (const size of SIZES) {
    test(`${size} hosts know each other 1 s after the last start`, () => {
      const world = started(size);
      for (const [host, list] of memberLists(world)) expect(list).toEqual(othersOf(world, host));
    });

    test(`a newcomer is known to ${size} hosts within 1 s, and knows them`, () => {
      const world = started(size);
      world.host(size).start();
      expect(agreementUs(world, 1_000_000)).toBeLessThanOrEqual(1_000_000);
      expect(world.live.length).toBe(size + 1);
    });

    test(`who says goodbye leaves the lists of ${size} hosts within 1 s`, () => {
      const world = started(size);
      world.host(1).stop();
      world.run(world.queue.now + 1_000_000);
      expect(world.live.length).toBe(size - 1);
      for (const [host, list] of memberLists(world)) expect(list).toEqual(othersOf(world, host));
    });

    test(`who is killed leaves the lists of ${size} hosts within 5 s, and not at once`, () => {
      const world = started(size);
      world.host(1).kill();
      world.run(world.queue.now + 1_000_000);
      for (const [, list] of memberLists(world)) expect(list).toContain(1);
      world.run(world.queue.now + 4_000_000);
      for (const [host, list] of memberLists(world)) expect(list).toEqual(othersOf(world, host));
    });
  }

  test("a daemon that is killed and started again is in every list once, as its new self", () => {
    const world = started(5);
    const old = world.host(1).process?.address.port;
    world.host(1).kill();
    world.host(1).start();
    world.run(world.queue.now + 1_000_000);
    for (const host of world.live) {
      if (host.index === 1) continue;
      host.askMembers();
      world.run(world.queue.now + 100);
      const selves = host.members.filter(({ name }) => name === "host1");
      expect(selves.map(({ address }) => address.port)).toEqual([world.host(1).process?.address.port ?? -1]);
      expect(selves[0]?.address.port).not.toBe(old);
    }
  });
});

/** A world with one host more than `size`, of which the last does not run yet, 1 s after the last start. */
function started(size: number): World {
  const world = calmWorld({ hosts: size + 1 });
  startAll(world, { hosts: Array.from({ length: size }, (_, host) => host), withinUs: 500_000 });
  world.run(1_500_000);
  return world;
}
