import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { toLatin1 } from "../../src/disk/names.ts";
import { Errno, type Sys } from "../../src/disk/sys.ts";
import { expectAllCommitted, problems, tree } from "./expectations.ts";
import { NOBODY } from "./nobody.ts";
import { manifestOf, outline, told } from "./owner.ts";
import {
  CAPACITY,
  differences,
  interpose,
  push,
  receiver,
  run,
  snapshot,
  tools,
  workspace,
} from "./support.ts";

/** Files that get another group before they are sent, for which the test has to be root. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const GID = 4321;

/** One of each kind, some of which nobody but root may give another group, and with bits that a change of the group takes away. */
function makeTree(base: string): void {
  tree(base, { "d/f": "f", suid: "s", locked: "l" });
  symlinkSync("/nowhere", `${base}/link`);
  run("mkfifo", [`${base}/pipe`]);
  run("mknod", [`${base}/null`, "c", "1", "3"]);
  linkSync(`${base}/suid`, `${base}/d/same`);
  chmodSync(`${base}/suid`, 0o6755);
  chmodSync(`${base}/d`, 0o2775);
}

const groups = (entries: readonly { path: Uint8Array; gid: number; mode: number }[]) =>
  Object.fromEntries(entries.map(({ path, gid, mode }) => [toLatin1(path), `${gid} ${mode.toString(8)}`]));

asRoot("everything gets the group, links too, and keeps its mode; what is sent is what is there then", () => {
  using space = workspace();
  makeTree(space.path("a"));
  const before = new Map([...snapshot(space.path("a"))].map(([path, text]) => [path, text.split(" ")]));
  const result = manifestOf({ from: space.path("a"), task: { gid: GID } });
  expect(told(result)).toEqual([]);
  const after = snapshot(space.path("a"));
  // Mode, owner and time are as before; only the group is another.
  for (const [path, [mode = "", uid = "", , ...rest]] of before)
    expect(after.get(path)).toBe([mode, uid, `${GID}`, ...rest].join(" "));
  expect(after.size).toBe(8);
  for (const entry of result.entries) {
    const { mode, gid } = lstatSync(space.path(`a/${toLatin1(entry.path)}`));
    expect([entry.gid, entry.mode]).toEqual([gid, mode & 0o7777]);
  }
  expect(lstatSync(space.path("a/suid")).mode & 0o7777).toBe(0o6755);
});

asRoot("such a push commits: the files are those that were looked at after the change", () => {
  using space = workspace();
  makeTree(space.path("a"));
  // Two names of one file are sent as two files, and devices not everywhere.
  for (const path of ["null", "d/same"]) rmSync(space.path(`a/${path}`));
  mkdirSync(space.path("b"));
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], task: { gid: GID } });
  expectAllCommitted(result);
  expect(problems(result)).toEqual([]);
  expect(differences(space.path("a"), space.path("b"))).toBe("");
  expect(lstatSync(space.path("b/link")).gid).toBe(GID);
});

asRoot("a dry run says so of the entries and changes nothing; a check and a prune know of no group", () => {
  using space = workspace();
  makeTree(space.path("a"));
  const before = snapshot(space.path("a"));
  const dry = manifestOf({ from: space.path("a"), task: { gid: GID }, dryRun: true });
  expect(new Set(dry.entries.map(({ gid }) => gid))).toEqual(new Set([GID]));
  expect(dry.entries.map(({ mode }) => mode)).toEqual(
    manifestOf({ from: space.path("a") }).entries.map(({ mode }) => mode),
  );
  for (const task of [{ mode: "check" }, { mode: "prune", removes: "extra" }] as const) {
    const other = manifestOf({ from: space.path("a"), task: { ...task, gid: GID } });
    expect(other.entries.filter(({ gid }) => gid === GID)).toEqual([]);
  }
  expect(snapshot(space.path("a"))).toEqual(before);
});

asRoot("a directory that gets the group is still listed", () => {
  using space = workspace();
  tree(space.path("a"), { "d/e/f": "f" });
  const result = manifestOf({ from: space.path("a"), task: { gid: GID, removes: "extra" } });
  expect(outline(result)).toEqual(["d+ d", "d+ d/e", "f d/e/f"]);
  expect(new Set(result.entries.map(({ gid }) => gid))).toEqual(new Set([GID]));
});

asRoot("who has the group already is not touched", () => {
  using space = workspace();
  tree(space.path("a"), { f: "f", g: "g" });
  chownSync(space.path("a/f"), 0, GID);
  const touched: unknown[] = [];
  const sys = interpose(tools.sys, (call, args) => {
    if (call === "setMetadata") touched.push(args[1]);
    return undefined;
  });
  const changed = lstatSync(space.path("a/f"), { bigint: true }).ctimeNs;
  manifestOf({ from: space.path("a"), task: { gid: GID }, tools: { sys } });
  expect(touched).toEqual([{ owner: { uid: undefined, gid: GID }, mode: undefined, time: undefined }]);
  expect(lstatSync(space.path("a/f"), { bigint: true }).ctimeNs).toBe(changed);
});

