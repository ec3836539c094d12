import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { type Fd, failed, type Sys } from "../../src/disk/sys.ts";
import { BlockKind } from "../../src/wire/constants.ts";
import { encodeVerdicts } from "../../src/wire/verdict.ts";
import { expectAllCommitted, tree } from "./expectations.ts";
import { digestOf, entry, Sender } from "./sender.ts";
import { differences, interpose, push, receiver, run, tools, workspace } from "./support.ts";

/** What a receiver has promised must be on disk: the calls that see to it, and their order. And pushes side by side. */

/** Calls of a receiver in one push, parted at the commit; of each its name and what its descriptor was opened as. */
function callsOf(from: string, base: string): { prepare: string[]; commit: string[] } {
  const prepare: string[] = [];
  const commit: string[] = [];
  let calls = prepare;
  const names = new Map<Fd, string>();
  const sys: Sys = {
    ...interpose(tools.sys, () => undefined),
    open(dir, path, way) {
      const fd = tools.sys.open(dir, path, way);
      if (!failed(fd)) names.set(fd, `${names.get(dir) ?? ""}/${path}`);
      return fd;
    },
  };
  for (const call of ["write", "setMetadata", "sync", "syncAll"] as const) {
    const real = tools.sys[call] as (fd: Fd, ...rest: unknown[]) => number;
    Object.assign(sys, {
      [call]: (fd: Fd, ...rest: unknown[]) => {
        calls.push(`${call} ${(names.get(fd) ?? "?").split("/").at(-1)}`);
        return real(fd, ...rest);
      },
    });
  }
  const result = push({
    from,
    to: [receiver(base, { sys })],
    before(moment) {
      if (moment === "commit") calls = commit;
    },
  });
  expectAllCommitted(result);
  return { prepare, commit };
}

test("a few files are flushed one by one, after their last change, and their directories at the end", () => {
  using space = workspace();
  tree(space.path("a"), { "old/f": "1", g: "2", "new/h": "3" });
  mkdirSync(space.path("b/old"), { recursive: true });
  run("touch", ["-r", space.path("a/old"), space.path("b/old")]);
  const { prepare, commit } = callsOf(space.path("a"), space.path("b"));
  const after = (first: string, second: string) =>
    expect(prepare.indexOf(second)).toBeGreaterThan(prepare.lastIndexOf(first));
  // Staged under their entries' numbers: g is 0, new 1, new/h itself, old 3, old/f 4.
  for (const name of ["0", "h", "4"]) {
    after(`write ${name}`, `setMetadata ${name}`);
    after(`setMetadata ${name}`, `sync ${name}`);
  }
  after("sync h", "setMetadata 1");
  after("setMetadata 1", "sync 1");
  expect(prepare.at(-1)).toMatch(/^sync /);
  expect([...prepare, ...commit].some((call) => call.startsWith("syncAll"))).toBe(false);
  expect(commit.filter((call) => call.startsWith("sync")).sort()).toEqual(["sync .", "sync old"]);
  expect(commit.indexOf("setMetadata old")).toBeLessThan(commit.indexOf("sync old"));
});

