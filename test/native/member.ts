import type { Address } from "../../src/engine/ports.ts";
import { Ready } from "../../src/io/abi-net.ts";
import { allocate } from "../../src/io/ffi.ts";
import { closeNet, type NetConfig, NetShim, type OpenNet, openNet } from "../../src/io/net-shim.ts";
import { openWake } from "../../src/io/shim.ts";
import type { NodeId } from "../../src/wire/brand.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { sealControl } from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";

/** Real sockets on the loopback interface. The port is this process's own, so that runs side by side do not hear each other. */

export const port = 20_000 + (process.pid % 20_000);
export const group: Address = { ip: 0xe000_006c, port };
export const groupText = `224.0.0.108:${port}`;
export const loopback = { ip: 0x7f00_0001, index: 1 };
export const symbolSize = 1440;
export const symbols = 224;
export const slotBytes = symbolSize * symbols;
export const slots = 8;
export const waitUs = 2_000_000;

const open: OpenNet[] = [];

/** Closes all that `join` has opened. */
export function leaveAll(): void {
  for (const net of open.splice(0)) closeNet(net);
}

/** Of a member on the loopback interface. */
export function config(node: bigint, change: Partial<NetConfig> = {}): NetConfig {
  const defaults: NetConfig = {
    node: node as NodeId,
    group,
    groupTag: groupTag(groupText),
    interface: loopback,
    receiveBuffer: 4 << 20,
    sendBuffer: undefined,
    offload: { gso: true, gro: true },
  };
  return { ...defaults, ...change };
}

/** A member with sockets, table and arena of its own. */
export function join(node: bigint, change: Partial<NetConfig> = {}) {
  const net = openNet(config(node, change));
  if ("kind" in net) throw new Error(`cannot ${net.doing}: errno ${net.errno}`);
  open.push(net);
  const rx = allocate(RX_TABLE_WORDS * 4).buffer;
  const arena = allocate(slots * slotBytes).buffer;
  const wakeFd = openWake();
  const shim = new NetShim(net, { rx, arena, slotBytes }, wakeFd);
  const bytes = new Uint8Array(arena);
  return { net, shim, wakeFd, table: new Uint32Array(rx), arena: { bytes, slotBytes } };
}

export type Member = ReturnType<typeof join>;

/** A sealed control packet of `node` with `bytes` bytes. */
export function control(node: bigint, bytes: number): Uint8Array {
  const packet = new Uint8Array(bytes).fill(7);
  const view = new DataView(packet.buffer);
  packet.fill(0, 0, 32);
  packet.set([0x4d, 1, 1]);
  view.setBigUint64(8, node);
  view.setUint32(16, groupTag(groupText));
  sealControl(packet);
  return packet;
}

/** Takes what comes until `enough`; fails when nothing more comes for a while. */
export function receiveUntil(
  member: Member,
  enough: () => boolean,
  onControl: (p: Uint8Array, from: Address) => void,
): void {
  while (!enough()) {
    const mask = member.shim.wait(waitUs, { forSend: false });
    if (mask === 0) throw new Error("nothing came");
    if (mask & Ready.group) while (member.shim.receive("group", onControl).more);
    if (mask & Ready.unicast) while (member.shim.receive("unicast", onControl).more);
  }
}

/** For where only DATA may come. */
export function noControl(): never {
  throw new Error("a control packet came");
}

/** A row that sends all of a block of push 9 from the slot of its number. */
export function wholeBlock(block: number): Uint32Array {
  const row = new Uint32Array(TX_ROW_WORDS);
  const values = {
    slot: block,
    block,
    first: 0,
    count: symbols,
    symbols,
    lastBytes: symbolSize,
    flags: 0x42,
    push: 9,
    symbolSize,
    sequence: (block * symbols) & 0xffff,
  };
  for (const [name, value] of Object.entries(values)) row[TxRow[name as keyof typeof TxRow]] = value;
  return row;
}
