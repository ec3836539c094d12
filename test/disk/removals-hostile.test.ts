import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { inManifestOrder, STAGE_NAME } from "../../src/disk/names.ts";
import { encodeAmendments } from "../../src/wire/amendment.ts";
import { BlockKind, FailStep } from "../../src/wire/constants.ts";
import type { DiskFailure } from "../../src/wire/disk-port.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { NO_TERMS, type Terms } from "../../src/wire/terms.ts";
import { tree } from "./expectations.ts";
import { removalsOf } from "./removal-model.ts";
import { entry, protocol, Sender, unchanged } from "./sender.ts";
import { interpose, receiver, snapshot, tools, workspace } from "./support.ts";

/** Manifests and terms that lie: at worst, names of the base go that an honest owner could have had removed. */

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const all: Terms = { ...NO_TERMS, mode: "prune", removes: true, baseListed: true, namesWanted: true };
const fifo = (path: string) => entry(path, { type: "fifo", size: 0 });
const directory = (path: string, listed: boolean) =>
  entry(path, { type: "directory", size: 0, mode: 0o755, listed: listed || undefined });
const ENOMEM = 12;

/** A base with links that lead out of it, and what another push has staged. */
function trap(space: { path(name: string): string }): void {
  tree(space.path("out"), { "d/f": "outside", g: "outside" });
  tree(space.path("b"), { "a/b/c": "1", "a/d": "2", "b/a": "3", [`${STAGE_NAME}/1234-1/0`]: "staged" });
  chmodSync(space.path(`b/${STAGE_NAME}`), 0o700);
  symlinkSync(space.path("out"), space.path("b/link"));
  symlinkSync("../../out", space.path("b/a/link"));
  symlinkSync("../out/d", space.path("b/c"));
  symlinkSync(`${STAGE_NAME}/1234-1`, space.path("b/staged"));
}

const path = fc
  .array(fc.constantFrom("a", "b", "c", "d", "f", "g", "link", "staged", STAGE_NAME, "1234-1", "0"), {
    minLength: 1,
    maxLength: 3,
  })
  .map((names) => names.join("/"));
const paths = fc.uniqueArray(path, { maxLength: 6 }).map((list) => list.sort(inManifestOrder));

/** Entries of these paths in which nothing is inside of what is no directory. */
function manifest(list: readonly string[], kinds: readonly number[]): Entry[] {
  return list.map((path, i) => {
    const kind = list[i + 1]?.startsWith(`${path}/`) === true ? 1 : (kinds[i] ?? 0);
    if (kind === 0) return fifo(path);
    if (kind === 3) return entry(path, { type: "other", size: 0, mode: 0, seconds: 0n });
    return directory(path, kind === 1);
  });
}

test("nothing outside of the base goes, nor what is staged, whatever is said", () => {
  const terms = fc.record({
    mode: fc.constantFrom("send" as const, "prune" as const),
    baseListed: fc.boolean(),
    missing: paths,
    excludes: fc.subarray(["a", "d/", "*/f", "[", "*"], { maxLength: 2 }),
  });
  const kinds = fc.array(fc.nat(3), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(terms, paths, kinds, ({ missing, excludes, ...more }, list, kinds) => {
      using space = workspace();
      trap(space);
      const outside = snapshot(space.path("out"));
      const staged = snapshot(space.path(`b/${STAGE_NAME}`));
      const apart = missing.filter(
        (path, i) => !missing.slice(0, i).some((above) => path.startsWith(`${above}/`)),
      );
      const to = receiver(space.path("b"));
      const sender = new Sender(to);
      const used = sender.under(
        {
          ...all,
          ...more,
          missing: apart.map(bytes),
          excludes: excludes.map(bytes),
          base: excludes.length === 0 ? bytes("") : bytes("/base"),
        },
        manifest(list, kinds),
      );
      if (used.failure === undefined) {
        const { names = [] } = removalsOf({ used: [used] }) ?? {};
        const before = snapshot(space.path("b"));
        expect(sender.commit().kind).toBe("committed");
        const after = snapshot(space.path("b"));
        for (const path of before.keys())
          expect([path, after.has(path)]).toEqual([path, !names.includes(path.slice(1))]);
      } else {
        sender.ask("abort");
      }
      expect(snapshot(space.path("out"))).toEqual(outside);
      expect(snapshot(space.path(`b/${STAGE_NAME}`))).toEqual(staged);
      expect(to.log).toEqual([]);
    }),
    { numRuns: 300 },
  );
}, 60_000);

test.each([
  ["an entry", { missing: [bytes("d")] }, [directory("d", true)]],
  ["around an entry", { missing: [bytes("d")] }, [fifo("d/x")]],
  ["where receivers stage", { missing: [bytes(STAGE_NAME)] }, []],
  ["inside of where receivers stage", { missing: [bytes(`${STAGE_NAME}/x`)] }, []],
])("what is missing is not %s", (_, terms, entries) => {
  unchanged((to) => {
    const sender = new Sender(to);
    expect(sender.under({ ...all, ...terms }, entries).failure).toMatchObject(protocol);
    expect(sender.ask("commit").kind).toBe("failed");
  });
});

