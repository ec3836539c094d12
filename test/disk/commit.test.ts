import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { FailStep } from "../../src/wire/constants.ts";
import { NOBODY, pushAsNobodyWith } from "./nobody.ts";
import { interpose, push, receiver, run, tools, workspace } from "./support.ts";

/** Commits into a tree that has changed since it was compared, or whose file system does less than others; and what is left behind. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EIO = 5;
const EBUSY = 16;
const EINVAL = 22;

function shell(space: { root: string }, script: string): void {
  run("sh", ["-ec", `cd ${space.root}; mkdir -p a b; ${script}`]);
}

test.each([
  [
    "a file that became a directory",
    "echo newer > a/x; echo old > b/x",
    "rm b/x; mkdir b/x; echo mine > b/x/f",
    "x/f",
  ],
  ["a directory's place that became a file", "mkdir a/x", "echo mine > b/x", "x"],
  [
    "a file in a new directory that is a directory there",
    "mkdir a/d; echo 1 > a/d/x",
    "mkdir -p b/d/x; echo mine > b/d/x/f",
    "d/x/f",
  ],
])("%s after the comparison is not deleted", (_, before, meanwhile, mine) => {
  using space = workspace();
  shell(space, before);
  const [outcome] = push({
    from: space.path("a"),
    to: [receiver(space.path("b"))],
    before: (moment) => moment === "commit" && shell(space, meanwhile),
  }).outcomes;
  expect(outcome?.failure).toMatchObject({ errno: EBUSY, step: FailStep.rename });
  expect(readFileSync(space.path(`b/${mine}`), "utf8")).toBe("mine\n");
});

test("where names cannot be exchanged, and the old one cannot be put back, it is kept and the log says where", () => {
  using space = workspace();
  shell(space, "echo new > a/d; mkdir b/d; echo own > b/d/own");
  let renames = 0;
  const sys = interpose(tools.sys, (call, args) => {
    if (call === "exchange") return -EINVAL;
    return call === "rename" && args[3] === "d" && ++renames > 1 ? -EIO : undefined;
  });
  const to = receiver(space.path("b"), { sys });
  const { outcomes } = push({ from: space.path("a"), to: [to] });
  expect(outcomes[0]?.failure).toMatchObject({ errno: EIO, step: FailStep.rename });
  const [line = "", ...rest] = to.log;
  const kept = /^d is now (\.makuosan-stage\/\S+\/-0): it could not be put back: Input\/output error$/.exec(
    line,
  )?.[1];
  expect(rest).toEqual([expect.stringMatching(/^cannot remove \.makuosan-stage\/\S+: Directory not empty$/)]);
  // Neither the end of the push nor the next start of the daemon takes it away.
  const next = receiver(space.path("b"));
  expect(next.cleanAtStart()).toBe(0);
  expect(next.log).toEqual([
    expect.stringMatching(/^\.makuosan-stage\/\S+ holds what an interrupted push was replacing/),
  ]);
  expect(readFileSync(space.path(`b/${kept}/own`), "utf8")).toBe("own\n");
  // It is in nobody's way.
  expect(push({ from: space.path("a"), to: [next] }).outcomes[0]?.committed).toBe(true);
  expect(existsSync(space.path(`b/${kept}/own`))).toBe(true);
});

test("where names cannot be exchanged, a commit that goes well leaves nothing", () => {
  using space = workspace();
  shell(space, "echo new > a/d; mkdir b/d; echo own > b/d/own");
  const sys = interpose(tools.sys, (call) => (call === "exchange" ? -EINVAL : undefined));
  const to = receiver(space.path("b"), { sys });
  expect(push({ from: space.path("a"), to: [to] }).outcomes[0]?.committed).toBe(true);
  expect(readdirSync(space.path("b"))).toEqual(["d"]);
  expect(to.log).toEqual([]);
});

test("names that go into directories that have appeared are flushed, too", () => {
  using space = workspace();
  shell(space, "mkdir -p a/d/e; echo new > a/d/e/x");
  const flushed: string[] = [];
  let committing = false;
  const sys = interpose(tools.sys, (call) => {
    if (committing && (call === "sync" || call === "syncAll")) flushed.push(call);
    return undefined;
  });
  const { outcomes } = push({
    from: space.path("a"),
    to: [receiver(space.path("b"), { sys })],
    before: (moment) => {
      committing = moment === "commit";
      if (committing) shell(space, "mkdir -p b/d/e; echo mine > b/d/e/y");
    },
  });
  expect(outcomes[0]?.committed).toBe(true);
  expect(flushed).toEqual(["syncAll"]);
  expect(readdirSync(space.path("b/d/e")).sort()).toEqual(["x", "y"]);
});

asRoot("without root, closed directories are merged as well", () => {
  using space = workspace();
  shell(
    space,
    `chmod 755 .; mkdir -p a/d/e a/d/h; echo 1 > a/d/e/f; echo 2 > a/d/g; echo 3 > a/d/h/i; chmod 555 a/d/e a/d/h; chown -R ${NOBODY}:${NOBODY} a b`,
  );
  const meanwhile = `cd ${space.path("b")}; mkdir -p d/e; echo mine > d/e/y`;
  expect(pushAsNobodyWith(meanwhile, space.path("a"), space.path("b"))).toMatchObject({ committed: true });
  expect(readdirSync(space.path("b/d/e")).sort()).toEqual(["f", "y"]);
  for (const name of ["d/e", "d/h"]) expect(statSync(space.path(`b/${name}`)).mode & 0o777).toBe(0o555);
  expect(readFileSync(space.path("b/d/h/i"), "utf8")).toBe("3\n");
});

asRoot("what cannot be removed is told of, and only that stays", () => {
  using space = workspace();
  shell(
    space,
    "echo new > a/d; mkdir -p b/d/s/t/u b/d/z; echo own > b/d/s/locked; echo own > b/d/s/t/u/v; echo own > b/d/z/w",
  );
  const to = receiver(space.path("b"));
  try {
    const { outcomes } = push({
      from: space.path("a"),
      to: [to],
      before: (moment) => moment === "commit" && run("chattr", ["+i", space.path("b/d/s/locked")]),
    });
    expect(outcomes[0]?.committed).toBe(true);
    expect(to.log).toEqual([
      expect.stringMatching(/^cannot remove \.makuosan-stage\/\S+: Operation not permitted$/),
    ]);
    const left = run("find", [space.path("b"), "-type", "f", "-printf", "%f\n"])
      .trim()
      .split("\n");
    expect(left.sort()).toEqual(["d", "locked"]);
  } finally {
    run("sh", ["-c", `chattr -R -i ${space.path("b")}`]);
  }
  expect(receiver(space.path("b")).cleanAtStart()).toBe(0);
  expect(readdirSync(space.path("b"))).toEqual(["d"]);
});

asRoot("removal never enters another mount", () => {
  using space = workspace();
  shell(space, "mkdir -p b/.makuosan-stage/1-1/x/m; echo rubbish > b/.makuosan-stage/1-1/x/f");
  const mount = space.path("b/.makuosan-stage/1-1/x/m");
  run("mount", ["-t", "tmpfs", "makuosan-test", mount]);
  try {
    writeFileSync(`${mount}/precious`, "mine");
    expect(receiver(space.path("b")).cleanAtStart()).toBe(-EBUSY);
    expect(existsSync(space.path("b/.makuosan-stage/1-1/x/f"))).toBe(false);
    expect(readFileSync(`${mount}/precious`, "utf8")).toBe("mine");
  } finally {
    run("umount", [mount]);
  }
  expect(receiver(space.path("b")).cleanAtStart()).toBe(0);
  expect(readdirSync(space.path("b"))).toEqual([]);
});
