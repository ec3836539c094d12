/**
 * The wire: every host's `eth0` ends at a port (`h1`, `h2`, …) of a bridge, which has a network namespace of its own. All faults are
 * made by the kernel: nothing of the machine's own network is touched.
 */
import { Namespace } from "./namespace.ts";
import { must } from "./run.ts";

/** The wire's properties; what is not named is not changed. Percentages may have two decimals. */
export type Wire = {
  /** Share of the UDP packets lost at the receiver. */
  readonly lossPercent?: number;
  /** Share of the UDP packets delivered twice. */
  readonly duplicatePercent?: number;
  /** Speed of the link in each direction; 0: as fast as it goes. */
  readonly rateMbit?: number;
  readonly mtu?: number;
  /** True: every packet crosses alone. False: bursts cross unsplit (segmentation offload), and a loss hits a whole burst. */
  readonly wireMode?: boolean;
};

/** The switch and its ports. */
export class Network {
  readonly #switch: Namespace;

  private constructor(namespace: Namespace) {
    this.#switch = namespace;
  }

  /** Makes the switch. `folder`: any, it needs none of its own. */
  static async create(folder: string): Promise<Network> {
    const namespace = await Namespace.create("switch", folder);
    const bridge = "type bridge mcast_snooping 0 forward_delay 0";
    await batch(namespace, [
      `link add br0 ${bridge}`,
      `link add br1 ${bridge}`,
      "link set br0 up",
      "link set br1 up",
    ]);
    return new Network(namespace);
  }

  /** Plugs a host in: port `h<index>`, address 10.77.0.<index>. */
  async connect(index: number, host: Namespace): Promise<void> {
    const port = `h${index}`;
    await batch(this.#switch, [
      `link add ${port} type veth peer name eth0 netns ${host.pid}`,
      `link set ${port} master br0 up`,
    ]);
    await batch(host, [
      "link set lo up",
      `addr add ${addressOf(index)}/24 brd + dev eth0`,
      "link set eth0 up",
      "route add default dev eth0",
    ]);
  }

  /** Changes the wire at one host. */
  async shape(index: number, host: Namespace, wire: Wire): Promise<void> {
    const port = `h${index}`;
    if (wire.mtu !== undefined) {
      await batch(host, [`link set eth0 mtu ${wire.mtu}`]);
      await batch(this.#switch, [`link set ${port} mtu ${wire.mtu}`]);
    }
    if (wire.wireMode !== undefined) {
      const state = wire.wireMode ? "off" : "on";
      const features = ["tx-udp-segmentation", "tso", "gso"].flatMap((feature) => [feature, state]);
      await must(host.networkCommand(["ethtool", "-K", "eth0", ...features]));
    }
    if (wire.lossPercent !== undefined) {
      await random(host, {
        name: "loss",
        hook: "ingress",
        device: "eth0",
        percent: wire.lossPercent,
        verdict: "drop",
      });
    }
    if (wire.duplicatePercent !== undefined) {
      // At the switch's side: the copy leaves by the port again, towards the host.
      const [percent, verdict] = [wire.duplicatePercent, `dup to "${port}"`];
      await random(this.#switch, { name: port, hook: "egress", device: port, percent, verdict });
    }
    if (wire.rateMbit !== undefined) {
      await shapeRate(host, "eth0", wire.rateMbit);
      await shapeRate(this.#switch, port, wire.rateMbit);
    }
  }

  /** UDP packets that were lost (at the host) and doubled (at its port) on purpose since the share was last set. */
  async faults(index: number, host: Namespace): Promise<{ lost: number; doubled: number }> {
    return { lost: await counter(host, "loss"), doubled: await counter(this.#switch, `h${index}`) };
  }

  /** Moves hosts to another switch, from which no way leads to the first, or back. Their links stay up. */
  async move(indexes: readonly number[], side: "main" | "other"): Promise<void> {
    const bridge = side === "main" ? "br0" : "br1";
    await batch(
      this.#switch,
      indexes.map((index) => `link set h${index} master ${bridge}`),
    );
  }

  /** Pulls a host's cable or plugs it in again. */
  async cable(index: number, state: "up" | "down"): Promise<void> {
    await batch(this.#switch, [`link set h${index} ${state}`]);
  }

  destroy(): Promise<void> {
    return this.#switch.destroy();
  }
}

/** The address of host number `index`, 1..250. */
export function addressOf(index: number): string {
  if (!Number.isInteger(index) || index < 1 || index > 250) throw new Error("a lab has hosts 1 to 250");
  return `10.77.0.${index}`;
}

async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
  await must(namespace.networkCommand(["ip", "-batch", "-"]), { input: `${lines.join("\n")}\n` });
}

type RandomRule = {
  readonly name: string;
  readonly hook: "ingress" | "egress";
  readonly device: string;
  readonly percent: number;
  readonly verdict: string;
};

/** One nft table with one rule that meets a random share of the UDP packets and counts them. */
async function random(namespace: Namespace, rule: RandomRule): Promise<void> {
  const share = Math.round(rule.percent * 100);
  const table = `netdev ${rule.name}`;
  const chain = `chain faults { type filter hook ${rule.hook} device "${rule.device}" priority 0;
    ip protocol udp numgen random mod 10000 < ${share} counter ${rule.verdict}
  }`;
  // Adding first makes the removal valid when there is none yet; all of it happens at once.
  const lines = [`add table ${table}`, `delete table ${table}`];
  if (share > 0) lines.push(`table ${table} {\n${chain}\n}`);
  await must(namespace.networkCommand(["nft", "-f", "-"]), { input: `${lines.join("\n")}\n` });
}

async function counter(namespace: Namespace, table: string): Promise<number> {
  const text = await must(namespace.networkCommand(["nft", "list", "ruleset"]));
  const found = new RegExp(`table netdev ${table} \\{[^}]*counter packets (\\d+)`).exec(text);
  return found === null ? 0 : Number(found[1]);
}

async function shapeRate(namespace: Namespace, device: string, rateMbit: number): Promise<void> {
  await batchTc(
    namespace,
    device,
    rateMbit === 0 ? undefined : `tbf rate ${rateMbit}mbit burst 128kb latency 50ms`,
  );
}

async function batchTc(namespace: Namespace, device: string, discipline: string | undefined): Promise<void> {
  const shown = await must(namespace.networkCommand(["tc", "qdisc", "show", "dev", device]));
  if (discipline !== undefined) {
    await must(
      namespace.networkCommand(["tc", "qdisc", "replace", "dev", device, "root", ...discipline.split(" ")]),
    );
  } else if (shown.includes("tbf")) {
    await must(namespace.networkCommand(["tc", "qdisc", "del", "dev", device, "root"]));
  }
}
