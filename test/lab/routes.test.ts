/** What goes to one member goes where the group is, whatever else the routes say. */
import { describe, test } from "bun:test";
import { Lab } from "./lab.ts";
import { expectEqual, push, SCENARIO_MS, smallFiles } from "./scenario.ts";

describe("a host with two interfaces in one network", () => {
  test(
    "receives and sends by the one on which the group is",
    async () => {
      await using lab = await Lab.create({ hosts: 2 });
      const [host1, host2] = [lab.host(1), lab.host(2)];
      // All that follows the routes to host2 goes to where nobody is.
      await host1.shell(
        `ip link add other type veth peer name nobody && ip link set nobody up && ip link set other up && ip address add 10.77.0.101/24 dev other && ip route add ${host2.address} dev other`,
      );
      const args = ["-i", "eth0"];
      await host1.daemon({ args });
      await host2.daemon({ args });
      await lab.settled(lab.hosts);
      smallFiles(host2, 10, "there");
      await push(host2, ["-r"]);
      await expectEqual(host2, [host1]);
      await lab.shape({ lossPercent: 5 });
      smallFiles(host1, 200, "back");
      await push(host1, ["-r"]);
      await expectEqual(host1, [host2]);
    },
    SCENARIO_MS,
  );
});
