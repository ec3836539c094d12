/** A receiver that dies in the middle holds up nobody, is named, and comes back clean. */
import { describe, expect, test } from "bun:test";
import { leftovers, listing, stagedBytes } from "./judge.ts";
import { Lab } from "./lab.ts";
import { until } from "./run.ts";
import { expectEqual, others, push, randomFile } from "./scenario.ts";

/** Half of the file. */
const HALF = 512 * 1_024 * 1_024;
/** Most that the dead host may cost the others here, on however busy a machine; `make bench` tells what it does cost. */
const EXTRA_MS_MAX = 10_000;
/** What it staged is removed beside the first things a daemon does. */
const CLEAN_MS_MAX = 2_000;

describe("a receiver killed half-way", () => {
  test("1 GiB to four hosts: three finish in time, the fourth is named, and takes the next push", async () => {
    await using lab = await Lab.create({ hosts: 5 });
    const [host1, host5] = [lab.host(1), lab.host(5)];
    const daemons = await lab.startAll();
    await host5.shell("echo old > /srv/www/old && mkdir /srv/www/d");
    await randomFile(host1, "large", 1_024);
    const undisturbed = await push(host1, ["-r"]);
    await expectEqual(host1, others(lab).slice(0, 3));
    for (const host of others(lab)) await host.shell("rm /srv/www/large");

    const before = listing(host5.path(), { changed: false });
    const disturbed = host1.msync(["-r"]);
    let over = false;
    void disturbed.finally(() => {
      over = true;
    });
    // In the middle of its content: half of it is staged, and none of it shows.
    await until(
      "half of the file to be staged",
      () => (stagedBytes(host5.path()) >= HALF ? true : undefined),
      {
        everyMs: 2,
      },
    );
    expect(over).toBe(false);
    daemons[4]?.killNow();
    const result = await disturbed;
    expect(result.status).toBe(1);
    expect(result.stderr).toContain("host5");
    expect(result.stderr).not.toMatch(/host[234]/);
    expect(result.ms).toBeLessThan(undisturbed.ms + EXTRA_MS_MAX);
    await expectEqual(host1, others(lab).slice(0, 3));

    await host5.daemon();
    await until(
      "the restarted host to clean up",
      async () => ((await leftovers(host5.path())).length === 0 ? true : undefined),
      { timeoutMs: CLEAN_MS_MAX },
    );
    expect(listing(host5.path(), { changed: false }).slice(1)).toEqual(before.slice(1));
    await lab.settled(lab.hosts, 2_000);
    await push(host1, ["-r"]);
    await host5.shell("rm -r /srv/www/old /srv/www/d");
    await expectEqual(host1, [host5]);
  }, 240_000);
});