test.each<[string, (sender: Sender) => DiskFailure | undefined]>([
  ["a plan", (sender) => sender.plan([1]).failure],
  [
    "an amendment",
    (sender) => {
      expect(sender.plan([]).failure).toBeUndefined();
      return sender.send(BlockKind.amendment, encodeAmendments([{ entry: 0, to: entry("f") }])).failure;
    },
  ],
])("where nothing is brought over no content comes either: %s", (_, act) => {
  unchanged((to) => {
    const sender = new Sender(to);
    const { need, failure } = sender.under(all, [entry("f"), fifo("mine")]);
    expect([need?.update, need?.content, failure]).toEqual([undefined, undefined, undefined]);
    expect(act(sender)).toMatchObject(protocol);
  });
});

test("where receivers stage is no directory of the owner's", () => {
  unchanged((to) => {
    const { failure } = new Sender(to).under(all, [directory(STAGE_NAME, true)]);
    expect(failure).toEqual({ errno: 1, step: FailStep.manifest, entry: 0 });
  });
});

test("a push that would remove more than it may keep in memory fails before it changes anything", () => {
  using space = workspace();
  tree(space.path("b"), { "keep/x": "" });
  mkdirSync(space.path("b/d"));
  for (let i = 0; i < 2_000; i++) writeFileSync(space.path(`b/d/${"n".repeat(100)}${i}`), "");
  const before = snapshot(space.path("b"));
  const tell = (limit: number, terms: Partial<Terms>) => {
    const sender = new Sender(receiver(space.path("b"), { limits: { push: limit, all: limit } }), {
      dryRun: true,
    });
    const { failure, removals } = sender.under({ ...all, ...terms }, [directory("keep", true)]);
    return failure ?? removals?.count;
  };
  const failure = { errno: ENOMEM, step: FailStep.manifest, entry: undefined };
  // The listing alone, then the listing and the names; both fit where there is room for them.
  expect(tell(100_000, { namesWanted: false })).toEqual(failure);
  expect(tell(400_000, { namesWanted: false })).toBe(2_002);
  expect(tell(400_000, {})).toEqual(failure);
  expect(tell(1_000_000, {})).toBe(2_002);
  expect(snapshot(space.path("b"))).toEqual(before);
});

test("memory that was needed only for a while is given back at once", () => {
  using space = workspace();
  const names: string[] = [];
  for (let d = 0; d < 40; d++) {
    const listed = `${10 + d}`;
    names.push(listed);
    mkdirSync(space.path(`b/${listed}/extra`), { recursive: true });
    for (let f = 0; f < 50; f++) writeFileSync(space.path(`b/${listed}/extra/${f}`), "");
    for (let f = 0; f < 50; f++) writeFileSync(space.path(`b/${listed}/${f}`), "");
  }
  const least = (namesWanted: boolean) => {
    for (let limit = 1_000; ; limit += 1_000) {
      const to = receiver(space.path("b"), { limits: { push: limit, all: limit } });
      const sender = new Sender(to, { dryRun: true });
      const entries = names.map((name) => directory(name, true));
      if (sender.under({ ...all, namesWanted }, entries).removals?.count === 4_040) return limit;
    }
  };
  // Three listings at a time: of the base, of a directory, and of one in it; all of them would be 200,000 bytes.
  expect(least(false)).toBeLessThan(16_000);
  // A stream of 36,000 bytes, in a table of at most twice as many, grown from one of half.
  expect(least(true)).toBeLessThan(90_000);
});

test("memory that a push has kept for its removals is given back", () => {
  using space = workspace();
  tree(space.path("b"), { "d/x": "", "e/y": "", f: "" });
  const to = receiver(space.path("b"), { limits: { push: 10_000, all: 10_000 } });
  for (let i = 0; i < 50; i++) {
    const sender = new Sender(to, { dryRun: true });
    expect(sender.under(all, []).removals?.count).toBe(5);
    expect(sender.ask("abort").kind).toBe("closed");
  }
});

test("the owner hears of the switch before what was removed is cleared away, if that is much", () => {
  for (const [names, expected] of [
    [4_096, ["cleared", "committed"]],
    [4_097, ["committed", "cleared"]],
  ] as const) {
    using space = workspace();
    tree(space.path("b"), { x: "" });
    for (let i = 1; i < names; i++) writeFileSync(space.path(`b/${i}`), "");
    const order: string[] = [];
    const sys = interpose(tools.sys, (call, args) => {
      if (call === "removeFile" && args[1] === "=0") order.push("cleared");
      return undefined;
    });
    const to = receiver(space.path("b"), { sys, heard: (reply) => order.push(reply.kind) });
    const sender = new Sender(to);
    sender.under(all, []);
    expect(sender.commit().kind).toBe("committed");
    expect(order.slice(-2)).toEqual([...expected]);
  }
});

test("an error while clearing away late is in the log, and no second answer", () => {
  using space = workspace();
  mkdirSync(space.path("b"));
  for (let i = 0; i < 5_000; i++) writeFileSync(space.path(`b/${i}`), "");
  const sys = interpose(tools.sys, (call, args) => {
    if (call === "removeFile" && args[1] === "=0") throw new Error("broken");
    return undefined;
  });
  const to = receiver(space.path("b"), { sys });
  const sender = new Sender(to);
  sender.under(all, []);
  expect(sender.commit().kind).toBe("committed");
  expect(to.log).toHaveLength(1);
  expect(sender.ask("commit").kind).toBe("failed");
  const next = receiver(space.path("b"));
  expect([next.cleanAtStart(), next.log]).toEqual([0, []]);
  expect([...snapshot(space.path("b")).keys()]).toEqual([]);
});
