/** The tree of everything that has ever broken a copying tool, and a real one, to four hosts. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { makeCruelTree } from "./cruel.ts";
import { listing } from "./judge.ts";
import { Lab } from "./lab.ts";
import { must } from "./run.ts";
import { expectEqual, others, push, SCENARIO_MS } from "./scenario.ts";

describe("a cruel tree", () => {
  test(
    "arrives at four hosts as it is, over whatever was there",
    async () => {
      await using lab = await Lab.create({ hosts: 5 });
      const [host1, host2] = [lab.host(1), lab.host(2)];
      const base = host1.path();
      await makeCruelTree(base);
      const include = existsSync("/usr/include") ? "/usr/include" : "/usr/share/doc";
      await must(["cp", "-a", include, `${base}/include`]);
      // Wrong types in the way: a file where a directory comes, a full directory where a file or a link comes.
      await host2.shell(
        "cd /srv/www && echo file > names && mkdir -p large/full links/dangling/full && echo x > links/dangling/full/x",
      );
      await lab.startAll();
      const before = listing(base, { changed: true });
      await push(host1, ["-r"]);
      expect(listing(base, { changed: true })).toEqual(before);
      await expectEqual(host1, others(lab));
      // Transitively: what one receiver has, any other has, too; and it goes on from there.
      await expectEqual(lab.host(5), [host2]);
    },
    SCENARIO_MS,
  );
});
