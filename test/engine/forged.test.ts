import { describe, expect, test } from "bun:test";
import { PUSH_SLOTS_MAX, STALL_PATIENCE_US } from "../../src/engine/tuning.ts";
import type { BlockIndex, NodeId, PushId } from "../../src/wire/brand.ts";
import { decode } from "../../src/wire/codec.ts";
import { DataFlag, PacketType } from "../../src/wire/constants.ts";
import { sealControl } from "../../src/wire/twin.ts";
import type { World } from "../sim/world.ts";
import {
  forge,
  type Heard,
  hear,
  isContent,
  newGroup,
  outcomesOf,
  processOf,
  runToEnd,
  STRANGER,
  startPush,
} from "./group.ts";

/** Content packets that go by before a packet is forged: the flow is well under way then. */
const WELL_UNDER_WAY = 300;
/** Longer than a push of these groups takes when it is left alone, many times over. */
const SOON_US = 1_000_000;

/** One owner and two receivers, and `act` at the content packet that shows the flow well under way, if it is a whole one. */
function underWay(act: (world: World, heard: Heard) => void): World {
  const world = newGroup({ hosts: 3, seed: 52 });
  let content = 0;
  hear(world, (heard) => {
    if (!isContent(heard.packet)) return false;
    if (++content < WELL_UNDER_WAY || heard.packet.length !== 32 + 516) return false;
    act(world, heard);
    return true;
  });
  return world;
}

/** A copy of a DATA packet as a repeat, changed by `change`, reaches every receiver. */
function injectData(world: World, { packet }: Heard, change: (copy: DataView) => void): void {
  const copy = packet.slice();
  const view = new DataView(copy.buffer);
  view.setUint8(3, view.getUint8(3) | DataFlag.repair);
  change(view);
  sealControl(copy);
  for (const host of world.hosts.slice(1)) world.network.inject(host.index, copy, STRANGER);
}

describe("one packet that lies cannot hold up a push", () => {
  test("nor can one that is more than half a cycle of the counter late", () => {
    let injected = 0;
    // 65,536 − 40,000 ahead is how the counter of a packet 40,000 transmissions old looks.
    const world = underWay((_, heard) => {
      injected++;
      injectData(world, heard, (copy) => copy.setUint16(30, (copy.getUint16(30) + 25_536) & 0xffff));
    });
    const watch = startPush(world);
    expect(runToEnd(world, [watch], 60_000_000)).toBeLessThan(SOON_US);
    expect(injected).toBe(1);
    expect(outcomesOf(watch)).toEqual({ host1: "complete", host2: "complete" });
  });

  test("DATA with a wrong K for a block to come", () => {
    let injected = 0;
    const world = underWay((_, heard) => {
      injected++;
      injectData(world, heard, (copy) => {
        copy.setUint32(24, copy.getUint32(24) + 1);
        copy.setUint8(28, 0);
        copy.setUint8(29, 2);
      });
    });
    const watch = startPush(world);
    expect(runToEnd(world, [watch], 60_000_000)).toBeLessThan(SOON_US);
    expect(injected).toBe(1);
    expect(outcomesOf(watch)).toEqual({ host1: "complete", host2: "complete" });
  });

  test("STATUS of a receiver that is done with blocks that do not exist", () => {
    let injected = 0;
    const world = underWay((_, { view }) => {
      injected++;
      const status = forge(
        { node: processOf(world.host(1)).node, push: view.getUint32(20) as PushId },
        {
          type: "status",
          owner: view.getBigUint64(8) as NodeId,
          next: 4e9 as BlockIndex,
          limit: 4e9 as BlockIndex,
          sequence: 0,
          state: "receiving",
          received: 1,
        },
      );
      world.queue.after(50, () => world.network.inject(0, status, STRANGER));
    });
    const watch = startPush(world);
    expect(runToEnd(world, [watch], 60_000_000)).toBeLessThan(SOON_US);
    expect(injected).toBe(1);
    expect(outcomesOf(watch)).toEqual({ host1: "failed", host2: "complete" });
  });

  test("REPORT_ACK for a report that has not arrived", () => {
    const world = newGroup({ hosts: 3, seed: 52 });
    let injected = 0;
    hear(world, ({ packet, view, from }) => {
      // The first report after ACCEPT: NEED. It is lost, and host1 is told that it has arrived.
      if (packet[2] !== PacketType.report || from !== 1 || view.getUint32(40) === 0) return false;
      injected++;
      const next = view.getUint32(40) + view.getUint16(44);
      const owner = processOf(world.host(0));
      const ack = forge(
        { node: owner.node, push: view.getUint32(20) as PushId },
        { type: "reportAck", receiver: processOf(world.host(1)).node, next },
      );
      world.network.cut(1, { mute: true });
      world.queue.after(30, () => world.network.inject(1, ack, owner.address));
      world.queue.after(40, () => world.network.cut(1, { mute: false }));
      return true;
    });
    const watch = startPush(world);
    expect(runToEnd(world, [watch], 2 * STALL_PATIENCE_US)).toBeLessThan(STALL_PATIENCE_US + SOON_US);
    expect(injected).toBe(1);
    expect(watch.ended).toBe("finished");
    expect(outcomesOf(watch)).toEqual({ host1: "lost", host2: "complete" });
  });
});

describe("one packet that lies does not make a receiver set memory aside", () => {
  test("OFFER with far more targets than there are members", () => {
    const world = newGroup({ hosts: 3, seed: 52, host: { slots: 1_000 } });
    const windows: number[] = [];
    hear(world, ({ packet, from }) => {
      if (from !== 1 || packet[2] !== PacketType.report) return false;
      const decoded = decode(packet);
      if (typeof decoded === "string" || decoded.message.type !== "report") return false;
      for (const record of decoded.message.records) if (record.kind === "accept") windows.push(record.window);
      return windows.length > 0;
    });
    const owner = processOf(world.host(0));
    const sizes = { symbolSize: 516, blockSymbols: 8, statusIntervalUs: 20_000 };
    const ids = [processOf(world.host(1)).node];
    const offer = forge(
      { node: owner.node, push: 9 as PushId },
      { type: "offer", ...sizes, dryRun: false, check: false, targets: 0xffff_ffff, ids },
    );
    world.network.inject(1, offer, owner.address);
    world.run(world.queue.now + 100_000);
    expect(windows).toEqual([PUSH_SLOTS_MAX]);
  });
});
