import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { failed, type Sys } from "../../src/disk/sys.ts";
import { FailStep } from "../../src/wire/constants.ts";
import { pushAsNobody } from "./nobody.ts";
import { push, receiver, run, snapshot, tools, workspace } from "./support.ts";

/** What would stop a commit halfway is found out by the comparison: the push fails at that entry, and nothing has changed. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EPERM = 1;
const EACCES = 13;
const EBUSY = 16;
const EXDEV = 18;

type Space = ReturnType<typeof workspace>;

/** Runs a script in the workspace, where `a` is the sender's base and `b` the receiver's. */
function shell(space: Space, script: string): void {
  chmodSync(space.root, 0o755);
  for (const name of ["a", "b"]) mkdirSync(space.path(name), { recursive: true });
  run("sh", ["-ec", `cd ${space.root}; ${script}`]);
}

/** Expects a push, as root, to fail at `entry` and to change nothing. */
function expectStop(space: Space, expected: { errno: number; entry: number }, sys: Sys = tools.sys): void {
  const before = snapshot(space.path("b"));
  const { outcomes } = push({ from: space.path("a"), to: [receiver(space.path("b"), { sys })] });
  expect(outcomes[0]?.failure).toEqual({ ...expected, step: FailStep.compare });
  expect(snapshot(space.path("b"))).toEqual(before);
}

function expectStopForNobody(space: Space, expected: { errno: number; entry: number }): void {
  const before = snapshot(space.path("b"));
  const report = pushAsNobody(space.path("a"), space.path("b"));
  expect(report.failure).toEqual({ ...expected, step: FailStep.compare });
  expect(snapshot(space.path("b"))).toEqual(before);
}

/** What `a` and `b` have besides the obstacle, which is called 2. */
const AROUND = "for i in 1 3; do echo newer$i > a/$i; echo old > b/$i; done";

asRoot.each(["echo newer > a/2", "ln -s new a/2", "mkfifo a/2"])(
  "a mount deep below a directory that is to make room (%s) is not carried off",
  (make) => {
    using space = workspace();
    shell(
      space,
      `${AROUND}; ${make}; mkdir -p b/2/x/m; mount -t tmpfs makuosan-test b/2/x/m; echo mine > b/2/x/m/f`,
    );
    try {
      expectStop(space, { errno: EBUSY, entry: 1 });
    } finally {
      run("umount", [space.path("b/2/x/m")]);
    }
  },
);

asRoot.each([
  ["a file that would be replaced", "echo newer > a/2; echo old > b/2; chattr +i b/2", "b/2"],
  ["a log that would be replaced", "echo newer > a/2; echo old > b/2; chattr +a b/2", "b/2"],
  ["a file whose mode would change", "echo 2 > a/2; cp -p a/2 b/2; chmod 600 a/2; chattr +i b/2", "b/2"],
  [
    "a directory whose names would change",
    "mkdir a/2 b/2; cp -p --attributes-only a/2 b/2 || true; echo newer > a/2/f; touch -r b/2 a/2; chattr +i b/2",
    "b/2",
  ],
  [
    "something in a directory that would make room",
    "echo newer > a/2; mkdir -p b/2/x; echo old > b/2/x/f; chattr +i b/2/x/f",
    "b/2/x/f",
  ],
])("what chattr protects stops the push before it changes anything: %s", (_, make, locked) => {
  using space = workspace();
  try {
    shell(space, `${AROUND}; ${make}`);
    const inside = readdirSync(space.path("a")).includes("2") && statSync(space.path("a/2")).isDirectory();
    expectStop(space, { errno: EPERM, entry: inside ? 2 : 1 });
  } finally {
    run("chattr", ["-ia", space.path(locked)]);
  }
});

asRoot("another subvolume of the same mount cannot take staged names, nor be replaced", () => {
  // As btrfs shows it: one mount, and a device number for each subvolume.
  const other: Sys = {
    ...tools.sys,
    statMany: (dir, names) =>
      tools.sys
        .statMany(dir, names)
        .map((stat, i) => (failed(stat) || names[i] !== "2" ? stat : { ...stat, device: stat.device + 1n })),
  };
  using space = workspace();
  shell(space, `${AROUND}; echo newer > a/2; mkdir b/2`);
  expectStop(space, { errno: EBUSY, entry: 1 }, other);
});

asRoot("a directory of an overlay's lower layer cannot be moved out of the way", () => {
  using space = workspace();
  shell(
    space,
    "mkdir -p lower/2 upper work; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work makuosan-test b",
  );
  try {
    shell(space, `${AROUND}; echo old > b/2/f; echo newer > a/2`);
    expectStop(space, { errno: EXDEV, entry: 1 });
    // All else works there.
    shell(space, "rm -r b/2; echo old > b/2");
    expect(push({ from: space.path("a"), to: [receiver(space.path("b"))] }).outcomes[0]?.committed).toBe(
      true,
    );
  } finally {
    run("umount", [space.path("b")]);
  }
});

const GIVE = "chown -R 65534:65534 a b";
asRoot.each([
  ["another user's directory, to be moved", `mkdir b/2; ${GIVE}; chown 0 b/2`, EACCES],
  [
    "another user's directory in a directory of all",
    `mkdir -p b/2/x; echo old > b/2/x/f; ${GIVE}; chown -R 0 b/2; chmod 777 b/2`,
    EACCES,
  ],
  [
    "another user's file in a sticky directory",
    `echo old > b/2; ${GIVE}; chown 0 b b/2; chmod 1777 b`,
    EPERM,
  ],
  [
    "such a file in a directory that would make room",
    `mkdir b/2; echo old > b/2/f; ${GIVE}; chown -R 0 b/2; chmod 1777 b/2`,
    EPERM,
  ],
])("without root: %s stops the push before it changes anything", (_, make, errno) => {
  using space = workspace();
  shell(space, `${AROUND}; echo newer > a/2; ${make}`);
  expectStopForNobody(space, { errno, entry: 1 });
});

asRoot(
  "without root: set-group-id for a group of others cannot be had, and is not tried again and again",
  () => {
    using space = workspace();
    shell(
      space,
      `echo x > a/f; mkdir a/d; echo y > a/d/g; ${GIVE}; chmod 2755 a/f a/d; chown 65534:0 b; chmod 2775 b`,
    );
    expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true, updated: 3 });
    expect(statSync(space.path("b/f")).gid).toBe(0);
    expect(statSync(space.path("b/f")).mode & 0o7777).toBe(0o755);
    expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true, updated: 0 });
    // For the own group it can be had.
    shell(space, "rm -r b/*; chown 65534:65534 b");
    expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true, updated: 3 });
    expect(statSync(space.path("b/f")).mode & 0o7777).toBe(0o2755);
    expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true, updated: 0 });
  },
);

test("a file with another name, maybe outside of the base, is replaced and not changed", () => {
  using space = workspace();
  shell(
    space,
    "echo x > a/f; chmod 666 a/f; echo x > secret; chmod 600 secret; touch -r a/f secret; ln secret b/f",
  );
  expect(push({ from: space.path("a"), to: [receiver(space.path("b"))] }).outcomes[0]?.committed).toBe(true);
  expect(statSync(space.path("secret")).mode & 0o777).toBe(0o600);
  expect(statSync(space.path("b/f")).mode & 0o777).toBe(0o666);
  expect(readFileSync(space.path("b/f"), "utf8")).toBe("x\n");
  writeFileSync(space.path("secret"), "changed");
  expect(readFileSync(space.path("b/f"), "utf8")).toBe("x\n");
});
