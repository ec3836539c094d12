/** Who is a member: how soon a new one is known, and one that left or died is not. */
import { describe, expect, test } from "bun:test";
import { Lab } from "./lab.ts";
import { push, SCENARIO_MS } from "./scenario.ts";

describe("membership", () => {
  test(
    "a new member appears everywhere within a second; one that ends leaves within one, a killed one within five",
    async () => {
      await using lab = await Lab.create({ hosts: 5 });
      const [host1, host2, host3, host4, host5] = [
        lab.host(1),
        lab.host(2),
        lab.host(3),
        lab.host(4),
        lab.host(5),
      ];
      const daemons = [];
      for (const host of [host1, host2, host3, host4]) daemons.push(await host.daemon());
      await lab.settled([host1, host2, host3, host4]);

      // The daemon counts as started when its console answers.
      daemons.push(await host5.daemon());
      expect(await lab.settled(lab.hosts, 1_000)).toBeLessThan(1_000);
      const { stdout } = await push(host1, ["--members"]);
      expect(stdout).toMatch(/^(host[2-5] 10\.77\.0\.[2-5] \(Ver\d+\.\d+\.\d+\)\n){4}Total: 4 members\n$/);

      expect(await daemons[4]?.kill("SIGTERM")).toBe(0);
      expect(await lab.settled([host1, host2, host3, host4], 1_000)).toBeLessThan(1_000);
      expect(await daemons[3]?.kill("SIGINT")).toBe(0);
      expect(await lab.settled([host1, host2, host3], 1_000)).toBeLessThan(1_000);

      await daemons[2]?.kill("SIGKILL");
      expect(await host1.members()).toEqual(["host2", "host3"]);
      expect(await lab.settled([host1, host2], 5_000)).toBeLessThan(5_000);
      // And back.
      await host3.daemon();
      expect(await lab.settled([host1, host2, host3], 1_000)).toBeLessThan(1_000);
    },
    SCENARIO_MS,
  );

  test(
    "a member that restarts at once is one member, and takes a push",
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      const daemons = await lab.startAll();
      await daemons[1]?.kill("SIGKILL");
      await lab.host(2).daemon();
      await lab.settled(lab.hosts, 1_000);
      await lab.host(1).shell("echo x > /srv/www/x");
      await push(lab.host(1), ["-r"]);
      expect(await lab.host(2).shell("cat /srv/www/x")).toBe("x\n");
    },
    SCENARIO_MS,
  );

  test(
    "a partition is noticed on both sides, and so is its end",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      const [host1, host2, host3, host4] = [lab.host(1), lab.host(2), lab.host(3), lab.host(4)];
      await lab.startAll();
      await lab.partition([host3, host4]);
      await Promise.all([lab.settled([host1, host2], 6_000), lab.settled([host3, host4], 6_000)]);
      await lab.heal();
      expect(await lab.settled(lab.hosts, 3_000)).toBeLessThan(3_000);
    },
    SCENARIO_MS,
  );
});
