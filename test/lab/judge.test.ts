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
      for (const [change, name] of CHANGES) {
        await must(["rsync", "-aHS", "--delete", "--modify-window=-1", `${original}/`, `${copy}/`]);
        expect(await differences(original, copy)).toEqual([]);
        const below = (path: string) => listing(path, { changed: false }).slice(1);
        expect(below(copy)).toEqual(below(original));
        await must(["sh", "-c", `cd "$0" && ${change}`, copy]);
        const found = await differences(original, copy);
        expect(found.some((line) => line.includes(name))).toBe(true);
        expect(below(copy)).not.toEqual(below(original));
      }
      expect(await leftovers(copy)).toEqual([]);
      await must(["mkdir", `${copy}/.makuosan-stage`]);
      expect(await leftovers(copy)).toEqual([`${copy}/.makuosan-stage`]);
    } finally {
      await folder.destroy();
    }
  }, 60_000);
});
