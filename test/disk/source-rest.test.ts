import { expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { quietInNs } from "../../src/disk/quiet.ts";
import { createSource } from "../../src/disk/source.ts";
import { failed, type Sys } from "../../src/disk/sys.ts";
import type { BlockIndex, Slot } from "../../src/wire/brand.ts";
import { BlockKind } from "../../src/wire/constants.ts";
import type { PushKey, SourceReply } from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { problems, tree } from "./expectations.ts";
import {
  altered,
  CAPACITY,
  everything,
  freshKey,
  interpose,
  push,
  receiver,
  tools,
  unexpected,
  workspace,
} from "./support.ts";

/** Files that changed a moment ago: their times cannot prove that they hold still. */

const MARGIN_NS = 100_000_000n;
const COARSE_MARGIN_NS = 2_100_000_000n;

function kinds(blocks: readonly { readonly blockKind: BlockKind }[]): string {
  return blocks
    .map(({ blockKind }) => "mpcvac"[blockKind])
    .join("")
    .replace(/c+/g, "c");
}

/** When a file was last changed. */
function changedNs(path: string): bigint {
  return statSync(path, { bigint: true }).ctimeNs;
}

/** The clock, and how often a file was read from its start. */
function withClock(
  nowNs: () => bigint,
  more: Partial<Sys> = {},
): { readonly sys: Sys; readonly reads: () => number } {
  let reads = 0;
  const sys = interpose({ ...tools.sys, nowNs, ...more }, (call, args) => {
    if (call === "read" && args[2] === 0) reads++;
    return undefined;
  });
  return { sys, reads: () => reads };
}

/** A system that cannot tell whether a file is at rest. */
const unaware = { atRest: () => false };

/** Two directories, of which the first has a file `f`. */
function makeTree(space: { path(name: string): string }, content: string): string {
  tree(space.path("a"), { f: content });
  mkdirSync(space.path("b"));
  return space.path("a/f");
}

test("a file's times must be older than the margin, to the nanosecond", () => {
  const times = (ns: bigint) => ({
    changedNs: ns,
    seconds: ns / 1_000_000_000n,
    nanoseconds: Number(ns % 1_000_000_000n),
  });
  const at = 1_700_000_000_000_000_001n;
  expect(quietInNs(times(at), at + MARGIN_NS)).toBe(0n);
  expect(quietInNs(times(at), at + MARGIN_NS - 1n)).toBe(1n);
  expect(quietInNs(times(at), at)).toBe(MARGIN_NS);
  // A time to come has its own clock: it makes nobody wait longer than that.
  expect(quietInNs(times(at), at - 1n)).toBe(MARGIN_NS);
  expect(quietInNs(times(at), 0n)).toBe(MARGIN_NS);
  // Whole seconds may be two of them.
  const whole = at - 1n;
  expect(quietInNs(times(whole), whole + COARSE_MARGIN_NS)).toBe(0n);
  expect(quietInNs(times(whole), whole + COARSE_MARGIN_NS - 1n)).toBe(1n);
  // Either time may be the younger one; but a time of modification to come may have been set by anyone.
  expect(quietInNs({ ...times(at), changedNs: 1n }, at)).toBe(MARGIN_NS);
  expect(quietInNs({ ...times(at + 5n), changedNs: 1n }, at)).toBe(0n);
});

test.each([
  ["just changed is read twice", 0n, 2],
  ["that came to rest a nanosecond too late is read twice", MARGIN_NS - 1n, 2],
  ["that came to rest in time is read once", MARGIN_NS, 1],
  ["from the future is read twice", -3_600_000_000_000n, 2],
])("where the system cannot tell more, a file %s, and sent once", (_, age, expected) => {
  using space = workspace();
  const file = makeTree(space, "young");
  const { sys, reads } = withClock(() => changedNs(file) + age, unaware);
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], source: { sys } });
  expect(problems(result)).toEqual([]);
  expect(reads()).toBe(expected);
  expect(kinds(result.blocks)).toBe("mpcv");
  expect(result.outcomes[0]?.committed).toBe(true);
  expect(readFileSync(space.path("b/f"), "utf8")).toBe("young");
});

test.each([
  ["in the same tick is read twice", 0n, 2],
  ["a nanosecond before is read once", 1n, 1],
  ["in time to come is read twice", -1n, 2],
])("a file at rest that changed %s", (_, age, expected) => {
  using space = workspace();
  for (const bytes of [5, CAPACITY + 1]) {
    const name = `${bytes}`;
    tree(space.path(`a${name}`), { f: "x".repeat(bytes) });
    mkdirSync(space.path(`b${name}`));
    const { sys, reads } = withClock(() => changedNs(space.path(`a${name}/f`)) + age, { atRest: () => true });
    const to = [receiver(space.path(`b${name}`))];
    const result = push({ from: space.path(`a${name}`), to, source: { sys } });
    expect(result.outcomes[0]?.committed).toBe(true);
    expect(reads()).toBe(expected);
  }
});

test("a file that somebody has open for writing is read twice, and once when he has closed it", () => {
  using space = workspace();
  const file = makeTree(space, "young");
  const writer = openSync(file, "r+");
  const { sys, reads } = withClock(() => changedNs(file) + 1n);
  const send = () => {
    const before = reads();
    expect(
      problems(push({ from: space.path("a"), to: [receiver(space.path("b"))], source: { sys } })),
    ).toEqual([]);
    return reads() - before;
  };
  expect(send()).toBe(2);
  closeSync(writer);
  writeFileSync(space.path("b/f"), "other");
  expect(send()).toBe(1);
});

