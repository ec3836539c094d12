/** The lab itself: its judges see what differs, its faults have the strength that was asked for, and it leaves nothing behind. Without any daemon of ours. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { type Host, Lab } from "./lab.ts";
import { must, until } from "./run.ts";

const PROBE = `${import.meta.dir}/udp-probe.ts`;
const LIMIT_MS = 60_000;

type Count = {
  readonly total: number;
  readonly distinct: number;
  readonly octets: number;
  readonly ms: number;
};

/** Multicasts `count` numbered packets from one host and returns what each of the others received. */
async function multicast(from: Host, to: readonly Host[], count: number, bytes: number): Promise<Count[]> {
  const receivers = to.map((host) =>
    Bun.spawn(host.namespace.command([process.execPath, PROBE, "receive", host.address]), { stdout: "pipe" }),
  );
  const readers = receivers.map((receiver) => receiver.stdout.getReader());
  await Promise.all(readers.map((reader) => reader.read()));
  await from.namespace.must([process.execPath, PROBE, "send", from.address, String(count), String(bytes)]);
  const texts = await Promise.all(readers.map((reader) => reader.read()));
  return texts.map((text) => JSON.parse(new TextDecoder().decode(text.value)) as Count);
}

function only<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined || values.length !== 1) throw new Error("one value was expected");
  return value;
}

describe("the lab", () => {
  test(
    "every host has its own name, address, processes and files",
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      for (const host of lab.hosts) {
        expect(await host.shell("uname -n")).toBe(`${host.name}\n`);
        expect(await host.shell("ip -4 -o addr show eth0")).toContain(
          `inet ${host.address}/24 brd 10.77.0.255`,
        );
        expect((await host.shell("ps -e -o comm")).split("\n")).not.toContain("bun");
      }
      await lab.host(1).shell("echo one > /srv/www/file");
      expect(readdirSync(lab.host(1).path())).toEqual(["file"]);
      expect(readdirSync(lab.host(2).path())).toEqual([]);
      expect(existsSync("/srv/www/file")).toBe(false);
    },
    LIMIT_MS,
  );

  test(
    "without faults every packet arrives once",
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      const counts = await multicast(lab.host(1), [lab.host(2), lab.host(3)], 2_000, 500);
      for (const count of counts) expect(count).toMatchObject({ total: 2_000, distinct: 2_000 });
    },
    LIMIT_MS,
  );

  test(
    "loss has the share asked for, at each receiver on its own",
    async () => {
      await using lab = await Lab.create({ hosts: 3, wire: { lossPercent: 20 } });
      const counts = await multicast(lab.host(1), [lab.host(2), lab.host(3)], 10_000, 100);
      for (const [i, count] of counts.entries()) {
        // 20 % of 10,000 has a standard deviation of 40; six of them are allowed.
        expect(Math.abs(8_000 - count.distinct)).toBeLessThan(240);
        expect((await lab.faults(lab.host(i + 2))).lost).toBe(10_000 - count.distinct);
      }
      await lab.shape({ lossPercent: 0 });
      const clean = only(await multicast(lab.host(1), [lab.host(2)], 1_000, 100));
      expect(clean.distinct).toBe(1_000);
    },
    LIMIT_MS,
  );

  test(
    "duplicates arrive, in the share asked for",
    async () => {
      await using lab = await Lab.create({ hosts: 2, wire: { duplicatePercent: 5 } });
      const count = only(await multicast(lab.host(1), [lab.host(2)], 10_000, 100));
      expect(count.distinct).toBe(10_000);
      const doubled = count.total - count.distinct;
      // 5 % of 10,000 has a standard deviation of 22.
      expect(Math.abs(500 - doubled)).toBeLessThan(132);
      expect((await lab.faults(lab.host(2))).doubled).toBeGreaterThanOrEqual(doubled);
    },
    LIMIT_MS,
  );

  test(
    "the link has the speed asked for",
    async () => {
      await using lab = await Lab.create({ hosts: 2, wire: { rateMbit: 20 } });
      const count = only(await multicast(lab.host(1), [lab.host(2)], 3_000, 1_400));
      // What fits the burst goes at once; the rest at 20 Mbit/s, headers (42 bytes) included.
      const bits = (count.total * (1_400 + 42) - 128 * 1_024) * 8;
      const mbit = bits / count.ms / 1_000;
      expect(count.total).toBeGreaterThan(1_000);
      expect(mbit).toBeGreaterThan(17);
      expect(mbit).toBeLessThan(22);
    },
    LIMIT_MS,
  );

  test(
    "a packet above the MTU does not arrive",
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      await lab.shape({ mtu: 1_000 }, [lab.host(2)]);
      const [small, large] = await multicast(lab.host(1), [lab.host(2), lab.host(3)], 50, 1_400);
      expect(small?.total).toBe(0);
      expect(large?.total).toBe(50);
    },
    LIMIT_MS,
  );

  test(
    "wire mode turns offloads off",
    async () => {
      await using lab = await Lab.create({ hosts: 2, wire: { wireMode: true } });
      const features = await lab.host(1).shell("ethtool -k eth0");
      expect(features).toContain("tx-udp-segmentation: off");
      await lab.shape({ wireMode: false });
      expect(await lab.host(1).shell("ethtool -k eth0")).toContain("tx-udp-segmentation: on");
    },
    LIMIT_MS,
  );

  test(
    "a partition parts, and heals",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      await lab.partition([lab.host(3), lab.host(4)]);
      const apart = await multicast(lab.host(3), [lab.host(2), lab.host(4)], 20, 100);
      expect(apart.map((count) => count.total)).toEqual([0, 20]);
      await lab.heal();
      const healed = await multicast(lab.host(3), [lab.host(2), lab.host(4)], 20, 100);
      expect(healed.map((count) => count.total)).toEqual([20, 20]);
    },
    LIMIT_MS,
  );

  test(
    "nothing is left, even when its process is killed",
    async () => {
      const script = `import { Lab } from "${import.meta.dir}/lab.ts";
      const lab = await Lab.create({ hosts: 2 });
      await lab.host(1).shell("setsid sleep 1000 >/dev/null 2>&1 & true");
      console.log(JSON.stringify(lab.hosts.map((host) => ({ pid: host.namespace.pid, tree: host.path() }))));
      await Bun.sleep(60_000);`;
      const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
      const text = new TextDecoder().decode((await child.stdout.getReader().read()).value);
      const hosts = JSON.parse(text) as { pid: number; tree: string }[];
      const pids = hosts.map((host) => host.pid);
      const folder = only([...new Set(hosts.map((host) => dirname(host.tree)))]);
      expect(existsSync(folder)).toBe(true);
      const networks = pids.map((pid) => readlinkSync(`/proc/${pid}/ns/net`));
      child.kill("SIGKILL");
      await child.exited;
      await until("the namespaces' end", async () => {
        const all = await must(["sh", "-c", "readlink /proc/[0-9]*/ns/net | sort -u"]).catch(() => "");
        return all !== "" && networks.every((network) => !all.includes(network)) ? true : undefined;
      });
      await until("the folder's end", () => (existsSync(folder) ? undefined : true));
      await until("the processes' end", () =>
        pids.some((pid) => existsSync(`/proc/${pid}/cwd`)) ? undefined : true,
      );
    },
    LIMIT_MS,
  );
});
