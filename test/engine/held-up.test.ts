import { expect, test } from "bun:test";
import { createEngine } from "../../src/engine/node.ts";
import { SYNC_INTERVAL_US, TARGET_PATIENCE_US } from "../../src/engine/tuning.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { encode } from "../../src/wire/codec.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { Message } from "../../src/wire/messages.ts";
import { RX_CONTEXTS, RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { Owner } from "./owner.ts";
import { config, GROUP, us } from "./support.ts";

const OWNER = 9n as NodeId;
const FROM = { ip: 0x0a000009, port: 4000 };

/** A node whose places are all taken by pushes of one owner, at time 0. */
function busyNode() {
  const slots = Array.from({ length: 64 * RX_CONTEXTS }, (_, slot) => slot as Slot);
  const engine = createEngine(
    config(),
    { rx: new Uint32Array(RX_TABLE_WORDS), slots, slotBytes: 8192 },
    () => 0,
  );
  const aborted: number[] = [];
  const hear = (push: number, message: Message, now: number) => {
    engine.onControl(encode({ node: OWNER, push: push as PushId }, groupTag(GROUP), message), FROM, us(now));
    for (let next = engine.poll(); next !== undefined; next = engine.poll()) {
      if (next.kind !== "stage") continue;
      const { kind, key } = next.request;
      if (kind === "open") engine.onStage({ kind: "opened", key }, us(now));
      if (kind === "abort") aborted.push(key.push);
    }
  };
  const offer = (push: number, now: number) =>
    hear(
      push,
      {
        type: "offer",
        symbolSize: 512,
        blockSymbols: 8,
        dryRun: false,
        check: false,
        statusIntervalUs: 20_000,
        targets: 1,
        ids: [1n as NodeId],
      },
      now,
    );
  const sync = (push: number, now: number) =>
    hear(
      push,
      {
        type: "sync",
        phase: "content",
        poll: false,
        sequence: 0,
        edgeBlock: 0 as BlockIndex,
        edgeSymbol: 0,
        low: 0 as BlockIndex,
        roundTripUs: 1_000,
        ids: [],
      },
      now,
    );
  for (let push = 0; push < RX_CONTEXTS; push++) offer(push, 0);
  return { aborted, offer, sync };
}

test("a host that was held up first takes in what has come, and gives up no push for a new one", () => {
  const { aborted, offer, sync } = busyNode();
  const now = 4 * SYNC_INTERVAL_US;
  offer(RX_CONTEXTS, now);
  for (let push = 0; push < RX_CONTEXTS; push++) sync(push, now);
  offer(RX_CONTEXTS, now + SYNC_INTERVAL_US);
  expect(aborted).toEqual([]);
});

test("a push that its owner does not speak of, also a while later, makes room", () => {
  const { aborted, offer, sync } = busyNode();
  const now = 4 * SYNC_INTERVAL_US;
  offer(RX_CONTEXTS, now);
  for (let push = 1; push < RX_CONTEXTS; push++) sync(push, now);
  offer(RX_CONTEXTS, now + SYNC_INTERVAL_US - 1);
  expect(aborted).toEqual([]);
  offer(RX_CONTEXTS, now + SYNC_INTERVAL_US);
  expect(aborted).toEqual([0]);
});

test("an owner that was held up for hours takes that for no round trip", () => {
  const owner = new Owner({ members: 1 });
  const { push } = owner.start(1, [2], "accepted");
  owner.takeManifest(push);
  // Suspended, with the answer already in its socket.
  owner.now += 3 * 3_600_000_000;
  owner.status(2n as NodeId, push, 0);
  owner.timeout();
  expect(owner.syncs.at(-1)?.roundTripUs).toBe(TARGET_PATIENCE_US);
  expect(owner.outcomes).toEqual([]);
});
