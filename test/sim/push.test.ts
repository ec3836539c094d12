import { describe, expect, test } from "bun:test";
import { calmWorld, startAll, WHOLE_PUSH } from "./calm.ts";
import type { PushPlan } from "./scenario.ts";
import type { World } from "./world.ts";

const BYTES_PER_SECOND = 12_500_000;
/** What the first host has and the others lack. */
const FILES = 10;
const FILE_BYTES = 200_000;

describe("pushes without faults", () => {
  test("one push to four hosts completes, in about the time that the wire takes", () => {
    const world = started(5);
    const { watch, tookUs } = pushAndWait(world, WHOLE_PUSH);
    expect(watch.ended).toBe("finished");
    expect([...watch.outcomes.values()].map(({ outcome }) => outcome.kind)).toEqual(
      Array(4).fill("complete"),
    );
    for (let host = 1; host < 5; host++) {
      expect(new Map(world.host(host).tree.files)).toEqual(new Map(world.host(0).tree.files));
    }
    const contentBytes = FILES * FILE_BYTES;
    // 516 of the 548 bytes of a packet are content.
    const wireUs = ((contentBytes * 548) / 516 / BYTES_PER_SECOND) * 1e6;
    expect(tookUs).toBeGreaterThan(wireUs);
    expect(tookUs).toBeLessThan(wireUs * 1.1 + 10_000);
  });

  test("the time does not depend on the number of hosts", () => {
    const few = pushAndWait(started(3), WHOLE_PUSH).tookUs;
    const many = pushAndWait(started(25), WHOLE_PUSH).tookUs;
    expect(many).toBeLessThan(few * 1.5 + 50_000);
  });

  test("a dry run tells what would change and changes nothing; a second push changes nothing either", () => {
    const world = started(3);
    const before = new Map(world.host(1).tree.files);
    const dry = pushAndWait(world, { ...WHOLE_PUSH, dryRun: true }).watch;
    expect(new Map(world.host(1).tree.files)).toEqual(before);
    const real = pushAndWait(world, WHOLE_PUSH).watch;
    expect(updates(real)).toEqual(updates(dry));
    expect(updates(real).some((count) => count > 0)).toBe(true);
    expect(updates(pushAndWait(world, WHOLE_PUSH).watch)).toEqual([0, 0]);
  });

  test("a push to one host leaves the others alone", () => {
    const world = started(4);
    const before = new Map(world.host(2).tree.files);
    const { watch } = pushAndWait(world, { ...WHOLE_PUSH, hosts: [3] });
    expect([...watch.outcomes.values()].map(({ host }) => host)).toEqual(["host3"]);
    expect(new Map(world.host(2).tree.files)).toEqual(before);
    expect(new Map(world.host(3).tree.files)).toEqual(new Map(world.host(0).tree.files));
  });
});

/** Daemons that know each other; the first has files that the others lack. */
function started(hosts: number): World {
  const link = { bytesPerSecond: BYTES_PER_SECOND };
  const world = calmWorld({ hosts, link, files: 12, sizeMax: 250_000 });
  startAll(world, { hosts: world.hosts.map(({ index }) => index), withinUs: 100_000 });
  world.run(1_500_000);
  const { tree } = world.host(0);
  tree.begin();
  for (const host of world.hosts.slice(1))
    for (const [path, version] of host.tree.files) tree.write(path, version);
  for (let file = 0; file < FILES; file++) {
    tree.write(`d0/big${file}`, { kind: "file", content: 1_000_000 + file, size: FILE_BYTES, meta: 1 });
  }
  for (const host of world.hosts.slice(1)) {
    host.tree.begin();
    for (const [path, version] of tree.files) {
      if (!path.startsWith("d0/big") && host.tree.get(path) === undefined) host.tree.write(path, version);
    }
  }
  return world;
}

function pushAndWait(
  world: World,
  plan: PushPlan,
): { watch: NonNullable<ReturnType<World["push"]>>; tookUs: number } {
  const from = world.queue.now;
  const watch = world.push(plan, "as it is");
  if (watch === undefined) throw new Error("the owner does not run");
  world.run(from + 30_000_000, { everyUs: 1_000, done: () => watch.ended !== "no" });
  return { watch, tookUs: watch.endedAt - from };
}

function updates(watch: NonNullable<ReturnType<World["push"]>>): number[] {
  return [...watch.outcomes.values()].map(({ outcome }) =>
    outcome.kind === "complete" ? outcome.updates : -1,
  );
}
