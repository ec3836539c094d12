import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { expectAllCommitted, problems, tree, updated } from "./expectations.ts";
import { differences, push, receiver, run, workspace } from "./support.ts";

describe("a selection", () => {
  const select = (paths: string[], recursive = false) => ({
    paths: paths.map((path) => Buffer.from(path)),
    recursive,
  });
  const files = { f: "1", "d/x": "2", "d/e/y": "3", "d.z": "4" };

  test.each([
    [["f"], false, ["f"]],
    [["d"], false, ["d"]],
    [["./d//e/"], true, ["d", "d/e", "d/e/y"]],
    [["d.z", "d", "d/x", "d/e", "./d"], true, ["d", "d.z", "d/e", "d/e/y", "d/x"]],
    [["d/x", "d", "f", "f"], false, ["d", "d/x", "f"]],
    [["."], true, ["d", "d.z", "d/e", "d/e/y", "d/x", "f"]],
  ])("of %j, recursive %p, gives %j", (paths, recursive, expected) => {
    using space = workspace();
    tree(space.path("a"), files);
    mkdirSync(space.path("b"));
    const result = push({
      from: space.path("a"),
      to: [receiver(space.path("b"))],
      selection: select(paths, recursive),
    });
    expectAllCommitted(result);
    expect(problems(result)).toEqual([]);
    const found = run("find", [space.path("b"), "-mindepth", "1", "-printf", "%P\n"])
      .split("\n")
      .filter(Boolean)
      .sort();
    expect(found).toEqual(expected);
  });

  test.each([
    ["missing", "missing: No such file or directory"],
    ["f/x", "f/x: not in a directory (symbolic links are not followed)"],
    ["../a/f", "../a/f: the path leaves the base directory"],
    ["d/../f", "d/../f: the path leaves the base directory"],
    ["/etc/passwd", "/etc/passwd: the path is not relative to the base directory"],
    ["", ": the path is empty"],
    ["a\0b", "a\\x00b: the path contains a NUL byte"],
    ["link/x", "link/x: not in a directory (symbolic links are not followed)"],
    ["link/e/y", "link/e/y: not in a directory (symbolic links are not followed)"],
    [STAGE_NAME, `${STAGE_NAME}: the path is where makuosan keeps its own files`],
    [".", ".: the base directory is sent only recursively"],
    ["n".repeat(256), `${"n".repeat(256)}: the path is too long`],
    ["new\nline", "new\\x0aline: No such file or directory"],
  ])("of %j is refused", (path, message) => {
    using space = workspace();
    tree(space.path("a"), files);
    symlinkSync("d", space.path("a/link"));
    mkdirSync(space.path("b"));
    const result = push({
      from: space.path("a"),
      to: [receiver(space.path("b"))],
      selection: select([path, "f"]),
    });
    expect(result.message).toBe(message);
    expect(readdirSync(space.path("b"))).toEqual([]);
  });

  test("makes parents that are missing with mode 0755, and leaves their times to themselves", () => {
    using space = workspace();
    tree(space.path("a"), { "p/q/one": "1", "p/r/two": "2", "s/t": "3" });
    run("chmod", ["0700", space.path("a/p"), space.path("a/p/q")]);
    mkdirSync(space.path("b/s"), { recursive: true });
    const selection = select(["p/q/one", "p/r/two", "s/t"]);
    expectAllCommitted(push({ from: space.path("a"), to: [receiver(space.path("b"))], selection }));
    expect(
      run("find", [space.path("b/p"), "-type", "d", "-printf", "%P %m\n"])
        .split("\n")
        .sort(),
    ).toEqual(["", " 755", "q 755", "r 755"]);
    expect(run("cat", [space.path("b/p/q/one"), space.path("b/p/r/two"), space.path("b/s/t")])).toBe("123");
  });

  test("fails where the base is gone", () => {
    using space = workspace();
    mkdirSync(space.path("b"));
    const result = push({
      from: space.path("a"),
      to: [receiver(space.path("b")), receiver(space.path("c"))],
    });
    expect(result.message).toBe(`base directory ${space.path("a")}: No such file or directory`);
    expect(result.outcomes[1]?.refused).toBe(
      "the base directory cannot be opened: No such file or directory",
    );
  });
});

describe("directories", () => {
  test("keep the sender's time although what is in them was renamed", () => {
    using space = workspace();
    tree(space.path("a"), { "d/e/old": "1", "d/other": "2" });
    run("cp", ["-a", space.path("a"), space.path("b")]);
    // Only the file differs: the directories' own entries are equal before the push.
    writeFileSync(space.path("a/d/e/old"), "changed");
    const when = "2015-05-05 05:05:05.050505050";
    run("touch", ["-d", when, ...["a/d/e", "b/d/e", "a/d", "b/d"].map((path) => space.path(path))]);
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"))] });
    expectAllCommitted(result);
    expect(updated(result)).toEqual(["d/e/old"]);
    expect(differences(space.path("a"), space.path("b"))).toBe("");
  });

  test("that another push has made meanwhile are merged with", () => {
    using space = workspace();
    tree(space.path("a"), { "new/sub/mine": "1", "new/both": "a" });
    mkdirSync(space.path("b"));
    const before = (moment: number | "commit") => {
      if (moment === "commit")
        tree(space.path("b"), { "new/theirs": "2", "new/sub/theirs": "3", "new/both": "b" });
    };
    expectAllCommitted(push({ from: space.path("a"), to: [receiver(space.path("b"))], before }));
    const found = run("find", [space.path("b"), "-type", "f", "-printf", "%P\n"])
      .split("\n")
      .sort();
    expect(found).toEqual(["", "new/both", "new/sub/mine", "new/sub/theirs", "new/theirs"]);
    expect(run("cat", [space.path("b/new/both")])).toBe("a");
    expect(lstatSync(space.path("b/new")).mtimeMs).toBe(lstatSync(space.path("a/new")).mtimeMs);
  });

  test("moved away on the sender during the push are still sent as they were", () => {
    using space = workspace();
    tree(space.path("a"), { "d/f": "as scanned" });
    mkdirSync(space.path("b"));
    const before = (moment: number | "commit") => {
      if (moment === 1) renameSync(space.path("a/d"), space.path("elsewhere"));
    };
    const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], before });
    // It cannot be reached any more: reported, and not sent half.
    expect(problems(result)).toEqual(["vanished d/f"]);
    expect(run("find", [space.path("b"), "-mindepth", "1", "-printf", "%P\n"])).toBe("d\n");
  });
});
