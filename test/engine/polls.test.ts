import { expect, test } from "bun:test";
import { SEGMENTS } from "../../src/engine/tuning.ts";
import type { NodeId } from "../../src/wire/brand.ts";
import { DataFlag } from "../../src/wire/constants.ts";
import { TxRow } from "../../src/wire/tx-row.ts";
import { Owner } from "./owner.ts";

test("a window that goes out at once asks as often as one that goes out bit by bit, so that the next can begin before it has all been seen", () => {
  const owner = new Owner({ members: 1, contentBlocks: 80 });
  const { push } = owner.start(1, [2], "silent");
  const node = 2n as NodeId;
  // A buffer for 32 packets, whatever comes.
  owner.report(node, push, { kind: "accept", receiveBuffer: 1, window: 64 });
  owner.takeManifest(push);
  const all = new Uint8Array([1]);
  owner.report(node, push, { kind: "need", section: 0, entries: 1, update: all, content: all });
  for (let turn = 0; turn < 8; turn++) {
    owner.take();
    owner.now += 2_000;
    owner.status(node, push, 1, 65);
    owner.timeout();
  }
  owner.rows.length = 0;
  owner.status(node, push, 32, 96);
  owner.take();
  const between = [0];
  for (const row of owner.rows) {
    between.push((between.pop() ?? 0) + (row[TxRow.count] ?? 0));
    if (((row[TxRow.flags] ?? 0) & DataFlag.poll) !== 0) between.push(0);
  }
  expect(between).toEqual([...Array<number>(SEGMENTS).fill(32 / SEGMENTS), 0]);
});
