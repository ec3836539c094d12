import { describe, expect, test } from "bun:test";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import { FailStep } from "../../src/wire/constants.ts";
import { SEND_TASK, type Task } from "../../src/wire/disk-port.ts";
import type { ReportRecord } from "../../src/wire/messages.ts";
import { encodeRemovalNames } from "../../src/wire/removal-names.ts";
import { Owner } from "./owner.ts";

const utf8 = new TextEncoder();
const EXTRA: Task = { ...SEND_TASK, removes: "extra" };
const names = encodeRemovalNames(["a", "a/b", "c"].map((path) => utf8.encode(path)));
const none = new Uint8Array();
const same: ReportRecord = { kind: "need", section: 0, entries: 1, update: undefined, content: undefined };

function removals(count: number, part: Uint8Array, last = true): ReportRecord {
  return { kind: "removals", count, last, names: part };
}

/** Two targets, host2 and host3, that have the manifest of a push that removes names, and have answered nothing. */
function asked(
  options: {
    readonly task?: Task;
    readonly names?: boolean;
    readonly entries?: number;
    readonly dryRun?: boolean;
  } = {},
): {
  owner: Owner;
  push: PushId;
  one: NodeId;
  two: NodeId;
} {
  const owner = new Owner({ members: 2, contentBlocks: 0, entries: options.entries ?? 1 });
  const { push, targets } = owner.start(1, [2, 3], "accepted", {
    task: options.task ?? EXTRA,
    names: options.names ?? false,
    dryRun: options.dryRun ?? false,
  });
  owner.takeManifest(push);
  const [one, two] = targets as [NodeId, NodeId];
  return { owner, push, one, two };
}

/** Blocks that the source was asked for. */
function blocksRead(owner: Owner): number {
  return owner.requests.filter(({ kind }) => kind === "next").length;
}

describe("a push that removes names (PROTOCOL §6.2)", () => {
  test("goes on when every target has told them all, if only one has any", () => {
    const { owner, push, one, two } = asked();
    for (const node of [one, two]) owner.report(node, push, same);
    owner.report(one, push, removals(3, none));
    expect(blocksRead(owner)).toBe(1);
    owner.report(two, push, removals(0, none));
    expect(blocksRead(owner)).toBeGreaterThan(1);
    expect(owner.outcomes).toEqual([]);
    expect(owner.told("need")).toEqual([
      { kind: "need", request: 1, host: "host2", updates: 0, removals: 3 },
      { kind: "need", request: 1, host: "host3", updates: 0, removals: 0 },
    ]);
  });

  test("ends when there is nothing to send and nothing to remove anywhere, or in a dry run", () => {
    for (const dryRun of [false, true]) {
      const owner = new Owner({ members: 1 });
      const { push, targets } = owner.start(1, [2], "accepted", { task: EXTRA, dryRun });
      owner.takeManifest(push);
      const [target] = targets as [NodeId];
      owner.report(target, push, same);
      expect(owner.outcomes).toEqual([]);
      owner.report(target, push, removals(dryRun ? 7 : 0, none));
      expect(owner.outcomes).toEqual([{ kind: "complete", updates: 0 }]);
      expect(blocksRead(owner)).toBe(1);
    }
  });

  test("of an empty manifest waits as well, and then removes", () => {
    const { owner, push, one, two } = asked({ entries: 0 });
    owner.report(one, push, removals(2, none));
    expect(blocksRead(owner)).toBe(1);
    owner.report(two, push, removals(2, none));
    expect(owner.told("need").map(({ host, removals: count }) => [host, count])).toEqual([
      ["host2", 2],
      ["host3", 2],
    ]);
    expect(blocksRead(owner)).toBeGreaterThan(1);
    for (const node of [one, two]) owner.report(node, push, { kind: "prepared" });
    expect(owner.sent.some(({ type }) => type === "commit")).toBe(true);
    for (const node of [one, two]) owner.report(node, push, { kind: "outcome", committed: true });
    expect(owner.outcomes).toEqual([
      { kind: "complete", updates: 0 },
      { kind: "complete", updates: 0 },
    ]);
  });

  test("of an empty manifest needs nothing of anybody, and says so, when nothing is removed", () => {
    const { owner } = asked({ entries: 0, task: SEND_TASK });
    expect(owner.told("need").map(({ host, updates }) => [host, updates])).toEqual([
      ["host2", 0],
      ["host3", 0],
    ]);
    expect(owner.outcomes).toHaveLength(2);
  });

  test("passes the names on as they come, and before the need", () => {
    const { owner, push, one } = asked({ names: true });
    owner.report(one, push, same);
    for (let at = 0; at < names.length; at += 4)
      owner.report(one, push, removals(3, names.slice(at, at + 4), at + 4 >= names.length));
    const about = owner.events.filter(({ kind }) => kind === "removals" || kind === "need");
    expect(about.map(({ kind }) => kind)).toEqual(["removals", "removals", "removals", "need"]);
    const told = owner.told("removals").flatMap(({ paths }) => paths);
    expect(told.map((path) => new TextDecoder().decode(path))).toEqual(["a", "a/b", "c"]);
  });

  test("that is only looked at does not ask for the source's further blocks", () => {
    const { owner, push, one, two } = asked({ task: { ...SEND_TASK, mode: "check" } });
    const differs = new Uint8Array([1]);
    for (const node of [one, two]) owner.report(node, push, { ...same, update: differs });
    expect(owner.outcomes).toEqual([
      { kind: "complete", updates: 1 },
      { kind: "complete", updates: 1 },
    ]);
    expect(blocksRead(owner)).toBe(1);
  });
});

