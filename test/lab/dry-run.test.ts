/** What is announced, what is skipped, and who is meant. */
import { describe, expect, test } from "bun:test";
import { listing } from "./judge.ts";
import { Lab } from "./lab.ts";
import { counters, expectEqual, others, push, randomFile, SCENARIO_MS, smallFiles } from "./scenario.ts";

describe("a dry run", () => {
  test(
    "names what would change at each host, and changes nothing",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      const host1 = lab.host(1);
      await lab.startAll();
      await host1.shell("cd /srv/www && mkdir d && echo a > d/a && echo b > d/b");
      await push(host1, ["-r", "-t", "host2"]);
      await push(host1, ["-t", "host3", "d", "d/a"]);
      await host1.shell("cd /srv/www && echo changed > d/b");

      const before = lab.hosts.map((host) => listing(host.path(), { changed: true }));
      const { stdout } = await push(host1, ["-r", "-n", "-v"]);
      expect(lab.hosts.map((host) => listing(host.path(), { changed: true }))).toEqual(before);
      const lines = stdout.split("\n").filter((line) => /:.*[ab]$/.test(line));
      expect(lines.sort()).toEqual([
        "(dryrun) update host2:d/b",
        "(dryrun) update host3:d/b",
        "(dryrun) update host4:d/a",
        "(dryrun) update host4:d/b",
      ]);
      // Then the real thing says the same, without the word.
      const real = await push(host1, ["-r", "-v"]);
      const updates = (text: string) =>
        text
          .split("\n")
          .filter((line) => line.includes("update host"))
          .sort();
      expect(updates(real.stdout)).toEqual(updates(stdout).map((line) => line.replace("(dryrun) ", "")));
      await expectEqual(host1, others(lab));
    },
    SCENARIO_MS,
  );
});

describe("a second push", () => {
  test(
    "sends no content, and touches nothing",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      const host1 = lab.host(1);
      await lab.startAll();
      smallFiles(host1, 300, "first");
      await randomFile(host1, "large", 8);
      await push(host1, ["-r"]);
      const first = await counters(host1);
      expect(first("sent blocks content")).toBeGreaterThan(8);
      expect(first("sent blocks manifest")).toBeGreaterThan(0);
      const before = others(lab).map((host) => listing(host.path(), { changed: true }));
      await push(host1, ["-r"]);
      const second = await counters(host1);
      expect(second("sent blocks content")).toBe(first("sent blocks content"));
      expect(second("sent blocks manifest")).toBe(2 * first("sent blocks manifest"));
      expect(
        others(lab)
          .map((host) => listing(host.path(), { changed: true }))
          .map(withoutRoot),
      ).toEqual(before.map(withoutRoot));
      const verbose = await push(host1, ["-r", "-vv"]);
      expect(verbose.stdout).toContain("skip   host2:small/17\n");
      expect(verbose.stdout).not.toContain("update ");
    },
    SCENARIO_MS,
  );
});

describe("-t", () => {
  test(
    "reaches its hosts and no other",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      const host1 = lab.host(1);
      await lab.startAll();
      smallFiles(host1, 20, "mine");
      const before = listing(lab.host(3).path(), { changed: true });
      await push(host1, ["-r", "-t", "host2,host4"]);
      await expectEqual(host1, [lab.host(2), lab.host(4)]);
      expect(listing(lab.host(3).path(), { changed: true })).toEqual(before);
    },
    SCENARIO_MS,
  );
});

/** The staging area comes and goes in the base itself, whose own times that changes. */
function withoutRoot(lines: readonly string[]): readonly string[] {
  return lines.slice(1);
}
