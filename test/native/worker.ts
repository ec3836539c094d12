import { workerData } from "node:worker_threads";
import { Ready } from "../../src/io/abi-net.ts";
import { addressOf, shim } from "../../src/io/ffi.ts";
import { NetShim, type OpenNet } from "../../src/io/net-shim.ts";

/** A thread that waits in the shim, as the engine's does: it answers each wake-up with how many control packets had come by then. */

export type WorkerTask = {
  readonly net: OpenNet;
  readonly rx: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  readonly slotBytes: number;
  readonly wakeFd: number;
};
export type WorkerAnswer = {
  readonly arenaAddress: number;
  readonly checksum: number;
  readonly controls: number;
};

declare const self: { postMessage(answer: WorkerAnswer): void };

const task = workerData as WorkerTask;
const net = new NetShim(task.net, task, task.wakeFd);
const arenaAddress = addressOf(task.arena);
let controls = 0;
for (let woken = false; !woken; ) {
  const mask = net.wait(10_000_000, { forSend: false });
  if (mask === 0) break;
  if (mask & Ready.group) net.receive("group", () => controls++);
  woken = (mask & Ready.wake) !== 0;
}
self.postMessage({ arenaAddress, checksum: shim.mk_crc32c(arenaAddress, 9), controls });
