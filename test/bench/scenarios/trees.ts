/** Trees of many files: the first push, and one that finds nothing to do. */
import { compare } from "../contender.ts";
import { makeTree } from "../make-tree.ts";
import { msync, WARM_UPS } from "../peers/msync.ts";
import { rsync } from "../peers/rsync.ts";
import { labFor, type Scenario } from "../scenario.ts";
import { sameLooks, sameTree } from "../trees.ts";

const RECEIVERS = 4;

/** As large as a web site. */
export const smallTree: Scenario = tree({ name: "tree-5000", files: 5_000, megabytes: 29 });

/** As large as a distribution. */
export const largeTree: Scenario = tree({
  name: "tree-100000",
  files: 100_000,
  megabytes: 400,
  quickFiles: 10_000,
});

function tree(given: { name: string; files: number; megabytes: number; quickFiles?: number }): Scenario {
  return {
    name: given.name,
    title: title(given.files, given.megabytes * 1e6),
    run: async (settings, scribe) => {
      const files = settings.quick ? (given.quickFiles ?? given.files) : given.files;
      const bytes = (given.megabytes * 1e6 * files) / given.files;
      scribe.title(title(files, bytes));
      await using bench = await labFor(settings, { receivers: RECEIVERS });
      makeTree(bench.sender.path(), { files, bytes, seed: 4 });
      const { sequential, atOnce, toFirst } = await rsync(bench);
      const one = { ...toFirst(1), name: "one rsync to one host" };
      const { say, rounds } = settings;
      // Contents are compared after the first of each, and by size and time after the others.
      const check = (round: number) => (round === 0 ? sameTree(bench) : sameLooks(bench));
      const ours = { ...msync(bench), warmUps: WARM_UPS };
      const all = [ours, atOnce, sequential];
      const first = await compare(all, { rounds, clear: () => bench.clear(), check, say });
      const firstOf = scribe.samples(first.samples, { prefix: "first push: ", bytes });
      const nothing = async () => {};
      const again = await compare([ours, one, atOnce], { rounds, clear: nothing, check: nothing, say });
      const againOf = scribe.samples(again.samples, { prefix: "nothing to do: " });
      const against = { target: 4, unit: "×" };
      scribe.check(
        "as fast as rsync one after another",
        firstOf(sequential.name) / firstOf(ours.name),
        ">=",
        against,
      );
      scribe.check("as fast as 4 rsync at once", firstOf(atOnce.name) / firstOf(ours.name), ">=", {
        ...against,
        target: 2,
      });
      const unchanged = againOf(one.name) / againOf(ours.name);
      scribe.check("as fast as one rsync to one host, nothing to do", unchanged, ">=", {
        ...against,
        target: 1,
      });
    },
  };
}

function title(files: number, bytes: number): string {
  return `A tree of ${files.toLocaleString("en")} files, ${Math.round(bytes / 1e6)} MB, to ${RECEIVERS} hosts`;
}
