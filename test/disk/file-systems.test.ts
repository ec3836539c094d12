import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { FailStep } from "../../src/wire/constants.ts";
import { differences, push, receiver, run, snapshot, workspace } from "./support.ts";
import { noise } from "./tree.ts";

/** Full disks, other file systems, and read-only ones. Mounts need root. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const ENOSPC = 28;
const EXDEV = 18;
const EBUSY = 16;

/** A file system of its own at `path`, until it is disposed of. */
function mounted(path: string, options: string): Disposable {
  mkdirSync(path, { recursive: true });
  run("mount", ["-t", "tmpfs", "-o", options, "makuosan-test", path]);
  return { [Symbol.dispose]: () => void run("umount", [path]) };
}

asRoot("a file system that cannot hold the push is found out before any content is sent", () => {
  using space = workspace();
  using _ = mounted(space.path("b"), "size=256k");
  mkdirSync(space.path("a"));
  writeFileSync(space.path("a/big"), noise(400_000));
  writeFileSync(space.path("b/mine"), "mine");
  const before = snapshot(space.path("b"));
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
  expect(result.outcomes[0]?.failure).toEqual({ errno: ENOSPC, step: FailStep.stage, entry: undefined });
  expect(snapshot(space.path("b"))).toEqual(before);
});

asRoot(
  "a file system that fills up meanwhile stops the push at that file; the tree stays, and the next push works",
  () => {
    using space = workspace();
    using _ = mounted(space.path("b"), "size=512k");
    mkdirSync(space.path("a"));
    for (const name of ["1", "2", "3"]) writeFileSync(space.path(`a/${name}`), noise(100_000, Number(name)));
    writeFileSync(space.path("b/1"), "as it was");
    const before = snapshot(space.path("b"));
    const result = push({
      from: space.path("a"),
      to: [receiver(space.path("b"))],
      before(moment) {
        if (moment !== 4) return;
        spawnSync("sh", ["-c", `head -c 400000 /dev/zero > ${space.path("b/filler")}`]);
      },
    });
    expect(result.outcomes[0]?.failure).toMatchObject({ errno: ENOSPC, step: FailStep.write });
    run("rm", [space.path("b/filler")]);
    expect(snapshot(space.path("b"))).toEqual(before);
    expect(push({ from: space.path("a"), to: [receiver(space.path("b"))] }).outcomes[0]?.committed).toBe(
      true,
    );
  },
);

asRoot("a file system that runs out of inodes stops the push; a full one refuses it", () => {
  using space = workspace();
  using _ = mounted(space.path("b"), "nr_inodes=40");
  mkdirSync(space.path("a"));
  for (let i = 0; i < 60; i++) writeFileSync(space.path(`a/${i}`), "");
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
  expect(result.outcomes[0]?.failure).toEqual({ errno: ENOSPC, step: FailStep.stage, entry: undefined });
  expect(readdirSync(space.path("b"))).toEqual([]);
  while (spawnSync("mkdir", [space.path(`b/${Math.random()}`)]).status === 0);
  const full = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
  expect(full.outcomes[0]?.refused).toBe("the file system is full");
});

asRoot("a file system that is mounted read-only refuses the push", () => {
  using space = workspace();
  using _ = mounted(space.path("b"), "ro");
  mkdirSync(space.path("a"));
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
  expect(result.outcomes[0]?.refused).toBe("the file system is mounted read-only");
});

asRoot(
  "a file system mounted below the base cannot take staged files, which is found out before anything changes",
  () => {
    using space = workspace();
    mkdirSync(space.path("a/m"), { recursive: true });
    writeFileSync(space.path("a/first"), "first");
    writeFileSync(space.path("a/m/f"), "f");
    using _ = mounted(space.path("b/m"), "size=1m");
    run("touch", ["-r", space.path("a/m"), space.path("b/m")]);
    chmodSync(space.path("b/m"), statSync(space.path("a/m")).mode);
    const before = snapshot(space.path("b"));
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
    expect(result.outcomes[0]?.failure).toEqual({ errno: EXDEV, step: FailStep.compare, entry: 2 });
    expect(snapshot(space.path("b"))).toEqual(before);
    // What is equal there, or changes in its metadata alone, is no hindrance.
    run("cp", ["-a", space.path("a/m/f"), space.path("b/m/f")]);
    run("touch", ["-r", space.path("a/m"), space.path("b/m")]);
    chmodSync(space.path("a/m/f"), 0o600);
    expect(push({ from: space.path("a"), to: [receiver(space.path("b"))] }).outcomes[0]?.committed).toBe(
      true,
    );
    expect(differences(space.path("a"), space.path("b"))).toBe("");
  },
);

asRoot("a file system mounted where a file is to come is in the way", () => {
  using space = workspace();
  mkdirSync(space.path("a"));
  writeFileSync(space.path("a/m"), "a file");
  using _ = mounted(space.path("b/m"), "size=1m");
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
  expect(result.outcomes[0]?.failure).toEqual({ errno: EBUSY, step: FailStep.compare, entry: 0 });
});
