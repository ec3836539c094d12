import { expect, test } from "bun:test";
import { membersLines, statusLines } from "../../src/cli/tables.ts";
import type { MemberInfo } from "../../src/engine/ports.ts";
import { parseIp } from "../../src/io/ip.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";

function member(name: string, address: string, version = "2.0.0"): MemberInfo {
  return {
    node: 1n as NodeId,
    name,
    address: { ip: parseIp(address), port: 4000 },
    version,
    noReceive: false,
    noSend: false,
  };
}

test("members: sorted, in columns, with their number", () => {
  const members = [
    member("host10", "10.0.0.10"),
    member("h\u00f6", "192.168.100.3", "1.3.6"),
    member("host2", "10.0.0.2"),
  ];
  expect(membersLines(members)).toEqual([
    "host10 10.0.0.10     (Ver2.0.0)",
    "host2  10.0.0.2      (Ver2.0.0)",
    "h\xc3\xb6     192.168.100.3 (Ver1.3.6)",
    "Total: 3 members",
  ]);
  expect(membersLines([])).toEqual(["Total: 0 members"]);
});

test("status: the table, its items, then all counters", () => {
  const flow = {
    rate: 23_800_000,
    windowPackets: 256,
    windowBytes: 384_000,
    roundTripUs: 15_120,
    chanceLoss: 0.0125,
    limitedBy: "network",
  } as const;
  const status = {
    process: 42,
    version: "2.0.0",
    base: "/srv/a\nb",
    chroot: false,
    receiveBuffer: 8_388_608,
    sendBuffer: 212_992,
    rate: 12_345_678,
    rateLimit: 100_000_000,
    commands: ["send -r", "status"],
    engine: {
      sending: [{ push: 7 as PushId, phase: "content", hosts: 3, blocks: 12, ...flow }],
      receiving: [{ owner: "host9", push: 8 as PushId, state: "receiving", blocks: 1 }],
      counters: { "engine only": 1 },
    },
    counters: { "packets sent": 1000, "sent blocks content": 5, naks: 0 },
  };
  expect(statusLines(status)).toEqual([
    "process : 42",
    "version : 2.0.0",
    "basedir : /srv/a\\nb/",
    "mfalloc : 2",
    "recvsize: 8388608",
    "sendsize: 212992",
    "sendrate: 98.8/800",
    "command : 2",
    "  send -r",
    "  status",
    "send op : 1",
    "  push 7 content to 3 hosts, 12 blocks, 190.4 Mbit/s, window 256 packets (384000 bytes), round trip 15.1 ms, chance loss 1.3 %, limited by network",
    "recv op : 1",
    "  push 8 from host9 receiving, 1 block",
    "naks                : 0",
    "packets sent        : 1000",
    "sent blocks content : 5",
  ]);
  expect(statusLines({ ...status, chroot: true })[2]).toBe("chroot  : /srv/a\\nb/");
  const idle = { ...status, base: "/", rateLimit: undefined, commands: [] };
  expect(
    statusLines({ ...idle, engine: { sending: [], receiving: [], counters: {} }, counters: {} }),
  ).toEqual([
    "process : 42",
    "version : 2.0.0",
    "basedir : /",
    "mfalloc : 0",
    "recvsize: 8388608",
    "sendsize: 212992",
    "command : 0",
    "send op : 0",
    "recv op : 0",
  ]);
});
