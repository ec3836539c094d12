/** Several daemons on one host, and others elsewhere: DATA comes back to the host for them, and only for them. */
import { describe, expect, test } from "bun:test";
import type { Host } from "./lab.ts";
import { Lab } from "./lab.ts";
import { push, randomFile, SCENARIO_MS } from "./scenario.ts";

/** A daemon beside the one that a host has, with a base of its own. */
async function fellow(host: Host, name: string, given: { from: string }): Promise<void> {
  const base = `/srv/${name}`;
  const command = `makuosan -n -o -i ${given.from} --name ${name} -b ${base}`;
  await host.shell(`mkdir ${base}; setsid ${command} >/srv/${name}.log 2>&1 </dev/null &`);
}

/** Frames that the host's own stack has handed back to it: what it sends to a group that it is a member of. */
async function looped(host: Host): Promise<number> {
  return Number((await host.shell("nstat -asz IpExtInMcastPkts | awk '/InMcast/ { print $2 }'")).trim());
}

const digest = (host: Host, path: string) => host.shell(`sha256sum < ${path}`);

describe("daemons on one host", () => {
  test(
    "get what another on it sends, also with an address that the host has besides",
    async () => {
      await using lab = await Lab.create({ hosts: 2 });
      const [host1, host2] = [lab.host(1), lab.host(2)];
      await lab.startAll();
      await host1.shell("ip address add 10.77.0.101/24 dev eth0");
      await randomFile(host1, "file", 16);
      const before = await looped(host1);
      await push(host1, ["-r"]);
      // Nobody there wants it: a few control packets come back, and none of 12,000 of DATA, which count as some 260 bursts.
      expect((await looped(host1)) - before).toBeLessThan(60);

      await fellow(host1, "same", { from: host1.address });
      await fellow(host1, "other", { from: "10.77.0.101" });
      await host1.knows(["host2", "other", "same"]);
      await host1.shell(`touch ${host1.base}/file`);
      await push(host1, ["-r"]);
      const sent = await digest(host1, `${host1.base}/file`);
      expect(await digest(host1, "/srv/same/file")).toBe(sent);
      expect(await digest(host1, "/srv/other/file")).toBe(sent);
      expect(await digest(host2, `${host2.base}/file`)).toBe(sent);
    },
    SCENARIO_MS,
  );
});
