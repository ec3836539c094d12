/** Bad wires, and two senders at once. */
import { describe, expect, test } from "bun:test";
import { Lab } from "./lab.ts";
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
