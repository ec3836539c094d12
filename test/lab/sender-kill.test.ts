/** A sender that dies at whatever moment changes nothing that anybody can see. */
import { describe, expect, test } from "bun:test";
import { leftovers, listing } from "./judge.ts";
import { Lab } from "./lab.ts";
import { until } from "./run.ts";
import { expectEqual, others, push, randomFile, smallFiles } from "./scenario.ts";

/** With this limit the content of 48 MiB takes two seconds at least, so that moments mean something, the last one, at 1.7 s, too. */
const RATE = ["-T", "200"];
const KILLS = 10;
const LEFTOVER_MS_MAX = 10_000;

describe("a sender killed half-way", () => {
  test("ten times, at ten moments: every receiver's tree stays as it was", async () => {
    await using lab = await Lab.create({ hosts: 4 });
    const host1 = lab.host(1);
    const daemons = await lab.startAll({ args: RATE });
    smallFiles(host1, 100, "old");
    await randomFile(host1, "large", 1);
    await push(host1, ["-r"]);
    const old = others(lab).map((host) => listing(host.path(), { changed: false }));

    smallFiles(host1, 120, "new");
    await randomFile(host1, "large", 48);
    let daemon = daemons[0];
    let cutInContent = 0;
    for (let i = 0; i < KILLS; i++) {
      const pushing = host1.msync(["-r"]);
      await Bun.sleep(80 + i * 180);
      const staged = (await Promise.all(others(lab).map((host) => leftovers(host.path())))).flat();
      if (staged.length > 0) cutInContent += 1;
      daemon?.killNow();
      const result = await pushing;
      expect({ status: result.status, silent: result.stderr === "" }).toEqual({ status: 1, silent: false });
      for (const [j, host] of others(lab).entries()) {
        await until(
          `${host.name} to clean up after kill ${i + 1}`,
          async () => ((await leftovers(host.path())).length === 0 ? true : undefined),
          { timeoutMs: LEFTOVER_MS_MAX, everyMs: 100 },
        );
        expect(listing(host.path(), { changed: false }).slice(1)).toEqual(old[j]?.slice(1) ?? []);
      }
      await daemon?.ended();
      daemon = await host1.daemon({ args: RATE });
      await lab.settled(lab.hosts);
    }
    // Most of the moments were ones at which the receivers held a part of the new tree.
    expect(cutInContent).toBeGreaterThanOrEqual(KILLS / 2);
    await push(host1, ["-r"]);
    await expectEqual(host1, others(lab));
  }, 240_000);
});
