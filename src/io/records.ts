import type { Address } from "../engine/ports.ts";
import { assert } from "../wire/brand.ts";
import { HEADER_BYTES } from "../wire/constants.ts";
import { RECORD_HEAD_BYTES, RecordField } from "./abi-net.ts";

/** Control records, as native/makuo.h has them: a head in the machine's byte order, the packet, padding to a multiple of 4. */

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const PORT_MAX = 0xffff;
/** Most bytes of a UDP payload over IPv4. */
const DATAGRAM_MAX = 65_507;

/** Flat memory for records, filled from the front. */
export class RecordBuffer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #used = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  /** Bytes of the records in it. */
  get used(): number {
    return this.#used;
  }

  clear(): void {
    this.#used = 0;
  }

  /** Says how many bytes the shim has written. */
  filled(bytes: number): void {
    this.#used = bytes;
  }

  /** Adds a packet to send, to the group if `to` is undefined. False, and nothing is added, when there is no room. */
  add(packet: Uint8Array, to: Address | undefined): boolean {
    const at = this.#used;
    const end = at + recordBytes(packet.length);
    if (end > this.#bytes.length) return false;
    assert(packet.length >= HEADER_BYTES && packet.length <= DATAGRAM_MAX, "a record holds one packet");
    assert(to === undefined || (to.port > 0 && to.port <= PORT_MAX), "a record needs a port");
    this.#view.setUint32(at + RecordField.ip, to?.ip ?? 0, LITTLE_ENDIAN);
    this.#view.setUint16(at + RecordField.port, to?.port ?? 0, LITTLE_ENDIAN);
    this.#view.setUint16(at + RecordField.bytes, packet.length, LITTLE_ENDIAN);
    this.#bytes.set(packet, at + RECORD_HEAD_BYTES);
    this.#used = end;
    return true;
  }

  /** Bytes of the record at `at`, head and padding included. */
  bytesAt(at: number): number {
    return recordBytes(this.#view.getUint16(at + RecordField.bytes, LITTLE_ENDIAN));
  }

  /** Calls `take` for each record, in order. The packet is valid until the buffer is filled again. */
  each(take: (packet: Uint8Array, from: Address) => void): void {
    for (let at = 0; at < this.#used; at += this.bytesAt(at)) {
      const ip = this.#view.getUint32(at + RecordField.ip, LITTLE_ENDIAN);
      const port = this.#view.getUint16(at + RecordField.port, LITTLE_ENDIAN);
      const bytes = this.#view.getUint16(at + RecordField.bytes, LITTLE_ENDIAN);
      const from = at + RECORD_HEAD_BYTES;
      take(this.#bytes.subarray(from, from + bytes), { ip, port });
    }
  }
}

function recordBytes(packetBytes: number): number {
  return RECORD_HEAD_BYTES + ((packetBytes + 3) & ~3);
}