/** A file system on which all changes of the test fall into one tick. */
function stoppedTimes(ns: bigint): Sys {
  const stop = <T>(stat: T): T => (failed(stat) ? stat : { ...stat, changedNs: ns });
  return altered({
    nowNs: () => ns,
    stat: (fd) => stop(tools.sys.stat(fd)),
    statMany: (dir, names) => tools.sys.statMany(dir, names).map(stop),
  });
}

test("a file that is written over within one tick of the clock, between two of its blocks, arrives whole", () => {
  using space = workspace();
  const file = makeTree(space, "o".repeat(2 * CAPACITY));
  const time = new Date(1_600_000_000_123);
  utimesSync(file, time, time);
  let writes = 0;
  const sys = interpose(stoppedTimes(changedNs(file)), (call, args) => {
    if (call !== "read" || args[2] !== CAPACITY || writes++ > 0) return undefined;
    writeFileSync(file, "n".repeat(2 * CAPACITY), { flag: "r+" });
    utimesSync(file, time, time);
    return undefined;
  });
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], source: { sys } });
  expect(problems(result)).toEqual([]);
  expect(kinds(result.blocks)).toBe("mpcvacv");
  expect(readFileSync(space.path("b/f"), "utf8")).toBe("n".repeat(2 * CAPACITY));
});

test("a file that is written all the time is reported and not sent a second time, in a bounded time", () => {
  using space = workspace();
  const file = makeTree(space, "x".repeat(2 * CAPACITY));
  // Each look finds it written just now, in the same length.
  const sys = interpose(tools.sys, (call) => {
    if (call === "stat" || call === "statMany") writeFileSync(file, "y".repeat(2 * CAPACITY), { flag: "r+" });
    return undefined;
  });
  const from = performance.now();
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], source: { sys } });
  expect(performance.now() - from).toBeLessThan(2_000);
  expect(problems(result)).toEqual(["changed f"]);
  expect(kinds(result.blocks)).toBe("mpcv");
  expect(result.blocks.at(-1)?.final).toBe(true);
  expect(existsSync(space.path("b/f"))).toBe(false);
});

/** A source of `base`, whose file `f` has just been written: what it answers, and what it waits for. */
function youngSource(base: string) {
  const replies: SourceReply[] = [];
  const waits: (() => void)[] = [];
  const source = createSource({
    ...tools,
    sys: { ...tools.sys, ...unaware, nowNs: () => changedNs(`${base}/f`) },
    base,
    emit: (reply) => replies.push(reply),
    tell: () => {},
    log: unexpected,
    later: (_, resume) => waits.push(resume),
  });
  return { source, replies, waits };
}

test("while one push waits for a file to come to rest, others go on; closing it ends the wait without an answer", () => {
  using space = workspace();
  tree(space.path("a"), { f: "young" });
  const { source, replies, waits } = youngSource(space.path("a"));
  const slot = 1 as Slot;
  const next = (key: PushKey, block: number) => {
    source.handle({ kind: "next", key, slot, block: block as BlockIndex });
    return replies.splice(0).map((reply) => (reply.kind === "block" ? reply.blockKind : reply.kind));
  };
  const begin = () => {
    const key = freshKey();
    source.handle({
      kind: "open",
      key,
      selection: everything,
      task: SEND_TASK,
      dryRun: false,
      names: false,
      capacity: CAPACITY,
    });
    expect(next(key, 0)).toEqual([BlockKind.manifest]);
    source.handle({ kind: "union", key, section: 0, content: Uint8Array.of(1) });
    expect(next(key, 1)).toEqual([BlockKind.plan]);
    expect(next(key, 2)).toEqual([BlockKind.content]);
    expect(next(key, 3)).toEqual([]);
    return key;
  };
  const first = begin();
  const second = begin();
  expect(waits).toHaveLength(2);
  source.handle({ kind: "close", key: first });
  expect(replies.splice(0)).toEqual([{ kind: "closed", key: first }]);
  for (const resume of waits.splice(0)) resume();
  expect(waits).toEqual([]);
  const verdict = replies.splice(0);
  expect(verdict).toMatchObject([{ kind: "block", key: second, blockKind: BlockKind.verdict, final: true }]);
  source.handle({ kind: "close", key: second });
});

test("blocks that are asked for together come in order, wait together, and end with the final one", () => {
  using space = workspace();
  tree(space.path("a"), { f: "young" });
  const { source, replies, waits } = youngSource(space.path("a"));
  const key = freshKey();
  const next = (block: number) =>
    source.handle({ kind: "next", key, slot: block as Slot, block: block as BlockIndex });
  const about = { key, selection: everything, task: SEND_TASK, dryRun: false, names: false };
  source.handle({ kind: "open", ...about, capacity: CAPACITY });
  next(0);
  source.handle({ kind: "union", key, section: 0, content: Uint8Array.of(1) });
  for (const block of [1, 2, 3, 4, 5]) next(block);
  const told = () =>
    replies
      .splice(0)
      .map((reply) => (reply.kind === "block" ? [reply.block, reply.slot, reply.blockKind] : reply));
  const { manifest, plan, content, verdict } = BlockKind;
  expect(told()).toEqual([
    [0, 0, manifest],
    [1, 1, plan],
    [2, 2, content],
  ] as unknown as ReturnType<typeof told>);
  // What comes while the verdict waits has to wait as well.
  next(6);
  expect(replies).toEqual([]);
  expect(waits).toHaveLength(1);
  waits[0]?.();
  expect(told()).toEqual([[3, 3, verdict]] as unknown as ReturnType<typeof told>);
  next(7);
  expect(replies).toEqual([]);
  source.handle({ kind: "close", key });
  expect(replies).toEqual([{ kind: "closed", key }]);
});
