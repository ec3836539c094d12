import type { Address, EngineConfig } from "../../src/engine/ports.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import { DataFlag, HEADER_BYTES } from "../../src/wire/constants.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { PushKey } from "../../src/wire/disk-port.ts";
import { contextAt, RX_CONTEXTS, RxHead } from "../../src/wire/rx-table.ts";
import {
  type Arena,
  buildPackets,
  type Checksums,
  receivePacket,
  type Self,
  sealControl,
  type Verdict,
} from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";

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

  /**
   * Whose push it is, if this DATA packet is a new one for a block that the push has no room for yet: its sender must not have sent it.
   * Undefined if all is well.
   */
  beyondLimit(packet: Uint8Array): PushKey | undefined {
    const header = new DataView(packet.buffer, packet.byteOffset, HEADER_BYTES);
    if ((header.getUint8(3) & DataFlag.repair) !== 0) return undefined;
    for (let index = 0; index < RX_CONTEXTS; index++) {
      const at = contextAt(index);
      if (this.#table[at + RxHead.active] !== 1 || this.#table[at + RxHead.push] !== header.getUint32(20))
        continue;
      if (this.#table[at + RxHead.ownerHigh] !== header.getUint32(8)) continue;
      if (this.#table[at + RxHead.ownerLow] !== header.getUint32(12)) continue;
      if (header.getUint32(24) < (this.#table[at + RxHead.limit] as number)) return undefined;
      return { owner: header.getBigUint64(8) as NodeId, push: header.getUint32(20) as PushId };
    }
    return undefined;
  }

  /** Makes a control packet ready for the wire. */
  seal(packet: Uint8Array): Uint8Array {
    if (this.#checksums === "real") sealControl(packet);
    return packet;
  }

  /** The DATA packets of the first `count` rows, and where they go: to the group if `to` is undefined. */
  build(
    rows: Uint32Array,
    count: number,
  ): readonly { readonly packet: Uint8Array; readonly to: Address | undefined }[] {
    const packets: { packet: Uint8Array; to: Address | undefined }[] = [];
    for (let row = 0; row < count; row++) {
      const words = rows.subarray(row * TX_ROW_WORDS, (row + 1) * TX_ROW_WORDS);
      const [ip, port] = [words[TxRow.ip] as number, words[TxRow.port] as number];
      const to = port === 0 ? undefined : { ip, port };
      for (const packet of buildPackets(words, this.#arena, this.#self, this.#checksums))
        packets.push({ packet, to });
    }
    return packets;
  }
}