describe("a target that tells its removals out of order is out", () => {
  const [first, rest] = [names.slice(0, 5), names.slice(5)];
  const cases: Readonly<Record<string, { task?: Task; names?: boolean; records: readonly ReportRecord[] }>> =
    {
      "that nobody asked for": { task: SEND_TASK, records: [same, removals(0, none)] },
      "in a comparison": { task: { ...EXTRA, mode: "check" }, records: [same, removals(0, none)] },
      "before its needs": { records: [removals(0, none)] },
      "with names that nobody wants": { records: [same, removals(3, names)] },
      "with another number in another part": {
        names: true,
        records: [same, removals(3, first, false), removals(4, rest)],
      },
      "with fewer names than it said": { names: true, records: [same, removals(4, names)] },
      "with more names than it said": { names: true, records: [same, removals(2, names, false)] },
      "with half a name": { names: true, records: [same, removals(3, names.slice(0, -1))] },
      "with a part missing": { names: true, records: [same, removals(3, rest)] },
      "with its parts exchanged": {
        names: true,
        records: [same, removals(3, rest, false), removals(3, first)],
      },
      "with a name that is no path": {
        names: true,
        records: [same, removals(1, Uint8Array.of(0, 2, 0x2e, 0x2e))],
      },
      "and goes on after the last part": { records: [same, removals(0, none), removals(0, none)] },
      "and then needs something": { records: [same, removals(0, none, true), same] },
    };
  for (const [name, { records, ...options }] of Object.entries(cases)) {
    test(name, () => {
      const { owner, push, one } = asked(options);
      for (const record of records) owner.report(one, push, record);
      // In the cases without an answer of the other target nothing else could have ended it.
      const own = owner.told("outcome").find(({ host }) => host === "host2");
      expect(own?.outcome).toEqual({ kind: "failed", text: "reported out of order" });
    });
  }
});

