import { expect, test } from "bun:test";
import { READ_AHEAD } from "../../src/engine/tuning.ts";
import type { SourceRequest } from "../../src/wire/disk-port.ts";
import { Owner } from "./owner.ts";

/** Blocks that the source is asked for, in the order of the requests. */
function asked(requests: readonly SourceRequest[]): number[] {
  return requests.flatMap((request) => (request.kind === "next" ? [request.block] : []));
}

test("the manifest is asked for block by block, what follows it several at once, and nothing twice", () => {
  const owner = new Owner({ members: 1, contentBlocks: 20 });
  const accepted = owner.start(1, [2], "accepted");
  owner.takeManifest(accepted.push);
  expect(asked(owner.requests)).toEqual([0]);
  const [node] = accepted.targets;
  if (node === undefined) throw new Error("no target");
  const all = new Uint8Array([1]);
  owner.report(node, accepted.push, { kind: "need", section: 0, entries: 1, update: all, content: all });
  const blocks = asked(owner.requests);
  expect(blocks.slice(1, 1 + READ_AHEAD)).toEqual(Array.from({ length: READ_AHEAD }, (_, i) => i + 1));
  expect(new Set(blocks).size).toBe(blocks.length);
});

test("slots that no block comes for are good for others of the same push, and for other pushes afterwards", () => {
  // Two slots, of which a push gets no more: each block that is used frees one.
  const owner = new Owner({ members: 1, contentBlocks: 0, slots: 4 });
  for (const request of [1, 2, 3]) {
    const { push, targets } = owner.start(request, [2], "needing");
    const [node] = targets;
    if (node === undefined) throw new Error("no target");
    owner.take();
    owner.status(node, push, 3);
    owner.report(node, push, { kind: "prepared" });
    owner.report(node, push, { kind: "outcome", committed: true });
    owner.now += 100_000;
    owner.timeout();
    owner.now += 100_000;
    owner.timeout();
    owner.now += 100_000;
    owner.timeout();
    expect(owner.told("finished").map((event) => event.request)).toContain(request);
  }
});
