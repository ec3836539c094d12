/** Bad wires, and two senders at once. */
import { describe, expect, test } from "bun:test";
import { Lab } from "./lab.ts";
import { must, until } from "./run.ts";
import { expectEqual, others, push, randomFile, SCENARIO_MS, smallFiles } from "./scenario.ts";

describe("a lossy wire", () => {
  for (const lossPercent of [1, 5, 20]) {
    test(
      `${lossPercent} % loss at each receiver, packet by packet: trees are equal`,
      async () => {
        await using lab = await Lab.create({ hosts: 4, wire: { lossPercent, wireMode: true } });
        await lab.startAll();
        const host1 = lab.host(1);
        smallFiles(host1, 200, "lossy");
        await randomFile(host1, "large", 16);
        await push(host1, ["-r"]);
        await expectEqual(host1, others(lab));
        // 16 MiB are at least 11,650 packets. At 1 % that is 116 lost with a standard deviation of 11, of which six are allowed.
        for (const host of others(lab))
          expect((await lab.faults(host)).lost).toBeGreaterThan(50 * lossPercent);
      },
      SCENARIO_MS,
    );
  }

  test(
    "5 % loss, and a firewall that drops repeats for this host alone: trees are equal",
    async () => {
      await using lab = await Lab.create({ hosts: 4, wire: { lossPercent: 5, wireMode: true } });
      await lab.startAll();
      const host1 = lab.host(1);
      const host2 = lab.host(2);
      // What it needs to take part at all is smaller.
      const rule = `ip daddr ${host2.address} udp length > 1000 counter drop`;
      const chain = `type filter hook input priority 0\n${rule}`;
      const nft = (argv: readonly string[], input?: string) =>
        must(host2.namespace.networkCommand(["nft", ...argv]), input === undefined ? {} : { input });
      await nft(["-f", "-"], `table ip closed {\nchain in {\n${chain}\n}\n}\n`);
      await randomFile(host1, "large", 16);
      await push(host1, ["-r"]);
      await expectEqual(host1, others(lab));
      const dropped = Number(/counter packets (\d+)/.exec(await nft(["list", "table", "ip", "closed"]))?.[1]);
      // 32 in vain are enough to try no more; the last ones were under way by then.
      expect(dropped).toBeGreaterThanOrEqual(32);
      expect(dropped).toBeLessThan(500);
    },
    SCENARIO_MS,
  );

  test(
    "5 % duplicates: trees are equal",
    async () => {
      await using lab = await Lab.create({ hosts: 4, wire: { duplicatePercent: 5, wireMode: true } });
      await lab.startAll();
      const host1 = lab.host(1);
      smallFiles(host1, 200, "twice");
      await randomFile(host1, "large", 16);
      await push(host1, ["-r"]);
      await expectEqual(host1, others(lab));
      for (const host of others(lab)) expect((await lab.faults(host)).doubled).toBeGreaterThan(300);
    },
    SCENARIO_MS,
  );

  test(
    "a link of 100 Mbit/s with a short queue: found by itself",
    async () => {
      await using lab = await Lab.create({ hosts: 3, wire: { rateMbit: 100 } });
      await lab.startAll();
      const host1 = lab.host(1);
      await randomFile(host1, "large", 16);
      await push(host1, ["-r"]);
      await expectEqual(host1, others(lab));
    },
    SCENARIO_MS,
  );

  test(
    "an MTU of 1,280 at one host, 9,000 at the others",
    async () => {
      await using lab = await Lab.create({ hosts: 3, wire: { mtu: 9_000, wireMode: true } });
      await lab.shape({ mtu: 1_280 }, [lab.host(3)]);
      await lab.startAll();
      const host1 = lab.host(1);
      await randomFile(host1, "large", 4);
      await push(host1, ["-r"]);
      await expectEqual(host1, others(lab));
    },
    SCENARIO_MS,
  );
});

describe("an MTU that is changed while the daemons run", () => {
  test(
    "the next pushes have packets that fit, before and after",
    async () => {
      await using lab = await Lab.create({ hosts: 3, wire: { mtu: 9_000, wireMode: true } });
      const [daemon] = await lab.startAll();
      const host1 = lab.host(1);
      for (const mtu of [9_000, 1_400, 9_000]) {
        await lab.shape({ mtu });
        if (mtu === 1_400) {
          await until("the new MTU in the log", async () =>
            (await daemon?.log())?.includes("MTU is 1400 now") === true ? true : undefined,
          );
        }
        await randomFile(host1, `with-${mtu}`, 4);
        await push(host1, ["-r"]);
        await expectEqual(host1, others(lab));
      }
    },
    SCENARIO_MS,
  );
});

describe("two senders at once", () => {
  test(
    "different trees from two hosts both arrive everywhere",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      await lab.startAll();
      const [host1, host2] = [lab.host(1), lab.host(2)];
      for (const host of [host1, host2]) {
        await host.shell(`mkdir /srv/www/${host.name}`);
        await randomFile(host, `${host.name}/large`, 48);
        await host.shell(`cd /srv/www/${host.name} && for i in $(seq 100); do echo $i > $i; done`);
      }
      const results = await Promise.all([push(host1, ["-r", "host1"]), push(host2, ["-r", "host2"])]);
      expect(results.length).toBe(2);
      await expectEqual(host1, others(lab));
      await expectEqual(host2, [lab.host(3), lab.host(4)]);
    },
    SCENARIO_MS,
  );
});
