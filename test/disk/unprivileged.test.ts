import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { FailStep } from "../../src/wire/constants.ts";
import { NOBODY, pushAsNobody } from "./nobody.ts";
import { CAPACITY, differences, run, snapshot, workspace } from "./support.ts";
import { noise } from "./tree.ts";

/** Pushes by a user that is not root, for which the test has to be root. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EACCES = 13;
const EPERM = 1;

/** Gives a tree to nobody. */
function give(path: string): void {
  run("chown", ["-R", "-h", `${NOBODY}:${NOBODY}`, path]);
}

/** Makes the directories of a workspace passable for others. */
function openUp(space: { root: string; path(name: string): string }): void {
  chmodSync(space.root, 0o755);
  for (const name of ["a", "b"]) mkdirSync(space.path(name));
}

asRoot("a tree arrives with its modes and times, owned by the receiver", () => {
  using space = workspace();
  openUp(space);
  run("sh", [
    "-c",
    `cd ${space.path("a")}; mkdir -p closed/in readonly/sub open; echo 1 > closed/in/f; echo 2 > readonly/sub/f; echo 3 > open/f
    ln -s f open/link; mkfifo open/fifo; touch -d 2001-01-01 open/f open closed/in; chmod 4755 open/f; chmod 0 open/fifo
    chmod 0555 readonly readonly/sub; chmod 0500 closed/in; mkdir exchanged; echo 4 > exchanged/f`,
  ]);
  give(space.path("a"));
  writeFileSync(space.path("b/exchanged"), "a file in the way");
  mkdirSync(space.path("b/open/f"), { recursive: true, mode: 0o555 });
  writeFileSync(space.path("b/open/f/below"), "x");
  // Directories that their owner may not write to until he says otherwise: around the change, and in its way.
  chmodSync(space.path("b/open/f"), 0o555);
  chmodSync(space.path("b/open"), 0o555);
  give(space.path("b"));
  expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ problems: [], committed: true });
  expect(differences(space.path("a"), space.path("b"))).toBe("");
  expect(existsSync(space.path(`b/${STAGE_NAME}`))).toBe(false);
  expect(statSync(space.path("b/open/f")).uid).toBe(NOBODY);
  expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true });
  writeFileSync(space.path("a/readonly/sub/f"), "changed in a directory that is read-only everywhere");
  expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true });
  expect(differences(space.path("a"), space.path("b"))).toBe("");
});

asRoot("a directory that was opened for the renames is closed again, also if it is not sent", () => {
  using space = workspace();
  openUp(space);
  for (const base of ["a", "b"]) mkdirSync(space.path(`${base}/readonly`));
  writeFileSync(space.path("a/readonly/f"), "f");
  give(space.path("a"));
  give(space.path("b"));
  chmodSync(space.path("b/readonly"), 0o2555);
  expect(pushAsNobody(space.path("a"), space.path("b"), "readonly/f")).toMatchObject({ committed: true });
  expect(readdirSync(space.path("b/readonly"))).toEqual(["f"]);
  expect(statSync(space.path("b/readonly")).mode & 0o7777).toBe(0o2555);
});

asRoot("a base that may not be written to refuses", () => {
  using space = workspace();
  openUp(space);
  const report = pushAsNobody(space.path("a"), space.path("b"));
  expect(report.refused).toBe("the base directory cannot be written to: Permission denied");
});

asRoot("a directory that may not be written to fails the push before anything changes", () => {
  using space = workspace();
  openUp(space);
  for (const base of ["a", "b"]) mkdirSync(space.path(`${base}/theirs`));
  writeFileSync(space.path("a/first"), "1");
  writeFileSync(space.path("a/theirs/f"), "f");
  chownSync(space.path("b"), NOBODY, NOBODY);
  const before = snapshot(space.path("b"));
  const report = pushAsNobody(space.path("a"), space.path("b"));
  expect(report).toMatchObject({
    failure: { errno: EACCES, step: FailStep.compare, entry: 2 },
    explained: ["theirs/f"],
    committed: false,
  });
  expect(snapshot(space.path("b"))).toEqual(before);
});

asRoot("another user's file is replaced, and his directory's mode is beyond reach", () => {
  using space = workspace();
  openUp(space);
  for (const base of ["a", "b"]) {
    writeFileSync(space.path(`${base}/f`), "same");
    run("mkfifo", [space.path(`${base}/fifo`)]);
    run("ln", ["-s", "f", space.path(`${base}/link`)]);
  }
  run("touch", ["-h", "-d", "2001-01-01", ...["f", "fifo", "link"].map((name) => space.path(`b/${name}`))]);
  give(space.path("a"));
  chownSync(space.path("b"), NOBODY, NOBODY);
  expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true });
  expect(differences(space.path("a"), space.path("b"))).toBe("");

  for (const base of ["a", "b"]) mkdirSync(space.path(`${base}/d`));
  run("touch", ["-d", "2001-01-01", space.path("b/d")]);
  chmodSync(space.path("b/d"), 0o777);
  chmodSync(space.path("a/d"), 0o777);
  // Its time alone is not worth a failure that no push could ever mend …
  expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true });
  writeFileSync(space.path("a/d/f"), "into a directory of root's");
  expect(pushAsNobody(space.path("a"), space.path("b"))).toMatchObject({ committed: true });
  // … but a mode that stays wrong is.
  chmodSync(space.path("a/d"), 0o755);
  const report = pushAsNobody(space.path("a"), space.path("b"));
  expect(report).toMatchObject({ failure: { errno: EPERM, step: FailStep.compare }, explained: ["d"] });
});

asRoot("what the sender may not read is reported, and the rest arrives", () => {
  using space = workspace();
  openUp(space);
  writeFileSync(space.path("a/good"), "good");
  writeFileSync(space.path("a/secret"), "secret", { mode: 0o600 });
  mkdirSync(space.path("a/closed"), { mode: 0o700 });
  writeFileSync(space.path("a/closed/f"), "f");
  mkdirSync(space.path("a/listed"), { mode: 0o744 });
  chmodSync(space.path("a/listed"), 0o744);
  writeFileSync(space.path("a/listed/f"), "f");
  give(space.path("b"));
  const report = pushAsNobody(space.path("a"), space.path("b"));
  expect(report).toMatchObject({
    problems: [`unlisted closed ${EACCES}`, `unreadable listed/f ${EACCES}`, `unreadable secret ${EACCES}`],
    committed: true,
  });
  expect(readdirSync(space.path("b")).sort()).toEqual(["closed", "good", "listed"]);
});

asRoot("leftovers are removed although their directories are closed", () => {
  using space = workspace();
  openUp(space);
  const stage = space.path(`b/${STAGE_NAME}`);
  run("sh", [
    "-c",
    `mkdir -p ${stage}/1/2/3/4/5; touch ${stage}/1/2/3/f; chmod 0 ${stage}/1/2/3/4 ${stage}/1/2/3 ${stage}/1`,
  ]);
  writeFileSync(space.path("a/f"), noise(2 * CAPACITY));
  give(space.path("b"));
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).pathname);
  const script = `import { receiver } from ${module("support.ts")}; import { becomeNobody } from ${module("nobody.ts")};
    becomeNobody(); console.log(receiver(${JSON.stringify(space.path("b"))}).cleanAtStart());`;
  expect(run(process.execPath, ["-e", script]).trim()).toBe("0");
  expect(readdirSync(space.path("b"))).toEqual([]);
});