test("many files are flushed at once, after everything else", () => {
  using space = workspace();
  tree(space.path("a"), Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d${i}/f`, `${i}`])));
  for (let i = 0; i < 20; i++) mkdirSync(space.path(`b/d${i}`), { recursive: true });
  const { prepare, commit } = callsOf(space.path("a"), space.path("b"));
  for (const calls of [prepare, commit]) {
    expect(calls.filter((call) => call.startsWith("sync"))).toHaveLength(1);
    expect(calls.at(-1)).toMatch(/^syncAll /);
  }
});

test("without flushing no call is one that waits for the disk, be the push small, large, or with large files", () => {
  using space = workspace();
  const few = { f: "1", "d/g": "2" };
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`m${i}/f`, `${i}`]));
  const flushing: readonly (keyof Sys)[] = ["sync", "syncAll", "writeBack"];
  const flushesOf = (options: { fsync: boolean; unflushed: boolean; name: string }) => {
    const { fsync, unflushed, name } = options;
    let flushes = 0;
    const sys = interpose(tools.sys, (call) => {
      if (flushing.includes(call)) flushes++;
      return undefined;
    });
    mkdirSync(space.path(name));
    const to = [receiver(space.path(name), { sys, fsync })];
    expectAllCommitted(push({ from: space.path("a"), to, task: { unflushed } }));
    // Metadata alone, and a name that goes.
    chmodSync(space.path(`${name}/f`), 0o600);
    writeFileSync(space.path(`${name}/more`), "");
    expectAllCommitted(push({ from: space.path("a"), to, task: { unflushed, removes: "extra" } }));
    expect(differences(space.path("a"), space.path(name))).toBe("");
    return flushes;
  };
  const trees = { few, many: { ...few, ...many }, large: { ...few, big: "x".repeat(1 << 20) } };
  for (const [tree_, content] of Object.entries(trees)) {
    rmSync(space.path("a"), { recursive: true, force: true });
    tree(space.path("a"), content);
    const none = { fsync: false, unflushed: true };
    for (const [i, how] of [{ ...none, fsync: true }, { ...none, unflushed: false }, none].entries())
      expect([tree_, i, flushesOf({ ...how, name: `${tree_}${i}` })]).toEqual([tree_, i, 0]);
    expect(flushesOf({ fsync: true, unflushed: false, name: `${tree_} flushed` })).toBeGreaterThan(1);
  }
});

test("a change of metadata alone flushes what it changed, and nothing where nothing changes", () => {
  using space = workspace();
  tree(space.path("a"), { f: "1", "d/g": "2" });
  run("cp", ["-a", space.path("a"), space.path("b")]);
  chmodSync(space.path("a/f"), 0o600);
  chmodSync(space.path("a/d"), 0o700);
  expect(callsOf(space.path("a"), space.path("b"))).toEqual({
    prepare: [],
    commit: ["setMetadata f", "setMetadata d", "sync f", "sync d"],
  });
  expect(callsOf(space.path("a"), space.path("b"))).toEqual({ prepare: [], commit: [] });
});

test("two pushes at a time are staged apart, and the last one leaves nothing", () => {
  using space = workspace();
  const base = space.path("b");
  mkdirSync(base);
  const to = receiver(base);
  const senders = ["one", "two"].map((name) => {
    const sender = new Sender(to);
    sender.manifest([entry(name)]);
    sender.plan([1]);
    return sender;
  });
  for (const sender of senders)
    expect(sender.raw(BlockKind.content, Buffer.from("12345")).failure).toBeUndefined();
  expect(readdirSync(`${base}/${STAGE_NAME}`)).toHaveLength(2);
  for (const [i, sender] of senders.entries()) {
    const verdict = encodeVerdicts([{ entry: 0, status: "good", digest: digestOf("12345") }]);
    expect(sender.send(BlockKind.verdict, verdict, { final: true }).failure).toBeUndefined();
    expect(sender.ask("prepare").kind).toBe("prepared");
    expect(sender.ask(i === 0 ? "abort" : "commit").kind).toBe(i === 0 ? "closed" : "committed");
    expect(readdirSync(base)).toEqual(i === 0 ? [STAGE_NAME] : ["two"]);
  }
});

test("a push that is being received already is refused", () => {
  using space = workspace();
  mkdirSync(space.path("b"));
  writeFileSync(space.path("b/mine"), "");
  const to = receiver(space.path("b"));
  const sender = new Sender(to);
  const open = { kind: "open", key: sender.key, dryRun: false, check: false, capacity: 1000 } as const;
  expect(to.handle(open)).toMatchObject({ kind: "refused", text: "this push is already being received" });
  expect(sender.manifest([entry("f")]).failure).toBeUndefined();
});
