import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import fc from "fast-check";
import { FailStep } from "../../src/wire/constants.ts";
import { plant, randomTree } from "./random-tree.ts";
import { type Hides, predict, removalsOf, visible } from "./removal-model.ts";
import { differences, push, receiver, snapshot, workspace } from "./support.ts";

/** Any tree over any other, with removals, against a model of what that comes to; and without patterns against rsync. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const ENOTEMPTY = 39;

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
/** Patterns, and what they mean in other words. */
const rules: readonly { readonly pattern: string; readonly hides: Hides }[] = [
  { pattern: "a.b", hides: (path) => nameOf(path) === "a.b" },
  { pattern: "b/", hides: (path, isDirectory) => isDirectory && nameOf(path) === "b" },
  { pattern: "a/b", hides: (path) => /(^|\/)a\/b$/.test(path) },
  { pattern: "c ?", hides: (path) => nameOf(path) === "c d" },
  { pattern: "[!a-c]", hides: (path) => nameOf(path) === "\xff" },
  { pattern: "base/*b", hides: (path) => !path.includes("/") && path.endsWith("b") },
];
const excludes = fc.subarray([...rules], { maxLength: 2 });
const selected = fc.option(fc.subarray(["a", "ab", "b", "missing"], { minLength: 1 }), { nil: undefined });
const bytes = (text: string) => Buffer.from(text, "latin1");

const drawn = fc.record({
  from: randomTree,
  to: randomTree,
  excluded: excludes,
  paths: selected,
  mode: fc.constantFrom("send" as const, "send" as const, "prune" as const),
  removes: fc.constantFrom("extra" as const, "extra" as const, "missing" as const),
  capacity: fc.constantFrom(9_500, 20_000),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer Value> ? Value : never;

asRoot(
  "any tree over any other: what goes was named before, nothing else goes, and what is excluded stays",
  () => {
    fc.assert(fc.property(drawn, tryOut), { numRuns: Number(process.env.RUNS ?? 80) });
  },
  600_000,
);

function tryOut({ from, to, excluded, paths, mode, removes, capacity }: Drawn): void {
  using space = workspace();
  const base = { a: space.path("a"), b: space.path("b") };
  for (const path of Object.values(base)) mkdirSync(path);
  plant(base.a, from);
  plant(base.b, to);
  const hides: Hides = (path, isDirectory) => excluded.some((rule) => rule.hides(path, isDirectory));
  const before = snapshot(base.b);
  const options = {
    from: base.a,
    to: [receiver(base.b)],
    selection: { paths: (paths ?? []).map(bytes), recursive: true },
    // With a limit also an owner that has nothing may push.
    task: { mode, removes, removesMax: 1_000_000, excludes: excluded.map(({ pattern }) => bytes(pattern)) },
    names: true,
    capacity,
  };
  const question = { hides, selected: paths, deep: removes === "extra", replaces: mode === "send" };
  const { names, conflict } = predict(from, to, question);
  const dry = push({ ...options, dryRun: true }).outcomes[0];
  expect(snapshot(base.b)).toEqual(before);
  const real = push(options).outcomes[0];
  if (conflict) {
    for (const outcome of [dry, real])
      expect(outcome?.failure).toMatchObject({ errno: ENOTEMPTY, step: FailStep.compare });
    expect(snapshot(base.b)).toEqual(before);
    return;
  }
  expect(real).toMatchObject({ committed: true, failure: undefined });
  const told = { count: names.length, names: [...names] };
  for (const outcome of [dry, real]) expect(outcome && removalsOf(outcome)).toEqual(told);
  const chosen = (path: string) => paths?.includes(path.split("/", 1)[0] ?? "") ?? true;
  const brought = mode === "send" ? visible(from, hides).filter(chosen) : [];
  expectTree(base.b, { before, sent: snapshot(base.a), brought, names });
  if (excluded.length === 0 && paths === undefined && mode === "send" && removes === "extra")
    expect(differences(base.a, base.b)).toBe("");
  const again = push(options).outcomes[0];
  expect(again?.needs.every(({ update }) => update === undefined)).toBe(true);
  expect(again && removalsOf(again)).toEqual({ count: 0, names: [] });
}

type Trees = ReturnType<typeof snapshot>;
/** Expects a tree to have what was brought as it was sent, and of what it had before all but `names`. */
function expectTree(
  base: string,
  what: { before: Trees; sent: Trees; brought: readonly string[]; names: readonly string[] },
): void {
  const { before, sent } = what;
  const after = snapshot(base);
  const brought = what.brought.map((path) => `/${path}`);
  for (const path of brought) expect([path, after.get(path)]).toEqual([path, sent.get(path)]);
  const gone = new Set(what.names.map((path) => `/${path}`));
  const stay = [...before.keys()].filter((path) => !gone.has(path) && !brought.includes(path));
  expect([...after.keys()].sort()).toEqual([...brought, ...stay].sort());
  // Removing a name changes its directory's time.
  const lost = new Set([...gone].map((path) => path.slice(0, path.lastIndexOf("/"))));
  const state = (path: string, of: Trees) =>
    lost.has(path) ? of.get(path)?.split(" ").slice(0, 3) : of.get(path);
  for (const path of stay) expect([path, state(path, after)]).toEqual([path, state(path, before)]);
}
