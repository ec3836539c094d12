import { errorText } from "../disk/errno.ts";
import type { NodeId } from "../wire/brand.ts";
import { MTU_MAX } from "../wire/constants.ts";
import { groupTag } from "../wire/crc32c.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import { chooseInterface, type Interface } from "./interfaces.ts";
import { formatIp, parseIp } from "./ip.ts";
import { type NetFacts, netFacts, type OpenNet, openNet } from "./net-shim.ts";
import { readHost } from "./shim.ts";
import { StartFailure } from "./start-failure.ts";

/** What is asked of the kernel where -R and -S do not say: some milliseconds of 10 GbE for both directions. */
export const receiveBufferWanted = 8 << 20;
export const sendBufferWanted = 2 << 20;

export type Network = {
  readonly net: OpenNet;
  readonly facts: NetFacts;
  readonly interface: Interface;
  /** `ADDRESS:PORT` of the group (PROTOCOL §2.2). */
  readonly group: string;
  readonly mtu: number;
  readonly wanted: { readonly receiveBuffer: number; readonly sendBuffer: number };
};

/** Finds the interface. Throws StartFailure if there is none. */
export function findInterface(settings: DaemonSettings): Interface {
  const host = readHost(parseIp(settings.multicast));
  if ("kind" in host) throw new StartFailure(`cannot list the network interfaces: ${errorText(host.errno)}`);
  const found = chooseInterface(settings.interface, host);
  if (typeof found === "string") throw new StartFailure(found);
  return found;
}

/** Opens the sockets and joins the group. Throws StartFailure. */
export function openNetwork(settings: DaemonSettings, node: NodeId, on: Interface): Network {
  const group = `${settings.multicast}:${settings.port}`;
  const wanted = {
    receiveBuffer: settings.receiveBuffer ?? receiveBufferWanted,
    sendBuffer: settings.sendBuffer ?? sendBufferWanted,
  };
  const net = openNet({
    node,
    group: { ip: parseIp(settings.multicast), port: settings.port },
    groupTag: groupTag(group),
    interface: { ip: on.ip, index: on.index },
    ...wanted,
    offload: { gso: settings.gso, gro: settings.gro },
  });
  if ("kind" in net) {
    throw new StartFailure(
      `group ${group} on ${on.name} ${formatIp(on.ip)}: cannot ${net.doing}: ${errorText(net.errno)}`,
    );
  }
  return { net, facts: netFacts(net), interface: on, group, mtu: Math.min(on.mtu, MTU_MAX), wanted };
}

/** What an operator should know of the network at start: the facts, and what could be better. */
export function describeNetwork(network: Network): {
  readonly facts: string;
  readonly advice: readonly string[];
} {
  const { facts, interface: on, group, wanted, mtu } = network;
  const { groupReceiveBuffer, unicastSendBuffer, offload } = facts;
  const offloads = [offload.gso ? "GSO" : "", offload.groupGro ? "GRO" : ""].filter((name) => name !== "");
  const where = `group ${group} on ${on.name} ${formatIp(on.ip)}, mtu ${mtu}, offload ${offloads.join(" and ") || "none"}`;
  const buffers = `socket buffers of ${groupReceiveBuffer} (receive) and ${unicastSendBuffer} bytes (send)`;
  // The kernel doubles what it is asked for, to have room for its own overhead.
  const small = (granted: number, bytes: number) => granted < 2 * bytes;
  return {
    facts: `${where}, ${buffers}`,
    advice: [
      ...(small(groupReceiveBuffer, wanted.receiveBuffer)
        ? [advice("receive", "rmem_max", wanted.receiveBuffer)]
        : []),
      ...(small(unicastSendBuffer, wanted.sendBuffer) ? [advice("send", "wmem_max", wanted.sendBuffer)] : []),
    ],
  };
}

function advice(direction: string, limit: string, bytes: number): string {
  return `the ${direction} buffer is smaller than wanted (${bytes}): start as root, or set net.core.${limit}=${bytes}`;
}
