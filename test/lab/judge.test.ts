/** The judges notice the smallest differences, and only those. */
import { describe, expect, test } from "bun:test";
import { makeCruelTree } from "./cruel.ts";
import { differences, leftovers, listing } from "./judge.ts";
import { must } from "./run.ts";
import { SharedFolder } from "./shared-folder.ts";

/** What is done to the copy of a cruel tree, and the name that the judges must then give. */
const CHANGES: readonly (readonly [string, string])[] = [
  ["touch -d @1.000000002 times/file1.000000001", "file1.000000001"],
  ["touch -h -d @-3 times/link-1", "link-1"],
  ["touch -d @-0.26 times/directory-0.25", "directory-0.25"],
  ["chmod 4711 modes/file-4755", "file-4755"],
  ["chown -h 5 owners/link-33-33", "link-33-33"],
  ["ln -sfn other links/dangling", "dangling"],
  ["rm sizes/size-0", "size-0"],
  ["mkdir empty/surplus", "surplus"],
  [
    "cp -p large kept && printf x | dd of=large bs=1 seek=200000000 conv=notrunc status=none && touch -r kept large && rm kept",
    "large",
  ],
];

describe("the judges", () => {
  test("find a copy of the cruel tree equal, and each small change", async () => {
    const folder = new SharedFolder("makuosan-judge");
    try {
      const [original, copy] = [`${folder.path}/original`, `${folder.path}/copy`];
      await must(["mkdir", original]);
      await makeCruelTree(original);
      await must(["rsync", "-aHS", "--modify-window=-1", `${original}/`, `${copy}/`]);
      const below = (path: string) => listing(path, { changed: false }).slice(1);
      expect(await differences(original, copy)).toEqual([]);
      expect(below(copy)).toEqual(below(original));
      for (const [change] of CHANGES) await must(["sh", "-c", `cd "$0" && ${change}`, copy]);
      const found = await differences(original, copy);
      const listed = below(copy);
      const known = new Set(below(original));
      for (const [change, name] of CHANGES) {
        const seen = found.some((line) => line.includes(name));
        // A listing tells of what has gone only by what is not there any more.
        const hex = Buffer.from(name).toString("hex");
        const noticed =
          change.startsWith("rm ") || listed.some((line) => line.includes(hex) && !known.has(line));
        expect({ change, seen, noticed }).toEqual({ change, seen: true, noticed: true });
      }
      expect(listed).not.toEqual([...known]);
      expect(await leftovers(copy)).toEqual([]);
      await must(["mkdir", `${copy}/.makuosan-stage`]);
      expect(await leftovers(copy)).toEqual([`${copy}/.makuosan-stage`]);
    } finally {
      await folder.destroy();
    }
  }, 60_000);
});
