import { afterEach, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { Ready } from "../../src/io/abi-net.ts";
import { type NetConfig, netFacts, openNet } from "../../src/io/net-shim.ts";
import { wake } from "../../src/io/shim.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import { openContext, RxHead, resetEntry } from "../../src/wire/rx-table.ts";
import { buildPackets } from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";
import {
  config,
  control,
  group,
  groupText,
  join,
  leaveAll,
  loopback,
  noControl,
  port,
  receiveUntil,
  slotBytes,
  slots,
  symbolSize,
  symbols,
  waitUs,
  wholeBlock,
} from "./member.ts";

/** Real sockets on the loopback interface. */

afterEach(leaveAll);

describe("a member on the loopback", () => {
  test.each([
    { gso: true, gro: true },
    { gso: false, gro: false },
  ])("sends blocks that arrive byte for byte, with %p", (offload) => {
    const from = join(1n, { offload });
    const to = join(2n, { offload });
    from.arena.bytes.forEach((_, at) => {
      from.arena.bytes[at] = (at * 2_654_435_761) >>> 13;
    });
    openContext(to.table, 3, { owner: 1n as NodeId, push: 9 as PushId, symbolSize, blockSymbols: symbols });
    const head = 3 * (to.table.length / 8);
    to.table[head + RxHead.limit] = slots;
    for (let block = 0; block < slots; block++) {
      resetEntry(to.table, 3, block as BlockIndex, block as Slot);
      from.shim.rows.set(wholeBlock(block), block * TX_ROW_WORDS);
    }
    const packets = slots * symbols;
    from.shim.startRows(slots);
    // The receiver's buffer need not hold it all: both take turns.
    while (from.shim.rowsPending) {
      if (from.shim.sendRows() === "full") from.shim.wait(waitUs, { forSend: true });
      to.shim.receive("group", noControl);
    }
    receiveUntil(to, () => to.table[head + RxHead.received] === packets, noControl);
    expect(Buffer.compare(to.arena.bytes, from.arena.bytes)).toBe(0);
    expect(to.table[head + RxHead.polled]).toBe(1);
    expect(to.shim.counters()).toMatchObject({ data: packets, stray: 0, checksum: 0 });
    const { sentPackets = 0, sentBursts = 0 } = from.shim.counters();
    expect(sentPackets).toBe(packets);
    if (offload.gso) expect(sentBursts).toBeLessThan(packets / 32);
    else expect(sentBursts).toBe(packets);
    expect(netFacts(from.net).offload).toEqual({
      gso: offload.gso,
      groupGro: offload.gro,
      unicastGro: offload.gro,
    });
  });

  test("puts the twin's packets on the wire, as a stranger hears them", async () => {
    const heard: Uint8Array[] = [];
    const stranger = createSocket({ type: "udp4", reuseAddr: true });
    await new Promise<void>((resolve) => stranger.bind(port, "224.0.0.108", resolve));
    stranger.addMembership("224.0.0.108", "127.0.0.1");
    const from = join(1n);
    from.arena.bytes.fill(0xa5, 0, slotBytes);
    const row = wholeBlock(0);
    row[TxRow.lastBytes] = 77;
    // A few, as nobody empties the stranger's buffer while they are sent.
    row[TxRow.first] = symbols - 40;
    row[TxRow.count] = 40;
    const expected = buildPackets(row, from.arena, { node: 1n as NodeId, groupTag: groupTag(groupText) });
    const all = new Promise<void>((resolve) => {
      stranger.on("message", (packet) => {
        heard.push(new Uint8Array(packet));
        if (heard.length === 40) resolve();
      });
    });
    from.shim.rows.set(row);
    from.shim.startRows(1);
    expect(from.shim.sendRows()).toBe("done");
    await all;
    stranger.close();
    expect(heard).toEqual(expected);
  });

  test("sends control packets to the group and to one member", () => {
    const from = join(1n);
    const to = join(2n);
    const fromPort = netFacts(from.net).unicastPort;
    const toPort = netFacts(to.net).unicastPort;
    const packets = [33, 32, 1400, 64].map((bytes) => control(1n, bytes));
    for (const packet of packets) {
      expect(from.shim.addControl(packet, undefined)).toBe(true);
      expect(from.shim.addControl(packet, { ip: loopback.ip, port: toPort })).toBe(true);
    }
    expect(from.shim.sendControl()).toBe("done");
    const came: Uint8Array[] = [];
    receiveUntil(
      to,
      () => came.length === 8,
      (packet, address) => {
        expect(address).toEqual({ ip: loopback.ip, port: fromPort });
        came.push(packet.slice());
      },
    );
    const sorted = (list: Uint8Array[]) => list.map((one) => Buffer.from(one).toString("hex")).sort();
    expect(sorted(came)).toEqual(sorted([...packets, ...packets]));
    // The group's packets went to the sender as well, and were ignored there.
    expect(from.shim.receive("group", noControl)).toEqual({ touched: 0, more: false });
    expect(from.shim.counters()).toMatchObject({ control: 0, sentPackets: 8 });
  });
});

describe("what cannot be sent", () => {
  test("a control packet without a way is given up, the others go", () => {
    const from = join(1n);
    const to = join(2n);
    // Only sockets that want it may send to all hosts at once.
    from.shim.addControl(control(1n, 40), { ip: 0xffff_ffff, port: 9 });
    from.shim.addControl(control(1n, 50), undefined);
    expect(from.shim.sendControl()).toEqual({ kind: "failed", errno: 13 });
    const came: number[] = [];
    receiveUntil(
      to,
      () => came.length === 1,
      (packet) => came.push(packet.length),
    );
    expect(came).toEqual([50]);
    expect(from.shim.sendControl()).toBe("done");
  });

  test("rows without a way are given up as a whole", () => {
    const from = join(1n, { group: { ip: group.ip, port: 0 } });
    from.shim.rows.set(wholeBlock(0));
    from.shim.startRows(1);
    expect(() => from.shim.startRows(1)).toThrow("rows are still being sent");
    expect(from.shim.sendRows()).toEqual({ kind: "failed", errno: 22 });
    expect(from.shim.rowsPending).toBe(false);
    expect(netFacts(from.net).offload.gso).toBe(true);
  });

  test("rows that lead out of the arena stop the process", () => {
    const from = join(1n);
    from.shim.rows.set(wholeBlock(slots));
    from.shim.startRows(1);
    expect(() => from.shim.sendRows()).toThrow("a send row is not sound");
  });

  test("control packets wait when there is no room for more", () => {
    const from = join(1n);
    let added = 0;
    while (from.shim.addControl(control(1n, 1400), undefined)) added++;
    expect(added).toBeGreaterThan(500);
    while (from.shim.sendControl() === "full") from.shim.wait(waitUs, { forSend: true });
    expect(from.shim.addControl(control(1n, 1400), undefined)).toBe(true);
  });
});

describe("opening", () => {
  const failure = (change: Partial<NetConfig>) => {
    const result = openNet(config(1n, change));
    if (!("kind" in result)) throw new Error("it opened");
    return result;
  };

  test("says which step failed, why, and what to do", async () => {
    expect(failure({ group: { ip: 0x7f00_0001, port } })).toMatchObject({
      doing: "join the group",
      errno: 22,
    });
    expect(failure({ interface: { ip: loopback.ip, index: 999_999 } })).toMatchObject({
      doing: "join the group",
      errno: 19,
      advice: expect.stringContaining("-i"),
    });
    expect(failure({ interface: { ip: 0xc000_0201, index: 1 } })).toMatchObject({
      doing: "bind the unicast socket",
      errno: 99,
    });
    const selfish = createSocket("udp4");
    await new Promise<void>((resolve) => selfish.bind(0, "0.0.0.0", resolve));
    const taken = selfish.address().port;
    expect(failure({ group: { ip: group.ip, port: taken } })).toMatchObject({
      doing: "bind the group socket",
      errno: 98,
      advice: expect.stringContaining("-p"),
    });
    selfish.close();
  });

  test("two members on one host share the port, and both hear all", () => {
    const from = join(1n);
    const both = [join(2n), join(3n)];
    from.shim.addControl(control(1n, 32), undefined);
    from.shim.sendControl();
    for (const member of both) {
      let came = 0;
      receiveUntil(
        member,
        () => came === 1,
        () => came++,
      );
    }
  });
});

describe("waiting", () => {
  test("ends when it was woken, and only once for it", () => {
    const member = join(1n);
    wake(member.wakeFd);
    wake(member.wakeFd);
    expect(member.shim.wait(Number.POSITIVE_INFINITY, { forSend: false })).toBe(Ready.wake);
    expect(member.shim.wait(0, { forSend: false })).toBe(0);
  });

  test("lasts as long as it was asked to, and not much longer", () => {
    const member = join(1n);
    const start = Bun.nanoseconds();
    expect(member.shim.wait(3_000.2, { forSend: false })).toBe(0);
    const tookUs = (Bun.nanoseconds() - start) / 1_000;
    expect(tookUs).toBeGreaterThanOrEqual(3_000);
    expect(tookUs).toBeLessThan(2_000_000);
  });

  test("tells of room to send only who wants to know", () => {
    const member = join(1n);
    expect(member.shim.wait(waitUs, { forSend: true })).toBe(Ready.send);
    expect(member.shim.wait(0, { forSend: false })).toBe(0);
  });
});
