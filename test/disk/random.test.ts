import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { plant, randomTree } from "./random-tree.ts";
import { push, receiver, run, snapshot, workspace } from "./support.ts";

/** Any tree, pushed over any other: what the sender has is equal afterwards, and what it does not have stays. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);

/** Whether the sender has nothing at `path`, nor anything but directories on the way to it: then it is none of the push's business. */
function stays(path: string, sent: Map<string, string>): boolean {
  if (sent.has(path)) return false;
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    const state = sent.get(path.slice(0, at));
    if (state !== undefined && !state.startsWith("4")) return false;
  }
  return true;
}

asRoot(
  "any tree over any other",
  () => {
    fc.assert(
      fc.property(randomTree, randomTree, fc.constantFrom(600, 3_000, 20_000), (from, to, capacity) => {
        using space = workspace();
        for (const base of ["a", "b"]) mkdirSync(space.path(base));
        plant(space.path("a"), from);
        plant(space.path("b"), to);
        const sent = snapshot(space.path("a"));
        const before = snapshot(space.path("b"));
        const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], capacity });
        expect(result.outcomes[0]).toMatchObject({ committed: true, failure: undefined });
        const after = snapshot(space.path("b"));
        for (const [path, state] of sent) expect([path, after.get(path)]).toEqual([path, state]);
        // Directories that are only on the receiver's side keep all but, where a name in them was replaced, nothing was; so all.
        const expected = new Set([...sent.keys(), ...[...before.keys()].filter((path) => stays(path, sent))]);
        expect([...after.keys()].sort()).toEqual([...expected].sort());
        for (const path of expected)
          if (!sent.has(path)) expect([path, after.get(path)]).toEqual([path, before.get(path)]);
        expect(snapshot(space.path("a"))).toEqual(sent);
        const again = push({ from: space.path("a"), to: [receiver(space.path("b"))], capacity });
        expect(again.outcomes[0]?.needs.every(({ update }) => update === undefined)).toBe(true);
      }),
      { numRuns: 60 },
    );
  },
  60_000,
);

/** Runs a shell script; what is too long for one path is done with cd. */
const shell = (script: string): string => run("sh", ["-c", script]);

test("a path of 4,095 bytes arrives; longer ones are reported, and all else arrives", () => {
  using space = workspace();
  for (const base of ["a", "b"]) mkdirSync(space.path(base));
  // 15 names of 255 bytes and one of 255 for the file make 4,095 with the slashes.
  const down = (base: string) =>
    `cd ${space.path(base)}; n=$(printf 'n%.0s' $(seq 255)); for i in $(seq 15); do mkdir -p $n; cd $n; done`;
  shell(
    `${down("a")}; echo whole > $n; mkdir d; echo long > d/$n; mkdir d/$n.d 2>/dev/null; echo fits > d/f; mkdir d/e; echo 1 > d/e/g`,
  );
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
  expect(result.outcomes[0]?.committed).toBe(true);
  expect(
    result.lines.flatMap((line) => (line.kind === "problem" ? [[line.problem, line.path.length]] : [])),
  ).toEqual([["long", 4097]]);
  expect(shell(`${down("b")}; cat $n d/f d/e/g; ls d; find . | wc -l`)).toBe("whole\nfits\n1\ne\nf\n6\n");
  const again = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
  expect(again.outcomes[0]?.needs.every(({ update }) => update === undefined)).toBe(true);
  rmSync(space.path("a"), { recursive: true });
  mkdirSync(space.path("a"));
  writeFileSync(space.path("a/n"), "");
  // What is in the way has the same depth.
  shell(`cd ${space.path("b")}; mv n* n`);
  expect(push({ from: space.path("a"), to: [receiver(space.path("b"))] }).outcomes[0]?.committed).toBe(true);
  expect(readdirSync(space.path("b"))).toEqual(["n"]);
  expect(readdirSync(space.path("b"))).not.toContain(STAGE_NAME);
});
