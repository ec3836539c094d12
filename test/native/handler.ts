import type { Address } from "../../src/engine/ports.ts";
import { COUNTER_COUNT, NET_BYTES, NetField } from "../../src/io/abi-net.ts";
import { addressAt, allocate, type Memory, type Pointer, shim } from "../../src/io/ffi.ts";
import { RecordBuffer } from "../../src/io/records.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { type Arena, type Self, VERDICTS, type Verdict } from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TX_ROWS_MAX } from "../../src/wire/tx-row.ts";

/** The shim's packet handler without sockets: it and the twin are given the same. */

const OUT_BYTES = 1 << 20;
const PACKET_BYTES = 65_536;
const LINUX_EFAULT = 14;

/** "broken": the table or row leads out of the arena, which stops the process elsewhere. */
export type Answer = Verdict | "broken";

export type Built = { readonly packet: Uint8Array; readonly to: Address };

/** A state with table and arena of its own; no sockets. */
export class ShimHandler {
  readonly table: Uint32Array;
  readonly arena: Arena;
  readonly counters: BigUint64Array;
  readonly #net: Pointer;
  readonly #packet: Memory = allocate(PACKET_BYTES);
  readonly #rows: Memory = allocate(TX_ROWS_MAX * TX_ROW_WORDS * 4);
  readonly #out: Memory = allocate(OUT_BYTES);

  constructor(self: Self, slots: number, slotBytes: number) {
    const net = allocate(NET_BYTES);
    const table = allocate(RX_TABLE_WORDS * 4);
    const arena = allocate(slots * slotBytes);
    const longs = new BigUint64Array(net.buffer);
    const words = new Uint32Array(net.buffer);
    longs[NetField.node / 8] = self.node;
    longs[NetField.table / 8] = BigInt(table.address);
    longs[NetField.arena / 8] = BigInt(arena.address);
    longs[NetField.arenaBytes / 8] = BigInt(slots * slotBytes);
    words[NetField.slotBytes / 4] = slotBytes;
    words[NetField.groupTag / 4] = self.groupTag;
    this.#net = net.address;
    this.table = new Uint32Array(table.buffer);
    this.arena = { bytes: new Uint8Array(arena.buffer), slotBytes };
    this.counters = new BigUint64Array(net.buffer, NetField.counters, COUNTER_COUNT);
  }

  /** Forgets everything that packets have left. */
  clear(): void {
    this.table.fill(0);
    this.arena.bytes.fill(0);
    this.counters.fill(0n);
  }

  receive(packet: Uint8Array): Answer {
    // At the memory's end, so that a read beyond the packet does not find the rest of an earlier one.
    const at = PACKET_BYTES - packet.length;
    new Uint8Array(this.#packet.buffer).set(packet, at);
    const result = shim.mk_packet(this.#net, addressAt(this.#packet.address, at), packet.length);
    if (result === -LINUX_EFAULT) return "broken";
    const verdict = VERDICTS[result];
    if (verdict === undefined) throw new Error(`the shim answered ${result}`);
    return verdict;
  }

  /** The packets of the rows and where each goes (zeros: to the group), or "broken". */
  build(rows: readonly Uint32Array[]): Built[] | "broken" {
    const words = new Uint32Array(this.#rows.buffer);
    for (const [at, row] of rows.entries()) words.set(row, at * TX_ROW_WORDS);
    const used = shim.mk_build_data(this.#net, this.#rows.address, rows.length, this.#out.address, OUT_BYTES);
    if (used === -LINUX_EFAULT) return "broken";
    if (used < 0) throw new Error(`the shim answered ${used}`);
    const records = new RecordBuffer(this.#out.buffer);
    records.filled(used);
    const packets: Built[] = [];
    records.each((packet, to) => packets.push({ packet: packet.slice(), to }));
    return packets;
  }
}

/** What the twin answers, with its assertions as "broken". */
export function answerOf(call: () => Verdict): Answer {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("assertion failed")) return "broken";
    throw error;
  }
}
