import { isIPv4 } from "node:net";
import { MTU_MIN } from "../wire/constants.ts";
import { formatIp, parseIp } from "./ip.ts";

/** One IPv4 address of this host and the interface that has it. */
export type Interface = {
  readonly name: string;
  readonly index: number;
  readonly ip: number;
  readonly netmask: number;
  readonly mtu: number;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly multicast: boolean;
};

/** What the host has, and the address from which its routes would send to the group (undefined: nowhere). */
export type Host = { readonly interfaces: readonly Interface[]; readonly groupSource: number | undefined };

/**
 * Picks the interface for the group. `wanted` is a name, an address, or `0.0.0.0`: then the one to which the routes lead, else the first
 * that is up and can multicast, else the loopback. A string says why there is none.
 */
export function chooseInterface(wanted: string, host: Host): Interface | string {
  if (wanted === "0.0.0.0") return chooseAny(host);
  const address = isIPv4(wanted) ? parseIp(wanted) : undefined;
  const found = host.interfaces.find((one) =>
    address === undefined ? one.name === wanted : one.ip === address,
  );
  if (found !== undefined) return check(found);
  const have = host.interfaces.map((one) => `${one.name} ${formatIp(one.ip)}`).join(", ");
  const what =
    address === undefined
      ? `no interface ${wanted} with an IPv4 address`
      : `no interface has the address ${wanted}`;
  return `${what} (there are: ${have || "none"})`;
}

function chooseAny(host: Host): Interface | string {
  const usable = host.interfaces.filter((one) => typeof check(one) !== "string");
  const routed = usable.find((one) => one.ip === host.groupSource);
  const able = usable.find((one) => !one.loopback);
  const found = routed ?? able ?? usable[0];
  return found ?? "no network interface is up and can multicast";
}

function check(one: Interface): Interface | string {
  if (!one.up) return `interface ${one.name} is down`;
  // The loopback multicasts although it does not say so.
  if (!one.multicast && !one.loopback) return `interface ${one.name} cannot multicast`;
  if (one.mtu < MTU_MIN) return `interface ${one.name} has an MTU of ${one.mtu}, less than ${MTU_MIN}`;
  return one;
}
