import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import type { Failed, Sys } from "../../src/disk/sys.ts";
import { paths } from "./pruning.ts";
import { interpose, type PushResult, push, receiver, run, snapshot, tools, workspace } from "./support.ts";

/**
 * The receiver is stopped, or meets an error, at each single system call that a push with removals makes there: nothing goes before all that is
 * new is there, and what must stay stays.
 */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EIO = 5;
class Killed extends Error {}

const task = { removes: "extra", excludes: paths("*.keep") } as const;
const extras = [
  "/gone",
  "/gone/x",
  "/gone/y",
  "/gone/y/z",
  "/half/bad",
  "/half/sub",
  "/half/sub/bad",
  "/d/extra",
];
const kept = ["/half", "/half/a.keep", "/d/b.keep", "/c.keep"];

/** The trees of one push. In `b` is all that can go, and what stays in spite of it. */
function makeTrees(root: string): { from: string; base: string } {
  run("sh", [
    "-c",
    `set -e; mkdir -p ${root}/a/d ${root}/a/new ${root}/b/d ${root}/b/gone/y ${root}/b/half/sub ${root}/b/file/in
    cd ${root}/a; echo new > new/f; echo changed > d/f; echo same > d/same; echo file > file
    cd ${root}/b; echo old > d/f; cp -p ../a/d/same d; echo x > d/extra; echo k > d/b.keep; echo k > c.keep; echo k > half/a.keep
    echo x > half/bad; echo x > half/sub/bad; echo x > gone/x; echo x > gone/y/z; echo x > file/in/x`,
  ]);
  return { from: `${root}/a`, base: `${root}/b` };
}

/** A tree by path, without directories' times: each change of a name changes one. */
function visible(base: string): Map<string, string> {
  const timeless = (state: string) =>
    state.startsWith("4") ? state.split(" ").slice(0, 3).join(" ") : state;
  const all = [...snapshot(base)].filter(([path]) => !path.startsWith(`/${STAGE_NAME}`));
  return new Map(all.map(([path, state]) => [path, timeless(state)]));
}

type Trees = { readonly before: Map<string, string>; readonly after: Map<string, string> };

/** What is wrong with a tree on its way from the one to the other. */
function faultsOf(base: string, { before, after }: Trees): string[] {
  const now = visible(base);
  const wrong: string[] = [];
  for (const [path, state] of now)
    if (state !== before.get(path) && state !== after.get(path)) wrong.push(`${path} is mixed`);
  for (const path of before.keys()) if (after.has(path) && !now.has(path)) wrong.push(`${path} is missing`);
  for (const path of kept) if (now.get(path) !== before.get(path)) wrong.push(`${path} has not stayed`);
  if (extras.every((path) => now.has(path))) return wrong;
  for (const [path, state] of after) if (now.get(path) !== state) wrong.push(`${path} had to come first`);
  return wrong;
}

/** One push in which `act` is called at system call number `n` of the receiver, from the first one on or from the commit on. */
function runWith(
  trees: { from: string; base: string },
  n: number,
  { commit, dies }: { commit: boolean; dies: boolean },
) {
  let calls = 0;
  let counting = !commit;
  let met: keyof Sys | undefined;
  let dead = false;
  /** Counts a call; whether it fails. */
  const fails = (call: keyof Sys): boolean => {
    if (dead) throw new Killed();
    if (!counting || ++calls !== n) return false;
    met = call;
    dead = dies;
    if (dies) throw new Killed();
    return !["close", "nowNs", "writeBack", "sequential"].includes(call);
  };
  const statMany: Sys["statMany"] = (dir, names) =>
    fails("statMany") ? names.map(() => -EIO as Failed) : tools.sys.statMany(dir, names);
  const sys = interpose({ ...tools.sys, statMany }, (call) =>
    call !== "statMany" && fails(call) ? -EIO : undefined,
  );
  const before = (moment: number | "commit") => {
    if (moment === "commit") counting = commit;
  };
  const result: PushResult = push({ from: trees.from, to: [receiver(trees.base, { sys })], task, before });
  return { outcome: result.outcomes[0], met };
}

function setUp(space: { path(name: string): string }) {
  const { from, base } = makeTrees(space.path("model"));
  let copies = 0;
  const fresh = () => {
    const copy = space.path(`copy${copies++}`);
    run("cp", ["-a", base, copy]);
    return { from, base: copy };
  };
  const whole = fresh();
  expect(push({ from, to: [receiver(whole.base)], task }).outcomes[0]?.committed).toBe(true);
  const trees = { before: visible(base), after: visible(whole.base) };
  expect(extras.filter((path) => !trees.before.has(path) || trees.after.has(path))).toEqual([]);
  expect(kept.filter((path) => trees.before.get(path) !== trees.after.get(path))).toEqual([]);
  return { fresh, ...trees };
}

asRoot.each([
  ["before the commit", false],
  ["in the commit", true],
])(
  "a receiver that is killed %s has lost nothing too early, and the next push completes it",
  (_, commit) => {
    using space = workspace();
    const { fresh, before, after } = setUp(space);
    for (let n = 1; ; n++) {
      const trees = fresh();
      const { met } = runWith(trees, n, { commit, dies: true });
      if (met === undefined) {
        expect(n).toBeGreaterThan(60);
        break;
      }
      expect([n, met, faultsOf(trees.base, { before, after: commit ? after : before })]).toEqual([
        n,
        met,
        [],
      ]);
      const again = receiver(trees.base);
      const clean = again.cleanAtStart();
      expect([n, met, clean, faultsOf(trees.base, { before, after })]).toEqual([n, met, 0, []]);
      expect(push({ from: trees.from, to: [again], task }).outcomes[0]?.committed).toBe(true);
      expect([n, visible(trees.base)]).toEqual([n, after]);
      run("rm", ["-r", trees.base]);
    }
  },
  60_000,
);

asRoot.each([
  ["before the commit", false],
  ["of the commit", true],
])(
  "an error at any system call %s is reported, and nothing went too early",
  (_, commit) => {
    using space = workspace();
    const { fresh, before, after } = setUp(space);
    for (let n = 1; ; n++) {
      const trees = fresh();
      const { met, outcome } = runWith(trees, n, { commit, dies: false });
      if (met === undefined) {
        expect(n).toBeGreaterThan(60);
        break;
      }
      if (outcome?.committed === true) expect([n, met, visible(trees.base)]).toEqual([n, met, after]);
      else expect([n, met, outcome?.failure ?? outcome?.refused]).not.toEqual([n, met, undefined]);
      if (outcome?.committed !== true && !commit)
        expect([n, met, visible(trees.base)]).toEqual([n, met, before]);
      expect([n, met, faultsOf(trees.base, { before, after })]).toEqual([n, met, []]);
      const again = receiver(trees.base);
      expect([n, met, again.cleanAtStart()]).toEqual([n, met, 0]);
      expect(push({ from: trees.from, to: [again], task }).outcomes[0]?.committed).toBe(true);
      expect([n, visible(trees.base), existsSync(`${trees.base}/${STAGE_NAME}`)]).toEqual([n, after, false]);
      run("rm", ["-r", trees.base]);
    }
  },
  60_000,
);
