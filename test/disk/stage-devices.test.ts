import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync } from "node:fs";
import { FailStep } from "../../src/wire/constants.ts";
import { expectAllCommitted, updated } from "./expectations.ts";
import { removalsOf } from "./removal-model.ts";
import {
  differences,
  interpose,
  type PushOptions,
  push,
  receiver,
  run,
  snapshot,
  tools,
  workspace,
} from "./support.ts";

/** Device nodes: made, replaced and removed where the receiver allows them, and left alone elsewhere, whatever the push says. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);
const EPERM = 1;
const ENOTDIR = 20;
const extra = { removes: "extra" as const };

type Space = ReturnType<typeof workspace>;

function shell(space: Space, script: string): void {
  for (const name of ["a", "b"]) mkdirSync(space.path(name));
  run("sh", ["-ec", `cd ${space.root}; ${script}`]);
}

function send(space: Space, options: Partial<PushOptions> & { devices: boolean }) {
  const { devices, ...rest } = options;
  return push({ from: space.path("a"), to: [receiver(space.path("b"), { devices })], ...rest });
}

const left = (space: Space) => [...snapshot(space.path("b")).keys()].map((path) => path.slice(1));

describe("where devices are made", () => {
  asRoot("they arrive, with number, owner, mode and time, in old directories and new ones", () => {
    using space = workspace();
    shell(
      space,
      "mknod a/null c 1 3; mknod a/loop b 7 300; mkdir a/new; mknod a/new/zero c 1 5; chown 5:6 a/null; chmod 640 a/loop; touch -d 2001-01-01 a/loop a/new/zero",
    );
    const result = send(space, { devices: true });
    expectAllCommitted(result);
    expect(updated(result)).toEqual(["loop", "new", "new/zero", "null"]);
    expect(differences(space.path("a"), space.path("b"))).toBe("");
    expect(updated(send(space, { devices: true }))).toEqual([]);
  });

  asRoot("another number replaces the node, and other metadata only changes", () => {
    using space = workspace();
    shell(
      space,
      "mknod a/n c 1 3; mknod b/n c 1 5; mknod a/m b 7 0; cp -a a/m b/m; chmod 600 b/m; touch -r a/n b/n",
    );
    const inode = () => lstatSync(space.path("b/m")).ino;
    const before = inode();
    const result = send(space, { devices: true });
    expect(updated(result)).toEqual(["m", "n"]);
    expectAllCommitted(result);
    expect(differences(space.path("a"), space.path("b"))).toBe("");
    expect(inode()).toBe(before);
  });

  asRoot("one kind takes the place of another, and of anything else", () => {
    using space = workspace();
    shell(
      space,
      "mknod a/1 c 1 3; mknod b/1 b 1 3; mknod a/2 c 1 3; mkdir -p b/2/in; mknod a/3 b 1 3; echo > b/3; echo new > a/4; mknod b/4 c 1 3; mkdir a/5; echo > a/5/f; mknod b/5 b 1 3",
    );
    expectAllCommitted(send(space, { devices: true }));
    expect(differences(space.path("a"), space.path("b"))).toBe("");
  });

  asRoot("they are removed, too", () => {
    using space = workspace();
    shell(space, "echo > a/f; mknod b/null c 1 3; mkdir b/d; mknod b/d/zero c 1 5");
    const { outcomes } = send(space, { devices: true, task: extra, names: true });
    expect(outcomes.map(removalsOf)).toEqual([{ count: 3, names: ["d", "d/zero", "null"] }]);
    expect(left(space)).toEqual(["f"]);
  });

  asRoot("a kernel that does not let this process make them fails the push, and nothing has changed", () => {
    using space = workspace();
    shell(space, "mknod a/null c 1 3; echo > a/f");
    const sys = interpose(tools.sys, (call) => (call === "makeDevice" ? -EPERM : undefined));
    const { outcomes } = push({ from: space.path("a"), to: [receiver(space.path("b"), { sys })] });
    expect(outcomes[0]?.failure).toEqual({ errno: EPERM, step: FailStep.stage, entry: 1 });
    expect(left(space)).toEqual([]);
  });
});

describe("where devices are not made", () => {
  asRoot("neither the owner's nor the receiver's have a part in the push", () => {
    using space = workspace();
    shell(
      space,
      "mknod a/new c 1 3; mknod a/number c 1 3; mknod b/number c 1 5; mknod a/was-file b 1 3; echo mine > b/was-file; echo theirs > a/was-device; mknod b/was-device c 1 3; mkdir a/d; mknod a/d/in c 1 3; echo > a/d/f; mkdir -p b/x/y b/z; mknod b/x/y/dev c 1 3; echo > b/x/f; echo > b/z/f; mknod b/extra b 1 1",
    );
    const options = { devices: false, task: extra, names: true };
    const dry = send(space, { ...options, dryRun: true });
    const real = send(space, options);
    expectAllCommitted(real);
    for (const result of [dry, real]) {
      expect(updated(result)).toEqual(["d", "d/f"]);
      expect(result.outcomes.map(removalsOf)).toEqual([{ count: 3, names: ["x/f", "z", "z/f"] }]);
    }
    expect(left(space)).toEqual([
      "d",
      "d/f",
      "extra",
      "number",
      "was-device",
      "was-file",
      "x",
      "x/y",
      "x/y/dev",
    ]);
    expect(lstatSync(space.path("b/number")).rdev).toBe(lstatSync(space.path("b/x/y/dev")).rdev + 2);
    expect(lstatSync(space.path("b/was-device")).isCharacterDevice()).toBe(true);
    expect(updated(send(space, options))).toEqual([]);
  });

  asRoot("a directory without anything but a device is made all the same, if it is an entry", () => {
    using space = workspace();
    shell(space, "mkdir -p a/d/e; mknod a/d/e/null c 1 3; mkdir a/f; mknod a/f/null c 1 3; echo > a/f/z");
    const paths = ["d/e/null", "f/null", "f/z"].map((path) => Buffer.from(path));
    expectAllCommitted(send(space, { devices: false, selection: { paths, recursive: false } }));
    // The directories on the way to a file are made, those to a device are not.
    expect(left(space)).toEqual(["f", "f/z"]);
    expectAllCommitted(send(space, { devices: false }));
    expect(left(space)).toEqual(["d", "d/e", "f", "f/z"]);
  });

  asRoot("what would have to lie inside of one cannot be brought", () => {
    using space = workspace();
    shell(space, "mkdir a/d; echo > a/d/f; mknod b/d c 1 3");
    const { outcomes } = send(space, { devices: false });
    expect(outcomes[0]?.failure).toEqual({ errno: ENOTDIR, step: FailStep.compare, entry: 0 });
  });

  asRoot("a directory with one in it does not make room for something else", () => {
    using space = workspace();
    shell(space, "echo > a/d; mkdir b/d; mknod b/d/null c 1 3");
    const { outcomes } = send(space, { devices: false });
    expect(outcomes[0]?.failure).toEqual({ errno: 39, step: FailStep.compare, entry: 0 });
    expect(left(space)).toEqual(["d", "d/null"]);
  });
});

asRoot("what the owner does not send is left alone, whatever it is", async () => {
  using space = workspace();
  shell(space, "mkdir -p b/socket/x; echo > b/socket/x/f; echo > b/gone");
  const listener = Bun.listen({ unix: `${space.path("a")}/socket`, socket: { data() {} } });
  const result = send(space, { devices: true, task: extra, names: true });
  listener.stop(true);
  expectAllCommitted(result);
  expect(result.outcomes.map(removalsOf)).toEqual([{ count: 1, names: ["gone"] }]);
  expect(left(space)).toEqual(["socket", "socket/x", "socket/x/f"]);
});

asRoot("a receiver's own sockets are names like others: they make room, and go", () => {
  using space = workspace();
  shell(space, "echo new > a/file; mkdir a/d; echo > a/d/f; echo all > a/all; mkdir b/all");
  const sockets = ["file", "d", "extra", "all/in"].map((name) =>
    Bun.listen({ unix: `${space.path("b")}/${name}`, socket: { data() {} } }),
  );
  const result = send(space, { devices: false, task: extra, names: true });
  const after = left(space);
  // That removes whatever has their names.
  for (const socket of sockets) socket.stop(true);
  expectAllCommitted(result);
  expect(updated(result)).toEqual(["all", "d", "d/f", "file"]);
  expect(result.outcomes.map(removalsOf)).toEqual([{ count: 2, names: ["all/in", "extra"] }]);
  expect(after).toEqual(["all", "d", "d/f", "file"]);
});
