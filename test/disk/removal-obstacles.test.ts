import { expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { failed, type Sys } from "../../src/disk/sys.ts";
import { FailStep } from "../../src/wire/constants.ts";
import { pushAsNobodyRemoving } from "./nobody.ts";
import { removalsOf } from "./removal-model.ts";
import { push, receiver, run, snapshot, tools, workspace } from "./support.ts";

/** What keeps a name from being removed is found out by the comparison: the push fails, says where, and nothing has changed. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EPERM = 1;
const EACCES = 13;
const EBUSY = 16;
const ENAMETOOLONG = 36;
const ENOTEMPTY = 39;
const extra = { removes: "extra" as const };

type Space = ReturnType<typeof workspace>;

/** Runs a script in the workspace, where `a` is the owner's base and `b` the receiver's; both have the directory `d`. */
function shell(space: Space, script: string): void {
  chmodSync(space.root, 0o755);
  for (const name of ["a/d", "b/d"]) mkdirSync(space.path(name), { recursive: true });
  run("sh", ["-ec", `cd ${space.root}; ${script}`]);
}

const failure = (errno: number, path: string) => ({
  errno,
  step: FailStep.remove,
  entry: undefined,
  path: new Uint8Array(Buffer.from(path)),
});

/** Expects a push to fail, dry or not, and to change nothing. */
function expectStop(space: Space, expected: { errno: number; path: string }, sys: Sys = tools.sys): void {
  const before = snapshot(space.path("b"));
  for (const dryRun of [true, false]) {
    const to = [receiver(space.path("b"), { sys })];
    const { outcomes } = push({ from: space.path("a"), to, task: extra, dryRun });
    expect(outcomes[0]?.failure).toEqual(failure(expected.errno, expected.path));
  }
  expect(snapshot(space.path("b"))).toEqual(before);
}

asRoot.each([
  ["deep below an extra directory", "x/y/m"],
  ["that is itself extra", "m"],
  ["in a directory of the owner's", "d/m"],
])("a mount %s is not carried off", (_, path) => {
  using space = workspace();
  shell(
    space,
    `mkdir -p b/${path}; mount -t tmpfs makuosan-test b/${path}; echo mine > b/${path}/f; echo > b/a`,
  );
  try {
    expectStop(space, { errno: EBUSY, path });
    // Hidden it is in nobody's way.
    const task = { ...extra, excludes: [Buffer.from("m")] };
    expect(
      push({ from: space.path("a"), to: [receiver(space.path("b"))], task }).outcomes[0]?.committed,
    ).toBe(true);
    expect(run("cat", [space.path(`b/${path}/f`)])).toBe("mine\n");
  } finally {
    run("umount", [space.path(`b/${path}`)]);
  }
});

asRoot("a directory that is another mount keeps what it has", () => {
  using space = workspace();
  shell(space, "mount -t tmpfs makuosan-test b/d; echo mine > b/d/f; touch -r b/d a/d; chmod 1777 a/d");
  try {
    expectStop(space, { errno: EBUSY, path: "d/f" });
  } finally {
    run("umount", [space.path("b/d")]);
  }
});

asRoot("another subvolume of the same mount is one of its own", () => {
  const other: Sys = {
    ...tools.sys,
    statMany: (dir, names) =>
      tools.sys
        .statMany(dir, names)
        .map((stat, i) => (failed(stat) || names[i] !== "v" ? stat : { ...stat, device: stat.device + 1n })),
  };
  using space = workspace();
  shell(space, "mkdir -p b/x/v");
  expectStop(space, { errno: EBUSY, path: "x/v" }, other);
});

asRoot.each([
  ["a file", "echo > b/x", "x", "i", "x"],
  ["a log", "echo > b/d/x", "d/x", "a", "d/x"],
  ["a file in an extra directory", "mkdir -p b/x/y; echo > b/x/y/f", "x/y/f", "i", "x/y/f"],
  ["an extra directory", "mkdir -p b/x/y; echo > b/x/y/f", "x/y", "i", "x/y/f"],
  ["a directory of the owner's", "echo > b/d/x; touch -r b/d a/d", "d", "i", "d/x"],
])("what chattr protects stops the push before it changes anything: %s", (_, make, locked, flag, path) => {
  using space = workspace();
  try {
    shell(space, `${make}; chattr +${flag} b/${locked}`);
    expectStop(space, { errno: EPERM, path });
  } finally {
    run("chattr", [`-${flag}`, space.path(`b/${locked}`)]);
  }
});

asRoot("an empty directory that is protected, and one with what is excluded in it", () => {
  using space = workspace();
  try {
    shell(space, "mkdir -p b/x/y; chattr +i b/x/y");
    expectStop(space, { errno: EPERM, path: "x/y" });
    shell(space, "chattr -i b/x/y; echo > b/x/y/keep; echo > b/x/z; chattr +i b/x/y");
    const task = { ...extra, excludes: [Buffer.from("keep")] };
    expect(
      push({ from: space.path("a"), to: [receiver(space.path("b"))], task }).outcomes[0]?.committed,
    ).toBe(true);
    expect([...snapshot(space.path("b")).keys()]).toEqual(["/d", "/x", "/x/y", "/x/y/keep"]);
  } finally {
    run("chattr", ["-i", space.path("b/x/y")]);
  }
});

test("names that no manifest could have are not removed", () => {
  using space = workspace();
  const half = Array(8).fill("n".repeat(255)).join("/");
  const deep = `mkdir -p b/${half}; cd b/${half}; mkdir -p ${half}; mkdir h; mkdir h/x; mv h ${half}/`;
  shell(space, deep);
  const to = [receiver(space.path("b"))];
  const { outcomes } = push({ from: space.path("a"), to, task: extra });
  expect(outcomes[0]?.failure).toMatchObject({ errno: ENAMETOOLONG, step: FailStep.remove });
  expect(outcomes[0]?.failure?.path).toHaveLength(16 * 256 - 1);
  expect(run("sh", ["-c", `cd ${space.path("b")}; find . | wc -l`])).toBe("20\n");
});

test("an excluded name, or an excluded directory, does not make room for something else", () => {
  for (const pattern of ["keep", "x/"]) {
    using space = workspace();
    shell(space, "mkdir -p b/x/y; echo > b/x/y/keep; echo new > a/x");
    const before = snapshot(space.path("b"));
    for (const removes of ["extra", "nothing"] as const) {
      const task = { removes, excludes: [Buffer.from(pattern)] };
      const { outcomes } = push({ from: space.path("a"), to: [receiver(space.path("b"))], task });
      expect(outcomes[0]?.failure).toEqual({ errno: ENOTEMPTY, step: FailStep.compare, entry: 1 });
    }
    expect(snapshot(space.path("b"))).toEqual(before);
  }
});

asRoot(
  "on an overlay, where directories of the lower layer cannot be moved, they are emptied and removed",
  () => {
    using space = workspace();
    shell(
      space,
      "mkdir -p lower/x/y upper work; echo > lower/x/f; echo > lower/x/y/g; echo > lower/x/y/keep; mkdir -p lower/z/e; echo > lower/z/e/f; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work makuosan-test b; mkdir -p b/d; touch -r a/d b/d",
    );
    try {
      const task = { ...extra, excludes: [Buffer.from("keep")] };
      const options = { from: space.path("a"), task, names: true };
      const dry = push({ ...options, to: [receiver(space.path("b"))], dryRun: true }).outcomes[0];
      const real = push({ ...options, to: [receiver(space.path("b"))] }).outcomes[0];
      expect(real?.failure).toBeUndefined();
      for (const outcome of [dry, real])
        expect(outcome === undefined ? undefined : removalsOf(outcome)).toEqual({
          count: 5,
          names: ["x/f", "x/y/g", "z", "z/e", "z/e/f"],
        });
      expect([...snapshot(space.path("b")).keys()]).toEqual(["/d", "/x", "/x/y", "/x/y/keep"]);
      expect([...snapshot(space.path("b")).keys()]).not.toContain(`/${STAGE_NAME}`);
    } finally {
      run("umount", [space.path("b")]);
    }
  },
);

const GIVE = "chown -R 65534:65534 a b";
asRoot.each([
  ["another user's directory, to be moved", `mkdir b/x; ${GIVE}; chown 0 b/x`, EACCES, "x"],
  [
    "what is in another user's directory",
    `mkdir -p b/x/y; echo > b/x/y/f; ${GIVE}; chown -R 0 b/x; chmod 777 b/x`,
    EACCES,
    "x/y/f",
  ],
  [
    "another user's file in a sticky directory",
    `echo > b/x; ${GIVE}; chown 0 b b/x; chmod 1777 b`,
    EPERM,
    "x",
  ],
  [
    "such a file in an extra directory",
    `mkdir b/x; echo > b/x/f; ${GIVE}; chown -R 0 b/x; chmod 1777 b/x`,
    EPERM,
    "x/f",
  ],
  [
    "names in a directory of the owner's that may not be written to",
    `echo > b/d/x; ${GIVE}; chown 0 b/d; touch -r b/d a/d; chmod 755 a/d b/d`,
    EACCES,
    "d/x",
  ],
])("without root: %s stops the push before it changes anything", (_, make, errno, path) => {
  using space = workspace();
  shell(space, make);
  const before = snapshot(space.path("b"));
  const report = pushAsNobodyRemoving(space.path("a"), space.path("b"));
  expect(report.failure).toMatchObject({ errno, step: FailStep.remove, path });
  expect(snapshot(space.path("b"))).toEqual(before);
});

asRoot(
  "without root: what this user may give himself the right to remove goes, and its directory keeps its mode",
  () => {
    using space = workspace();
    shell(space, `mkdir -p b/x/y; echo > b/x/y/f; echo > b/d/f; chmod 555 b/d b/x b/x/y a/d; ${GIVE}`);
    const report = pushAsNobodyRemoving(space.path("a"), space.path("b"));
    expect(report).toMatchObject({ committed: true, removed: ["d/f", "x", "x/y", "x/y/f"] });
    expect(run("sh", ["-c", `cd ${space.path("b")}; find . -mindepth 1 -printf '%p %m\n'`])).toBe(
      "./d 555\n",
    );
  },
);
