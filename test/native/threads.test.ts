import { expect, test } from "bun:test";
import { Worker } from "node:worker_threads";
import { allocate, shim } from "../../src/io/ffi.ts";
import { closeNet, NetShim, openNet } from "../../src/io/net-shim.ts";
import { openWake, wake } from "../../src/io/shim.ts";
import type { NodeId } from "../../src/wire/brand.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { sealControl } from "../../src/wire/twin.ts";
import type { WorkerAnswer, WorkerTask } from "./worker.ts";

const group = { ip: 0xe000_006c, port: 20_000 + ((process.pid + 7_000) % 20_000) };
const tag = 0xcafe_0108;

function openMember(node: bigint) {
  const net = openNet({
    node: node as NodeId,
    group,
    groupTag: tag,
    interface: { ip: 0x7f00_0001, index: 1 },
    receiveBuffer: undefined,
    sendBuffer: undefined,
    offload: { gso: true, gro: true },
  });
  if ("kind" in net) throw new Error(`cannot ${net.doing}`);
  return net;
}

function startWorker(task: WorkerTask): Promise<WorkerAnswer> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: task });
  return new Promise((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

test("threads load the shim at once, share memory by address, and wake each other", async () => {
  const arena = allocate(65_536);
  new Uint8Array(arena.buffer).set(new TextEncoder().encode("123456789"));
  const tasks = [2n, 3n].map((node) => ({
    net: openMember(node),
    rx: allocate(RX_TABLE_WORDS * 4).buffer,
    arena: arena.buffer,
    slotBytes: 4096,
    wakeFd: openWake(),
  }));
  const answers = tasks.map(startWorker);
  const net = openMember(1n);
  const rx = allocate(RX_TABLE_WORDS * 4).buffer;
  const sender = new NetShim(net, { rx, arena: arena.buffer, slotBytes: 4096 }, openWake());
  const packet = new Uint8Array(32);
  packet.set([0x4d, 1, 1]);
  packet[15] = 1;
  new DataView(packet.buffer).setUint32(16, tag);
  sealControl(packet);
  sender.addControl(packet, undefined);
  expect(sender.sendControl()).toBe("done");
  for (const task of tasks) wake(task.wakeFd);
  for (const answer of await Promise.all(answers)) {
    expect(answer).toEqual({ arenaAddress: arena.address, checksum: 0xe306_9283, controls: 1 });
  }
  expect(shim.mk_crc32c(arena.address, 9)).toBe(0xe306_9283);
  for (const one of [net, ...tasks.map((task) => task.net)]) closeNet(one);
});
