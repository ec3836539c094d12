/** Who is a member: how soon a new one is known, and one that left or died is not. */
import { describe, expect, test } from "bun:test";
import type { Daemon } from "./daemon.ts";
import { Lab } from "./lab.ts";
import { until } from "./run.ts";
import { push, SCENARIO_MS } from "./scenario.ts";

/** Members that come and go are in the log. It is looked at where time counts: to ask a console takes three processes, and on a busy machine longer than what is asked for. */
const LOGGED = { args: ["-d", "3"] };

/** Waits until the logs of all these say something so often. */
async function allTell(daemons: readonly Daemon[], text: string, times = 1): Promise<void> {
  const tells = (daemon: Daemon) =>
    until(text, async () => ((await daemon.log()).split(text).length > times ? true : undefined), {
      timeoutMs: 20_000,
      everyMs: 5,
    });
  await Promise.all(daemons.map(tells));
}

/** How long something takes from now on. */
async function msOf(what: Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await what;
  return performance.now() - begun;
}

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
      const daemons: Daemon[] = [];
      for (const host of [host1, host2, host3, host4]) daemons.push(await host.daemon(LOGGED));
      await lab.settled([host1, host2, host3, host4]);

      // The daemon counts as started when its console answers.
      const fifth = await host5.daemon(LOGGED);
      const joined = Promise.all([
        allTell(daemons, "member host5 has joined"),
        ...[1, 2, 3, 4].map((host) => allTell([fifth], `member host${host} has joined`)),
      ]);
      expect(await msOf(joined)).toBeLessThan(1_000);
      await lab.settled(lab.hosts, 5_000);
      const { stdout } = await push(host1, ["--members"]);
      expect(stdout).toMatch(/^(host[2-5] 10\.77\.0\.[2-5] \(Ver\d+\.\d+\.\d+\)\n){4}Total: 4 members\n$/);

      expect(await fifth.kill("SIGTERM")).toBe(0);
      expect(await msOf(allTell(daemons, "member host5 has left"))).toBeLessThan(1_000);
      expect(await daemons.pop()?.kill("SIGINT")).toBe(0);
      expect(await msOf(allTell(daemons, "member host4 has left"))).toBeLessThan(1_000);
      await lab.settled([host1, host2, host3], 5_000);

      await daemons.pop()?.kill("SIGKILL");
      expect(await host1.members()).toEqual(["host2", "host3"]);
      expect(await msOf(allTell(daemons, "member host3 is silent"))).toBeLessThan(5_000);
      await lab.settled([host1, host2], 5_000);
      // And back.
      await host3.daemon();
      expect(await msOf(allTell(daemons, "member host3 has joined", 2))).toBeLessThan(1_000);
      await lab.settled([host1, host2, host3], 5_000);
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
