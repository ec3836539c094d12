import { describe, expect, test } from "bun:test";
import { SYNC_INTERVAL_US, TARGET_PATIENCE_US } from "../../src/engine/tuning.ts";
import type { BlockIndex, NodeId } from "../../src/wire/brand.ts";
import { FailStep } from "../../src/wire/constants.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { Owner } from "./owner.ts";

const self = 1n as NodeId;
const failed = { kind: "failed" } as const;

describe("reports out of their phase (PROTOCOL §6.2, §8)", () => {
  test("OUTCOME before the commit is no success", () => {
    const owner = new Owner({ members: 2 });
    const { push, targets } = owner.start(1, [2, 3], "silent");
    const [liar, other] = targets as [NodeId, NodeId];
    owner.report(liar, push, { kind: "accept", receiveBuffer: 1, window: 1 });
    owner.report(liar, push, { kind: "outcome", committed: true });
    expect(owner.outcomes).toMatchObject([failed]);
    owner.report(other, push, { kind: "accept", receiveBuffer: 1, window: 1 });
    expect(owner.outcomes).toHaveLength(1);
  });

  test("PREPARED before everything was sent brings no COMMIT", () => {
    for (const answers of ["accepted", "needing"] as const) {
      const owner = new Owner({ members: 1, contentBlocks: 400 });
      const { push, targets } = owner.start(1, [2], answers);
      const [liar] = targets as [NodeId];
      owner.report(liar, push, { kind: "prepared" });
      owner.report(liar, push, { kind: "outcome", committed: true });
      expect(owner.sent.filter(({ type }) => type === "commit")).toEqual([]);
      expect(owner.outcomes).toMatchObject([failed]);
    }
  });

  test("a flood of FAIL is told once, and ends the target", () => {
    for (const step of [FailStep.rename, FailStep.write]) {
      const owner = new Owner({ members: 2 });
      const { push, targets } = owner.start(1, [2, 3], "accepted");
      const [liar] = targets as [NodeId, NodeId];
      for (let count = 0; count < 1_000; count++)
        owner.report(liar, push, { kind: "fail", entry: undefined, errno: 5, step, path: undefined });
      expect(owner.requests.filter(({ kind }) => kind === "explain")).toHaveLength(1);
      expect(owner.outcomes).toMatchObject([failed]);
    }
  });
});

test("who has answered all may fall silent where nothing will be changed, as it may have made room for another push", () => {
  const check = { ...SEND_TASK, mode: "check" } as const;
  for (const order of [{ dryRun: true }, { task: check }, {}]) {
    const asks = Object.keys(order).length > 0;
    const owner = new Owner({ members: 2 });
    const { push, targets } = owner.start(1, [2, 3], "accepted", order);
    const [one, two] = targets as [NodeId, NodeId];
    owner.takeManifest(push);
    const all = new Uint8Array([1]);
    const need = { kind: "need", section: 0, entries: 1, update: all, content: all } as const;
    owner.report(one, push, need);
    for (const end = owner.now + 2 * TARGET_PATIENCE_US; owner.now < end; owner.now += SYNC_INTERVAL_US) {
      owner.status(two, push, 0);
      owner.timeout();
    }
    expect(owner.outcomes).toEqual(asks ? [] : [{ kind: "lost", text: "receive time out" }]);
    owner.report(two, push, need);
    const complete = { kind: "complete", updates: 1 } as const;
    if (asks) expect(owner.outcomes).toEqual([complete, complete]);
  }
});

test("the log has the beginning and the end of a push, and each target that it does not reach", () => {
  const owner = new Owner({ members: 1 });
  const { push, targets } = owner.start(1, [2], "accepted");
  const [one] = targets as [NodeId];
  owner.report(one, push, {
    kind: "fail",
    entry: undefined,
    errno: 28,
    step: FailStep.write,
    path: undefined,
  });
  const told = owner.told("log").filter(({ text }) => text.startsWith("push "));
  expect(told.map(({ level, text }) => [level, text.replace(/ 1\/\d+ /, " KEY ")])).toEqual([
    [2, "push KEY begins, to 1 host"],
    [1, "push KEY has not reached 10.0.0.2(host2): cannot write (errno 28)"],
    [2, "push KEY is over"],
  ]);
});

describe("the rate limit (option -T)", () => {
  test("does not wake the caller again and again while others rename", () => {
    const owner = new Owner({ members: 1, contentBlocks: 6, config: { rateLimit: 1_000_000 } });
    const { push, targets } = owner.start(1, [2], "needing");
    const [target] = targets as [NodeId];
    const all = 1 + 1 + 6 * 8 + 1;
    for (let turn = 0; turn < 200 && owner.sentOf(push) < all; turn++) {
      owner.now += 20_000;
      owner.timeout();
      if (owner.take() > 0) owner.status(target, push, 1);
    }
    expect(owner.sentOf(push)).toBe(all);
    // A NAK is under way for symbols that were only late; then the receiver is whole, and prepared.
    const missing = new Uint8Array(28);
    missing[0] = 3;
    owner.hear(target, push, { type: "nak", owner: self, blocks: [{ block: 2 as BlockIndex, missing }] });
    owner.report(target, push, { kind: "prepared" });
    expect(owner.sent.some(({ type }) => type === "commit")).toBe(true);
    let atOnce = 0;
    for (const until = owner.now + 100_000; owner.now < until; ) {
      const due = owner.engine.deadline();
      if (due <= owner.now) atOnce++;
      owner.now = Math.max(due, owner.now + 1);
      owner.timeout();
      owner.take();
    }
    expect(atOnce).toBe(0);
  });

  test("is shared by two pushes, half each", () => {
    const owner = new Owner({ members: 2, contentBlocks: 1_000, config: { rateLimit: 1_000_000 } });
    const pushes = [owner.start(1, [2], "needing"), owner.start(2, [3], "needing")];
    const before = pushes.map(({ push }) => owner.sentOf(push));
    for (const until = owner.now + 2_000_000; owner.now < until; ) {
      owner.now = Math.max(owner.engine.deadline(), owner.now + 1);
      for (const { push, targets } of pushes) {
        const used = Math.max(1, 2 + Math.floor((owner.sentOf(push) - 2) / 8));
        for (const node of targets) owner.status(node, push, used);
      }
      owner.timeout();
      owner.take();
    }
    const [one = 0, two = 0] = pushes.map(({ push }, index) => owner.sentOf(push) - (before[index] ?? 0));
    expect((one + two) * 576).toBeGreaterThan(1_900_000);
    expect(Math.min(one, two) / Math.max(one, two)).toBeGreaterThan(0.8);
  });
});

describe("a STATUS that is lost", () => {
  test("is asked for soon when a full window waits for it", () => {
    const owner = new Owner({ members: 1, contentBlocks: 100, slots: 16 });
    const { push, targets } = owner.start(1, [2], "needing");
    const [target] = targets as [NodeId];
    owner.take();
    // Everything has arrived, but is not used yet; the STATUS that says that it is used is lost.
    owner.status(target, push, 1, 40);
    expect(owner.take()).toBe(0);
    const [from, known] = [owner.now, owner.syncs.length];
    const isPoll = () => owner.syncs.slice(known).some(({ poll }) => poll);
    while (!isPoll() && owner.now < from + 1_000_000) {
      owner.now = owner.engine.deadline();
      owner.timeout();
    }
    expect(owner.now - from).toBeLessThan(SYNC_INTERVAL_US / 2);
    owner.status(target, push, 9, 40);
    expect(owner.take()).toBeGreaterThan(0);
  });
});
