import { describe, expect, test } from "bun:test";
import type { Outcome } from "../../src/engine/ports.ts";
import { SEND_TASK, type Task } from "../../src/wire/disk-port.ts";
import { calmWorld, startAll, WHOLE_PUSH } from "./calm.ts";
import type { HostTree } from "./host-tree.ts";
import type { HostPlan, PushPlan } from "./scenario.ts";
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
    const contentBytes = FILES * FILE_BYTES - world.journal.shortened.savedBytes;
    expect(contentBytes).toBeGreaterThan(0);
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

  test("what a dry run says would be removed is what the push removes, name by name", () => {
    const world = started(4, 30);
    // Of a folder that is gone as a whole, and of one that has lost a file, there is more at the others.
    const { tree } = world.host(0);
    tree.begin();
    tree.remove("d1");
    tree.remove("d0/big3");
    for (const mode of ["send", "prune"] as const) {
      const task: Task = { ...SEND_TASK, mode, removes: "extra" };
      const before = world.hosts.map((host) => new Map(host.tree.files));
      const dry = pushAndWait(world, { ...WHOLE_PUSH, task, names: true, dryRun: true }).watch;
      expect(world.hosts.map((host) => new Map(host.tree.files))).toEqual(before);
      const real = pushAndWait(world, { ...WHOLE_PUSH, task, names: true }).watch;
      expect([...real.removals].sort()).toEqual([...dry.removals].sort());
      expect([...real.needs].sort()).toEqual([...dry.needs].sort());
      for (let host = 1; host < 4; host++) {
        const gone = real.removals.get(`host${host}`) ?? [];
        expect(gone.length).toBeGreaterThan(0);
        const now = world.host(host).tree.files;
        const missing = [...(before[host]?.keys() ?? [])].filter((path) => !now.has(path));
        expect([...gone].sort()).toEqual(missing.sort());
      }
      if (mode === "prune") continue;
      for (let host = 1; host < 4; host++)
        expect(new Map(world.host(host).tree.files)).toEqual(new Map(tree.files));
      for (const host of world.hosts) extend(host.tree, host.index);
    }
  });

  test("a host that would lose more names than allowed keeps all, and the others switch", () => {
    const world = started(3);
    extend(world.host(1).tree, 5);
    const before = new Map(world.host(1).tree.files);
    const task: Task = { ...SEND_TASK, removes: "extra", removesMax: 4 };
    const { watch } = pushAndWait(world, { ...WHOLE_PUSH, task });
    expect(watch.needs.get("host1")?.removals).toBe(5);
    expect(outcomes(watch)).toEqual({
      host1: { kind: "failed", text: "would remove more names than allowed" },
      host2: { kind: "complete", updates: FILES },
    });
    expect(new Map(world.host(1).tree.files)).toEqual(before);
  });

  test("a comparison includes hosts that never receive, and changes nothing", () => {
    const world = started(3, 0, { 2: { noReceive: true } });
    const before = world.hosts.map((host) => new Map(host.tree.files));
    const task: Task = { ...SEND_TASK, mode: "check" };
    const { watch } = pushAndWait(world, { ...WHOLE_PUSH, task });
    expect(outcomes(watch)).toEqual({
      host1: { kind: "complete", updates: FILES },
      host2: { kind: "complete", updates: FILES },
    });
    expect(world.hosts.map((host) => new Map(host.tree.files))).toEqual(before);
    const sent = pushAndWait(world, { ...WHOLE_PUSH, hosts: [1, 2] }).watch;
    expect(outcomes(sent)).toMatchObject({
      host1: { kind: "complete" },
      host2: { kind: "refused", text: "read only" },
    });
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

/** Daemons that know each other; the first has files that the others lack. `special`: hosts that are not like the others, by index. */
function started(
  hosts: number,
  extras = 0,
  special: Readonly<Record<number, Partial<HostPlan>>> = {},
): World {
  const link = { bytesPerSecond: BYTES_PER_SECOND };
  const world = calmWorld({ hosts, link, files: 12, sizeMax: 250_000, extras, special });
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

/** Adds names that nobody else has. */
function extend(tree: HostTree, count: number): void {
  tree.begin();
  for (let i = 0; i < count; i++)
    tree.write(`d0/only${i}`, { kind: "file", content: -i - 1, size: 2, meta: 1 });
}

function outcomes(watch: NonNullable<ReturnType<World["push"]>>): Record<string, Outcome> {
  return Object.fromEntries([...watch.outcomes.values()].map(({ host, outcome }) => [host, outcome]));
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
