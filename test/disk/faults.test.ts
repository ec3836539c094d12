import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import type { Sys } from "../../src/disk/sys.ts";
import { FailStep } from "../../src/wire/constants.ts";
import {
  CAPACITY,
  interpose,
  type PushResult,
  push,
  receiver,
  run,
  snapshot,
  tools,
  workspace,
} from "./support.ts";
import { noise } from "./tree.ts";

/**
 * The receiver is stopped, or meets an error, at each single system call that a push makes there: a small push with everything in it, again
 * and again, until it comes through untouched.
 */

const asRoot = test.skipIf(process.geteuid?.() !== 0);

class Killed extends Error {}

/** The trees that a push goes between. In `b`, everything that is in `a` is missing, older, of another type, or has another mode. */
function makeTrees(root: string): { from: string; base: string } {
  const from = `${root}/a`;
  const base = `${root}/b`;
  run("sh", [
    "-c",
    `set -e; mkdir -p ${from}/new/sub/deep ${from}/old/dir ${base}/old/dir ${base}/was-dir/x/y
    cd ${from}; printf new > new/sub/deep/file; ln -s ../target new/sub/link; mkfifo new/fifo; : > new/empty
    printf replaced > old/dir/file; printf mode > old/mode; chmod 600 old/mode; ln -s there old/link; mkfifo old/fifo
    printf 'a file now' > was-dir; mkdir was-file; printf in > was-file/in; printf first > first; touch -d 2011-01-01 old/dir old
    cd ${base}; printf 'as it was' > old/dir/file; printf mode > old/mode; touch -r ${from}/old/mode old/mode; ln -s elsewhere old/link
    printf file > was-file; printf in > was-dir/x/y/z; printf kept > old/kept; printf kept > kept`,
  ]);
  writeFileSync(`${from}/new/big`, noise(3 * CAPACITY));
  return { from, base };
}

/** The trees, copies of `base` to push to, and what a push makes of it. */
function setUp(space: { path(name: string): string }): {
  from: string;
  fresh: () => string;
  before: Map<string, string>;
  after: Map<string, string>;
} {
  const { from, base } = makeTrees(space.path("model"));
  let copies = 0;
  const fresh = () => {
    const copy = space.path(`copy${copies++}`);
    run("cp", ["-a", base, copy]);
    return copy;
  };
  const whole = fresh();
  expect(push({ from, to: [receiver(whole)] }).outcomes[0]?.committed).toBe(true);
  return { from, fresh, before: snapshot(base), after: snapshot(whole) };
}

/** The tree without what is staged. */
function visible(base: string): Map<string, string> {
  const found = snapshot(base);
  for (const path of [...found.keys()]) {
    if (path === `/${STAGE_NAME}` || path.startsWith(`/${STAGE_NAME}/`)) found.delete(path);
  }
  return found;
}

/** What is wrong with a tree in the middle of a commit, in which each path is to be what it was or what it is to be. */
function faultsOf(
  base: string,
  { before, after }: { before: Map<string, string>; after: Map<string, string> },
): string[] {
  const now = visible(base);
  const paths = new Set([...before.keys(), ...after.keys(), ...now.keys()]);
  return [...paths].flatMap((path) => {
    const state = now.get(path);
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (state !== undefined)
      return same(state, before.get(path)) || same(state, after.get(path)) ? [] : [`${path} is mixed`];
    if (before.has(path) && after.has(path)) return [`${path} is missing`];
    // A new directory comes with all that is in it.
    const parentCame =
      now.get(parent)?.startsWith("4") === true && before.get(parent)?.startsWith("4") !== true;
    return parentCame && after.has(path) ? [`${path} is missing in a new directory`] : [];
  });
}

/** Directories' times change with each rename in them; they are right at the end only. */
function same(state: string, expected: string | undefined): boolean {
  if (expected === undefined || !state.startsWith("4")) return state === expected;
  const withoutTime = (text: string) => text.split(" ").toSpliced(3, 1).join(" ");
  return withoutTime(state) === withoutTime(expected);
}

