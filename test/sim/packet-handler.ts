import type { EngineConfig } from "../../src/engine/ports.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import {
  type Arena,
  buildPackets,
  type Checksums,
  receivePacket,
  type Self,
  sealControl,
  type Verdict,
} from "../../src/wire/twin.ts";
import { TX_ROW_WORDS } from "../../src/wire/tx-row.ts";

/** The shim's twin, bound to one process's memory. */
export class PacketHandler {
  readonly #table: Uint32Array;
  readonly #arena: Arena;
  readonly #self: Self;
  readonly #checksums: Checksums;

  constructor(options: {
    config: EngineConfig;
    table: Uint32Array;
    arena: Uint8Array;
    slotBytes: number;
    checksums: Checksums;
  }) {
    this.#table = options.table;
    this.#arena = { bytes: options.arena, slotBytes: options.slotBytes };
    this.#self = { node: options.config.node, groupTag: groupTag(options.config.group) };
    this.#checksums = options.checksums;
  }

  receive(packet: Uint8Array): Verdict {
    return receivePacket(this.#table, this.#arena, this.#self, packet, this.#checksums);
  }

  /** Makes a control packet ready for the wire. */
  seal(packet: Uint8Array): Uint8Array {
    if (this.#checksums === "real") sealControl(packet);
    return packet;
  }

  /** The DATA packets of the first `count` rows. */
  build(rows: Uint32Array, count: number): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let row = 0; row < count; row++) {
      const words = rows.subarray(row * TX_ROW_WORDS, (row + 1) * TX_ROW_WORDS);
      packets.push(...buildPackets(words, this.#arena, this.#self, this.#checksums));
    }
    return packets;
  }
}
