import { describe, expect, test } from "bun:test";
import { STALL_PATIENCE_US, SWITCH_PATIENCE_US } from "../../src/engine/tuning.ts";
import { BlockKind, PacketType } from "../../src/wire/constants.ts";
import { hear, isContent, newGroup, onStage, outcomesOf, runToEnd, startPush } from "./group.ts";

/** What the rest of a push takes at most. */
const SOON_US = 2_000_000;

describe("a target that gets no further", () => {
  test("is given up when its disk hangs in the content, and the others finish", () => {
    const world = newGroup({ hosts: 3, seed: 52 });
    let hangs = false;
    onStage(world.host(1), (request, pass) => {
      hangs ||= request.kind === "block" && request.blockKind === BlockKind.content;
      if (!hangs) pass(request);
    });
    const watch = startPush(world);
    const tookUs = runToEnd(world, [watch], 4 * STALL_PATIENCE_US);
    expect(hangs).toBe(true);
    expect(outcomesOf(watch)).toEqual({ host1: "lost", host2: "complete" });
    expect(tookUs).toBeGreaterThanOrEqual(STALL_PATIENCE_US);
    expect(tookUs).toBeLessThan(STALL_PATIENCE_US + SOON_US);
  });

  test("is given up when its disk hangs in the commit, and the others finish", () => {
    const world = newGroup({ hosts: 3, seed: 52 });
    let hangs = false;
    onStage(world.host(1), (request, pass) => {
      hangs ||= request.kind === "commit";
      if (!hangs) pass(request);
    });
    const watch = startPush(world);
    const tookUs = runToEnd(world, [watch], 2 * SWITCH_PATIENCE_US);
    expect(hangs).toBe(true);
    expect(outcomesOf(watch)).toEqual({ host1: "lost", host2: "complete" });
    expect(tookUs).toBeGreaterThanOrEqual(SWITCH_PATIENCE_US);
    expect(tookUs).toBeLessThan(SWITCH_PATIENCE_US + SOON_US);
  });

  test.each(["from the start", "from the middle of the content on"])(
    "is given up when %s large packets do not reach it, as in a network of a smaller MTU, and the others finish",
    (since) => {
      const world = newGroup({ hosts: 3, seed: 52 });
      let content = 0;
      world.network.filter(1, (packet) => {
        if (isContent(packet)) content++;
        return packet.length > 400 && (since === "from the start" || content > 100);
      });
      const watch = startPush(world);
      const tookUs = runToEnd(world, [watch], 4 * STALL_PATIENCE_US);
      expect(outcomesOf(watch)).toEqual({ host1: "lost", host2: "complete" });
      expect(tookUs).toBeGreaterThanOrEqual(STALL_PATIENCE_US);
      expect(tookUs).toBeLessThan(STALL_PATIENCE_US + SOON_US);
    },
  );

  test("keeps the fast ones waiting, but they are not given up for that", () => {
    const world = newGroup({ hosts: 3, seed: 52, scenario: { hostile: false } });
    const pauseUs = STALL_PATIENCE_US * 0.8;
    let pauses = 0;
    let free = 0;
    onStage(world.host(1), (request, pass) => {
      const slow = request.kind === "block" && request.blockKind === BlockKind.content && pauses < 4;
      if (slow) pauses++;
      if (slow) free = Math.max(free, world.queue.now) + pauseUs;
      // One disk: what comes later waits, too.
      if (free <= world.queue.now) pass(request);
      else world.queue.at(free, () => pass(request));
    });
    const watch = startPush(world);
    const tookUs = runToEnd(world, [watch], 10 * STALL_PATIENCE_US);
    expect(pauses).toBe(4);
    expect(tookUs).toBeGreaterThan(3 * STALL_PATIENCE_US);
    expect(outcomesOf(watch)).toEqual({ host1: "complete", host2: "complete" });
  });
});

describe("the rate limit (option -T)", () => {
  const rateLimit = 1_000_000;

  /** Bytes a second of DATA, headers of IP included, while all pushes run that start at once, to a host each. */
  function rateOf(pushes: number): number {
    const world = newGroup({ hosts: pushes + 1, seed: 8, host: { rateLimit } });
    let [first, last, bytes] = [Number.POSITIVE_INFINITY, 0, 0];
    hear(world, ({ packet, from }) => {
      if (packet[2] !== PacketType.data || from !== 0) return false;
      first = Math.min(first, world.queue.now);
      last = world.queue.now;
      bytes += packet.length + 28;
      return false;
    });
    const watches = Array.from({ length: pushes }, (_, index) => startPush(world, { hosts: [index + 1] }));
    runToEnd(world, watches, 60_000_000);
    for (const watch of watches) expect(watch.ended).toBe("finished");
    return (bytes * 1e6) / (last - first);
  }

  test("holds for all pushes of a node together", () => {
    for (const pushes of [1, 3]) {
      const rate = rateOf(pushes);
      expect(rate).toBeGreaterThan(rateLimit * 0.9);
      expect(rate).toBeLessThan(rateLimit * 1.05);
    }
  });
});