type Run = { result: PushResult | undefined; calls: number; call: keyof Sys | undefined };

/** One push in which `act` is called at system call number `n` of the receiver (from 1), counted from the moment that is asked for. */
function runWith(
  trees: { from: string; base: string },
  options: { n: number; commit: boolean; act: (call: keyof Sys) => number | undefined },
): Run {
  let calls = 0;
  let counting = !options.commit;
  let call: keyof Sys | undefined;
  // The stage outlives an exception of its own making; a process that is gone makes no further call.
  let dead = false;
  const sys = interpose(tools.sys, (name) => {
    if (dead) throw new Killed();
    if (!counting || ++calls !== options.n) return undefined;
    call = name;
    try {
      return options.act(name);
    } catch (error) {
      dead = true;
      throw error;
    }
  });
  const before = (moment: number | "commit") => {
    if (moment === "commit") counting = options.commit;
  };
  const result = push({ from: trees.from, to: [receiver(trees.base, { sys })], before });
  return { result: dead ? undefined : result, calls, call };
}

const kill = (): never => {
  throw new Killed();
};

/** Advice cannot fail, and close and the clock do not. */
const NEVER_FAIL: readonly (keyof Sys)[] = ["writeBack", "sequential", "close", "nowNs"];
const EIO = 5;
const fail = (call: keyof Sys): number | undefined => (NEVER_FAIL.includes(call) ? undefined : -EIO);

asRoot(
  "a receiver that is killed before the commit has changed nothing, and its next start leaves nothing",
  () => {
    using space = workspace();
    const { from, fresh, before } = setUp(space);
    const base = fresh();
    let n = 0;
    for (;;) {
      const { result } = runWith({ from, base }, { n: ++n, commit: false, act: kill });
      if (result !== undefined) break;
      expect([n, visible(base)]).toEqual([n, before]);
      expect(receiver(base).cleanAtStart()).toBe(0);
      expect([n, snapshot(base)]).toEqual([n, before]);
    }
    expect(n).toBeGreaterThan(80);
  },
  60_000,
);

asRoot(
  "a receiver that is killed in the commit has each path old or new, and the next push completes it",
  () => {
    using space = workspace();
    const { from, fresh, before, after } = setUp(space);
    let n = 0;
    for (;;) {
      const base = fresh();
      const { result } = runWith({ from, base }, { n: ++n, commit: true, act: kill });
      expect([n, faultsOf(base, { before, after })]).toEqual([n, []]);
      if (result !== undefined) break;
      const again = receiver(base);
      expect(again.cleanAtStart()).toBe(0);
      expect(push({ from, to: [again] }).outcomes[0]?.committed).toBe(true);
      expect([n, snapshot(base)]).toEqual([n, after]);
      run("rm", ["-r", base]);
    }
    expect(n).toBeGreaterThan(60);
  },
  60_000,
);

asRoot("at every system call of the commit a reader sees each path whole: old or new, never missing", () => {
  using space = workspace();
  const { from, fresh, before, after } = setUp(space);
  const base = fresh();
  let committing = false;
  let looks = 0;
  const sys = interpose(tools.sys, (call) => {
    if (committing) expect([call, faultsOf(base, { before, after })]).toEqual([call, []]);
    if (committing) looks++;
    return undefined;
  });
  const watch = (moment: number | "commit") => {
    expect(visible(base)).toEqual(before);
    committing = moment === "commit";
  };
  expect(push({ from, to: [receiver(base, { sys })], before: watch }).outcomes[0]?.committed).toBe(true);
  expect(snapshot(base)).toEqual(after);
  expect(looks).toBeGreaterThan(60);
});