describe("failures", () => {
  test("say which name of the receiver's tree is to blame", () => {
    const { owner, push, one } = asked();
    const path = utf8.encode("d/x");
    owner.report(one, push, { kind: "fail", entry: undefined, errno: 13, step: FailStep.remove, path });
    expect(owner.requests.find(({ kind }) => kind === "explain")).toMatchObject({
      host: "host2",
      failure: { errno: 13, step: FailStep.remove, entry: undefined, path },
    });
    expect(owner.outcomes).toEqual([{ kind: "failed", text: "cannot remove (errno 13)" }]);
  });

  test("too many names: the need is told, and then why not", () => {
    const { owner, push, one } = asked({ task: { ...EXTRA, removesMax: 5 } });
    owner.report(one, push, same);
    owner.report(one, push, removals(6, none));
    owner.report(one, push, {
      kind: "fail",
      entry: undefined,
      errno: 0,
      step: FailStep.remove,
      path: undefined,
    });
    expect(owner.told("need")).toMatchObject([{ host: "host2", removals: 6 }]);
    expect(owner.outcomes).toEqual([{ kind: "failed", text: "would remove more names than allowed" }]);
  });

  test.each([true, false])(
    "too many names: a host is not done before it has refused, in a packet of its own (dry run: %p)",
    (dryRun) => {
      const { owner, push, one, two } = asked({ task: { ...EXTRA, removesMax: 2 }, dryRun });
      for (const node of [one, two]) owner.report(node, push, same);
      owner.report(two, push, removals(0, none));
      owner.report(one, push, removals(3, none));
      expect(owner.told("need")).toHaveLength(2);
      expect(owner.outcomes).toEqual([]);
      expect(blocksRead(owner)).toBe(1);
      owner.report(one, push, {
        kind: "fail",
        entry: undefined,
        errno: 0,
        step: FailStep.remove,
        path: undefined,
      });
      expect(owner.outcomes.map(({ kind }) => kind)).toEqual(["failed", "complete"]);
    },
  );

  test("too many names: none is told as one that goes, but in a dry run", () => {
    for (const dryRun of [false, true]) {
      const { owner, push, one } = asked({ task: { ...EXTRA, removesMax: 2 }, names: true, dryRun });
      owner.report(one, push, same);
      owner.report(one, push, removals(3, names));
      expect(owner.told("removals").length).toBe(dryRun ? 1 : 0);
      expect(owner.told("need")).toMatchObject([{ host: "host2", removals: 3 }]);
    }
  });

  test("of a removal while others switch is followed by the outcome, and told once", () => {
    const { owner, push, one, two } = asked();
    for (const node of [one, two]) {
      owner.report(node, push, same);
      owner.report(node, push, removals(1, none));
    }
    owner.take();
    for (const node of [one, two]) owner.report(node, push, { kind: "prepared" });
    const failed: ReportRecord = {
      kind: "fail",
      entry: undefined,
      errno: 5,
      step: FailStep.remove,
      path: undefined,
    };
    owner.report(one, push, failed);
    expect(owner.outcomes).toEqual([]);
    owner.report(one, push, { kind: "outcome", committed: false });
    owner.report(two, push, { kind: "outcome", committed: true });
    expect(owner.outcomes).toEqual([
      { kind: "failed", text: "cannot remove (errno 5)" },
      { kind: "complete", updates: 0 },
    ]);
  });
});

describe("members that never receive", () => {
  const namesFor = (owner: Owner) =>
    owner.requests.flatMap((request) => (request.kind === "names" ? [request] : []));

  test("are no targets, and are told of by name where names are wanted", () => {
    for (const wanted of [true, false]) {
      const owner = new Owner({ members: 3, readOnly: [3] });
      owner.start(1, [], "silent", { hosts: undefined, names: wanted });
      expect(owner.told("started")).toMatchObject([{ hosts: ["host2", "host4"], readOnly: ["host3"] }]);
      const expected = wanted ? [{ host: "host3", section: 0, update: undefined }] : [];
      expect(namesFor(owner)).toMatchObject(expected);
    }
  });

  test("are not told of by name where entries are not compared, nor is anybody", () => {
    const owner = new Owner({ members: 2, readOnly: [3] });
    const task: Task = { ...EXTRA, mode: "prune" };
    const { push } = owner.start(1, [], "silent", { hosts: undefined, names: true, task });
    owner.report(2n as NodeId, push, { kind: "accept", receiveBuffer: 8 << 20, window: 32 });
    owner.takeManifest(push);
    owner.report(2n as NodeId, push, same);
    owner.report(2n as NodeId, push, removals(0, none));
    expect(owner.outcomes).toEqual([{ kind: "complete", updates: 0 }]);
    expect(namesFor(owner)).toEqual([]);
  });

  test("are asked when they are named, and answer for themselves", () => {
    const owner = new Owner({ members: 2, readOnly: [3] });
    owner.start(1, [2, 3], "silent", { names: true });
    expect(owner.told("started")).toMatchObject([{ hosts: ["host2", "host3"], readOnly: [] }]);
    expect(namesFor(owner)).toEqual([]);
  });

  test("take part in a comparison", () => {
    const owner = new Owner({ members: 2, readOnly: [2, 3] });
    const task: Task = { ...SEND_TASK, mode: "check" };
    owner.start(1, [], "silent", { hosts: undefined, task, names: true });
    expect(owner.told("started")).toMatchObject([{ hosts: ["host2", "host3"], readOnly: [] }]);
    owner.timeout();
    expect(owner.sent.findLast(({ type }) => type === "offer")).toMatchObject({ check: true, dryRun: true });
  });

  test("are all that there is", () => {
    const owner = new Owner({ members: 1, readOnly: [2] });
    expect(() => owner.start(1, [], "silent", { hosts: undefined })).toThrow();
    expect(owner.told("rejected")).toMatchObject([{ text: "no other makuosan receives: all are read only" }]);
  });
});
