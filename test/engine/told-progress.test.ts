import { describe, expect, test } from "bun:test";
import { PROGRESS_US, SILENT_US } from "../../src/engine/tuning.ts";
import type { NodeId } from "../../src/wire/brand.ts";
import { Owner } from "./owner.ts";

const CONTENT_BLOCKS = 4;
/** Bytes of content in a block of the test's owner, and packets in it. */
const BLOCK_BYTES = 8 * 516 - 16;
const BLOCK_PACKETS = 8;
const CONTENT_BYTES = CONTENT_BLOCKS * BLOCK_BYTES;

/** An owner and two targets that need everything; all of it has been taken to be sent. */
function sentAll(progress: boolean): {
  owner: Owner;
  push: number;
  one: NodeId;
  two: NodeId;
  start: ReturnType<Owner["start"]>;
} {
  const owner = new Owner({ members: 2, contentBlocks: CONTENT_BLOCKS });
  const start = owner.start(1, [2, 3], "needing", { progress });
  const { push, targets } = start;
  const [one, two] = targets as [NodeId, NodeId];
  const all = 1 + 1 + CONTENT_BLOCKS * BLOCK_PACKETS + 1;
  for (let turn = 0; turn < 100 && owner.sentOf(push) < all; turn++) {
    owner.now += 1_000;
    owner.timeout();
    if (owner.take() > 0) for (const node of targets) owner.status(node, push, 1);
  }
  expect(owner.sentOf(push)).toBe(all);
  return { owner, push, one, two, start };
}

/** What the newest progress says of each host: state and bytes. */
function newest(owner: Owner): readonly (readonly [string, string, number])[] {
  const hosts = owner.told("progress").at(-1)?.hosts ?? [];
  return hosts.map(({ host, state, doneBytes }) => [host, state, doneBytes]);
}

describe("progress", () => {
  test("is told only to those who want it, and then every 200 ms, not one microsecond sooner", () => {
    for (const progress of [false, true]) {
      const owner = new Owner({ members: 1 });
      const from = owner.now;
      owner.start(1, [2], "silent", { progress });
      owner.now = from + PROGRESS_US - 1;
      owner.timeout();
      expect(owner.told("progress")).toHaveLength(0);
      owner.now = from + PROGRESS_US;
      owner.timeout();
      expect(owner.told("progress")).toHaveLength(progress ? 1 : 0);
      if (progress) expect(newest(owner)).toEqual([["host2", "offered", 0]]);
    }
  });

  test("says how much each host is done with", () => {
    const { owner, start, one, two } = sentAll(true);
    owner.status(one, start.push, 4);
    owner.status(two, start.push, 2);
    owner.now += PROGRESS_US;
    owner.timeout();
    expect(newest(owner)).toEqual([
      ["host2", "live", 2 * BLOCK_BYTES],
      ["host3", "live", 0],
    ]);
    expect(owner.told("progress").at(-1)).toMatchObject({
      phase: "prepare",
      sentBytes: CONTENT_BYTES,
      contentBytes: CONTENT_BYTES,
    });
  });

  test("is told at the end of the content, and right before the commit", () => {
    const { owner, start, one, two } = sentAll(true);
    const atEnd = owner.told("progress").filter(({ sentBytes }) => sentBytes === CONTENT_BYTES);
    expect(atEnd).toHaveLength(1);
    const before = owner.told("progress").length;
    for (const node of [one, two]) owner.report(node, start.push, { kind: "prepared" });
    expect(newest(owner)).toEqual([
      ["host2", "prepared", CONTENT_BYTES],
      ["host3", "prepared", CONTENT_BYTES],
    ]);
    expect(owner.told("progress").at(-1)).toMatchObject({ phase: "prepare" });
    expect(owner.told("progress")).toHaveLength(before + 1);
    expect(owner.sent.at(-1)?.type).toBe("commit");
  });

  test("does not go back where a host that has everything cannot switch", () => {
    const { owner, start, one, two } = sentAll(true);
    owner.status(one, start.push, 4);
    owner.status(two, start.push, 2);
    for (const node of [one, two]) owner.report(node, start.push, { kind: "prepared" });
    owner.report(two, start.push, { kind: "outcome", committed: false });
    owner.now += PROGRESS_US;
    owner.timeout();
    expect(newest(owner)).toEqual([
      ["host2", "prepared", CONTENT_BYTES],
      ["host3", "ended", CONTENT_BYTES],
    ]);
  });

  test("names hosts that have fallen silent, and those that are out", () => {
    const { owner, start, one, two } = sentAll(true);
    const heardAt = owner.now;
    owner.report(two, start.push, { kind: "fail", entry: undefined, errno: 5, step: 2, path: undefined });
    owner.now = heardAt + SILENT_US - 1;
    owner.timeout();
    expect(newest(owner).map(([host, state]) => [host, state])).toEqual([
      ["host2", "live"],
      ["host3", "ended"],
    ]);
    owner.now += PROGRESS_US;
    owner.timeout();
    expect(newest(owner)[0]?.slice(0, 2)).toEqual(["host2", "silent"]);
    owner.status(one, start.push, 1);
    owner.now += PROGRESS_US;
    owner.timeout();
    expect(newest(owner)[0]?.slice(0, 2)).toEqual(["host2", "live"]);
  });
});