asRoot(
  "an error at any system call before the commit is reported, and nothing changes or stays",
  () => {
    using space = workspace();
    const { from, fresh, before, after } = setUp(space);
    let base = fresh();
    let n = 0;
    let harmless = 0;
    for (;;) {
      const { result, call } = runWith({ from, base }, { n: ++n, commit: false, act: fail });
      if (call === undefined) break;
      const outcome = result?.outcomes[0];
      if (outcome?.committed === true) {
        // The room that is left was asked for in vain, or what is not there was not removed.
        expect([n, call, snapshot(base)]).toEqual([n, call, after]);
        if (!NEVER_FAIL.includes(call)) harmless++;
        base = fresh();
        continue;
      }
      expect([n, call, outcome?.failure ?? outcome?.refused]).not.toEqual([n, call, undefined]);
      expect(outcome?.failure?.step).not.toBe(FailStep.rename);
      // What failed may have been the removal itself; the next start does it then.
      if (existsSync(`${base}/${STAGE_NAME}`)) expect(receiver(base).cleanAtStart()).toBe(0);
      expect([n, call, snapshot(base)]).toEqual([n, call, before]);
    }
    expect(n).toBeGreaterThan(80);
    expect(harmless).toBeLessThan(5);
  },
  60_000,
);

asRoot(
  "an error at any system call of the commit is reported as such, and the next push completes it",
  () => {
    using space = workspace();
    const { from, fresh, before, after } = setUp(space);
    let n = 0;
    let harmless = 0;
    for (;;) {
      const base = fresh();
      const { result, call } = runWith({ from, base }, { n: ++n, commit: true, act: fail });
      if (call === undefined) break;
      const outcome = result?.outcomes[0];
      if (outcome?.committed === true) {
        // What was to be removed may still be there, but the tree is right.
        expect([n, call, visible(base)]).toEqual([n, call, after]);
        if (!NEVER_FAIL.includes(call)) harmless++;
      } else {
        expect([n, call, outcome?.failure?.step, outcome?.failure?.errno]).toEqual([
          n,
          call,
          FailStep.rename,
          5,
        ]);
        expect([n, call, faultsOf(base, { before, after })]).toEqual([n, call, []]);
      }
      const again = receiver(base);
      expect(again.cleanAtStart()).toBe(0);
      expect(push({ from, to: [again] }).outcomes[0]?.committed).toBe(true);
      expect([n, call, snapshot(base)]).toEqual([n, call, after]);
      run("rm", ["-r", base]);
    }
    expect(n).toBeGreaterThan(60);
    expect(n - harmless).toBeGreaterThan(30);
  },
  60_000,
);

test("an abort at any block leaves nothing", () => {
  using space = workspace();
  mkdirSync(space.path("a/new"), { recursive: true });
  for (const name of ["1", "2", "3"])
    writeFileSync(space.path(`a/new/${name}`), noise(2 * CAPACITY, Number(name)));
  symlinkSync("1", space.path("a/new/link"));
  mkdirSync(space.path("b"));
  const whole = push({ from: space.path("a"), to: [receiver(space.path("b"))], abort: true });
  expect(readdirSync(space.path("b"))).toEqual([]);
  for (let last = 0; last < whole.blocks.length; last++) {
    const before = (moment: number | "commit") => {
      if (moment === last) throw new Killed();
    };
    const to = receiver(space.path("b"));
    const keys: Parameters<typeof to.handle>[0]["key"][] = [];
    const spied = {
      ...to,
      handle(request: Parameters<typeof to.handle>[0]) {
        keys.push(request.key);
        return to.handle(request);
      },
    };
    expect(() => push({ from: space.path("a"), to: [spied], before })).toThrow(Killed);
    const [key] = keys;
    if (key === undefined) throw new Error("nothing was asked of the receiver");
    expect(to.handle({ kind: "abort", key }).kind).toBe("closed");
    expect(readdirSync(space.path("b"))).toEqual([]);
  }
});