asRoot("files of others are not changed where only the daemon's own are sent", () => {
  using space = workspace();
  tree(space.path("a"), { mine: "m", theirs: "t" });
  chownSync(space.path("a/theirs"), 1, 1);
  const result = manifestOf({ from: space.path("a"), task: { gid: GID }, tools: { ownerMatch: true } });
  expect(groups(result.entries)).toEqual({ mine: `${GID} 644` });
  expect(lstatSync(space.path("a/theirs")).gid).toBe(1);
});

asRoot("a file that becomes another's just then is neither changed nor sent", () => {
  using space = workspace();
  tree(space.path("a"), { f: "f", g: "g" });
  const sys = interpose(tools.sys, (call, args) => {
    if (call === "open" && args[1] === "f" && args[2] === "handle") chownSync(space.path("a/f"), 1, 1);
    return undefined;
  });
  const asked = { from: space.path("a"), task: { gid: GID }, tools: { sys, ownerMatch: true } };
  const result = manifestOf(asked);
  expect(groups(result.entries)).toEqual({ g: `${GID} 644` });
  expect(told(result)).toEqual(["foreign 0 f"]);
  expect(lstatSync(space.path("a/f")).gid).toBe(1);
});

asRoot("a file that changes while it is read, and is another's then, is not sent in its new state", () => {
  using space = workspace();
  tree(space.path("a"), { f: "o".repeat(2 * CAPACITY), g: "g" });
  mkdirSync(space.path("b"));
  let reads = 0;
  const sys = interpose(tools.sys, (call, args) => {
    if (call !== "read" || args[2] !== CAPACITY || reads++ > 0) return undefined;
    writeFileSync(space.path("a/f"), "theirs");
    chownSync(space.path("a/f"), 1, 1);
    return undefined;
  });
  const source = { sys, ownerMatch: true };
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], source });
  expect(problems(result)).toEqual(["foreign f"]);
  expect(readdirSync(space.path("b"))).toEqual(["g"]);
});

asRoot("what cannot get the group is reported, and sent as it is", () => {
  using space = workspace();
  tree(space.path("a"), { f: "f", g: "g" });
  let calls = 0;
  const sys = interpose(tools.sys, (call) =>
    call === "setMetadata" && calls++ === 0 ? -Errno.EPERM : undefined,
  );
  const result = manifestOf({ from: space.path("a"), task: { gid: GID }, tools: { sys } });
  expect(groups(result.entries)).toEqual({ f: "0 644", g: `${GID} 644` });
  expect(told(result)).toEqual(["group 1 f"]);
});

asRoot("bits that were lost and do not come back are reported", () => {
  using space = workspace();
  tree(space.path("a"), { f: "f" });
  chmodSync(space.path("a/f"), 0o6755);
  const setMetadata: Sys["setMetadata"] = (fd, metadata) =>
    metadata.mode === undefined ? tools.sys.setMetadata(fd, metadata) : 0;
  const result = manifestOf({
    from: space.path("a"),
    task: { gid: GID },
    tools: { sys: { ...tools.sys, setMetadata } },
  });
  expect(groups(result.entries)).toEqual({ f: `${GID} 755` });
  expect(told(result)).toEqual(["group 1 f"]);
});

asRoot("what changes its kind or goes away just then is not changed", () => {
  using space = workspace();
  tree(space.path("a"), { gone: "", swapped: "", y: "" });
  tree(space.path("aside"), { dir: "" });
  let swapped = false;
  const sys = interpose(tools.sys, (call, args) => {
    if (call !== "open" || args[2] !== "handle" || swapped) return undefined;
    swapped = true;
    rmSync(space.path("a/gone"));
    rmSync(space.path("a/swapped"));
    renameSync(space.path("aside"), space.path("a/swapped"));
    return undefined;
  });
  const result = manifestOf({ from: space.path("a"), task: { gid: GID, removes: "extra" }, tools: { sys } });
  // What is gone may come back: receivers keep theirs.
  expect(outline(result)).toEqual(["other gone", "other swapped", "f y"]);
  expect(told(result)).toEqual(["changed 0 swapped"]);
  expect(lstatSync(space.path("a/swapped")).gid).not.toBe(GID);
});

asRoot("not root: only what is one's own, to a group of one's own, and a dry run foresees it", () => {
  using space = workspace();
  chmodSync(space.root, 0o755);
  tree(space.path("a"), { mine: "m", theirs: "t" });
  chownSync(space.path("a/mine"), NOBODY, NOBODY);
  const ask = (gid: number, ...rest: string[]) => {
    const script = new URL("group-as-nobody.ts", import.meta.url).pathname;
    return JSON.parse(run(process.execPath, [script, space.path("a"), `${gid}`, `${GID}`, ...rest]));
  };
  const expected = { groups: [`mine ${GID}`, "theirs 0"], problems: ["group 1 theirs"] };
  expect(ask(GID, "dry")).toEqual(expected);
  expect(lstatSync(space.path("a/mine")).gid).toBe(NOBODY);
  const stranger = { groups: [`mine ${NOBODY}`, "theirs 0"], problems: ["group 1 mine", "group 1 theirs"] };
  expect(ask(GID + 1, "dry")).toEqual(stranger);
  expect(ask(GID + 1)).toEqual(stranger);
  expect(ask(GID)).toEqual(expected);
  expect(lstatSync(space.path("a/mine")).gid).toBe(GID);
});
