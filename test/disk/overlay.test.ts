import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { push, receiver, run, workspace } from "./support.ts";

/** A base on an overlay whose layers are different file systems: files have other device numbers there than directories. */

const asRoot = test.skipIf(process.geteuid?.() !== 0);

asRoot("files of both layers are replaced and removed", () => {
  using space = workspace();
  for (const name of ["a", "b", "lower", "layer"]) mkdirSync(space.path(name));
  for (const name of ["changed", "gone"]) writeFileSync(space.path(`lower/${name}`), "from below");
  writeFileSync(space.path("a/changed"), "first");
  writeFileSync(space.path("a/later"), "first");
  run("mount", ["-t", "tmpfs", "makuosan-test", space.path("layer")]);
  try {
    for (const name of ["upper", "work"]) mkdirSync(space.path(`layer/${name}`));
    const layers = `lowerdir=${space.path("lower")},upperdir=${space.path("layer/upper")},workdir=${space.path("layer/work")}`;
    run("mount", ["-t", "overlay", "-o", layers, "makuosan-test", space.path("b")]);
    try {
      for (const content of ["first", "second, and longer"]) {
        writeFileSync(space.path("a/later"), content);
        const task = { removes: "extra" as const };
        const [outcome] = push({ from: space.path("a"), to: [receiver(space.path("b"))], task }).outcomes;
        expect(outcome).toMatchObject({ committed: true });
        expect(readFileSync(space.path("b/later"), "utf8")).toBe(content);
      }
      expect(readFileSync(space.path("b/changed"), "utf8")).toBe("first");
      expect(readdirSync(space.path("b")).sort()).toEqual(["changed", "later"]);
    } finally {
      run("umount", [space.path("b")]);
    }
  } finally {
    run("umount", [space.path("layer")]);
  }
});
