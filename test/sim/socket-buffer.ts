import type { Address } from "../../src/engine/ports.ts";

/** What the kernel charges a socket for a packet beyond its bytes. */
const OVERHEAD_BYTES = 256;

/** A socket's receive buffer: full means lost. */
export class SocketBuffer {
  readonly #bytesMax: number;
  #bytes = 0;
  #queue: { readonly packet: Uint8Array; readonly from: Address }[] = [];
  #head = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** Whether the packet fitted. */
  push(packet: Uint8Array, from: Address): boolean {
    const bytes = packet.length + OVERHEAD_BYTES;
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    this.#queue.push({ packet, from });
    return true;
  }

  shift(): { readonly packet: Uint8Array; readonly from: Address } | undefined {
    const first = this.#queue[this.#head];
    if (first === undefined) return undefined;
    this.#bytes -= first.packet.length + OVERHEAD_BYTES;
    this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    return first;
  }
}
