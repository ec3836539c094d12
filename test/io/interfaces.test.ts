import { describe, expect, test } from "bun:test";
import { chooseInterface, type Interface } from "../../src/io/interfaces.ts";
import { formatIp, parseIp } from "../../src/io/ip.ts";

function make(name: string, address: string, rest: Partial<Interface> = {}): Interface {
  return {
    name,
    index: 1,
    ip: parseIp(address),
    netmask: 0xffffff00,
    mtu: 1500,
    up: true,
    loopback: false,
    multicast: true,
    ...rest,
  };
}

const lo = make("lo", "127.0.0.1", { loopback: true, multicast: false, mtu: 65_536 });
const eth0 = make("eth0", "10.0.0.5");
const eth1 = make("eth1", "192.168.7.5");
const down = make("eth2", "10.2.0.5", { up: false });
const tunnel = make("tun0", "10.3.0.5", { multicast: false });
const tiny = make("slip0", "10.4.0.5", { mtu: 575 });
const interfaces = [lo, down, tunnel, tiny, eth0, eth1];

const choose = (wanted: string, groupSource?: string, of: readonly Interface[] = interfaces) => {
  const source = groupSource === undefined ? undefined : parseIp(groupSource);
  const chosen = chooseInterface(wanted, { interfaces: of, groupSource: source });
  return typeof chosen === "string" ? chosen : chosen.name;
};

test("addresses are numbers and back", () => {
  expect(parseIp("224.0.0.108")).toBe(0xe000006c);
  expect(formatIp(0xe000006c)).toBe("224.0.0.108");
  expect(formatIp(parseIp("255.255.255.255"))).toBe("255.255.255.255");
});

describe("0.0.0.0", () => {
  test("follows the routes", () => {
    expect(choose("0.0.0.0", "192.168.7.5")).toBe("eth1");
    expect(choose("0.0.0.0", "127.0.0.1")).toBe("lo");
  });

  test("without a route, or with one that cannot be used: the first able interface", () => {
    expect(choose("0.0.0.0")).toBe("eth0");
    expect(choose("0.0.0.0", "10.3.0.5")).toBe("eth0");
    expect(choose("0.0.0.0", "10.2.0.5")).toBe("eth0");
  });

  test("the loopback when there is nothing else", () => {
    expect(choose("0.0.0.0", undefined, [down, lo])).toBe("lo");
    expect(choose("0.0.0.0", undefined, [down])).toBe("no network interface is up and can multicast");
  });
});

test("by name or address", () => {
  expect(choose("eth1")).toBe("eth1");
  expect(choose("10.0.0.5")).toBe("eth0");
  expect(choose("127.0.0.1")).toBe("lo");
  expect(choose("lo")).toBe("lo");
});

test.each([
  ["eth2", "interface eth2 is down"],
  ["10.2.0.5", "interface eth2 is down"],
  ["tun0", "interface tun0 cannot multicast"],
  ["slip0", "interface slip0 has an MTU of 575, less than 576"],
])("%s: %s", (wanted, text) => {
  expect(choose(wanted)).toBe(text);
});

test("what is not there is named together with what is", () => {
  expect(choose("eth9", undefined, [lo, eth0])).toBe(
    "no interface eth9 with an IPv4 address (there are: lo 127.0.0.1, eth0 10.0.0.5)",
  );
  expect(choose("10.9.9.9", undefined, [])).toBe("no interface has the address 10.9.9.9 (there are: none)");
});
