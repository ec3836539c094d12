import type { NodeId } from "../wire/brand.ts";
import { HEADER_BYTES, PacketType } from "../wire/constants.ts";
import type { Address, MemberInfo } from "./ports.ts";

const TYPE_AT = 2;
/** The lower half of the sender's id in the header (PROTOCOL §2). */
const NODE_LOW_AT = 12;

type Remembered<Member> = { readonly packet: Uint8Array; readonly from: Address; readonly member: Member };

/**
 * The last HELLO of each member, byte by byte. Most HELLOs repeat the one before: they are recognised without being decoded, since they are all
 * that an idle node has to do.
 */
export class HelloMemo<Member extends MemberInfo> {
  /** By the lower half of the id: of two members that share it, one is remembered. */
  readonly #last = new Map<number, Remembered<Member>>();

  /** Whose last HELLO this packet repeats, from the same address; undefined if it has to be decoded. */
  find(packet: Uint8Array, from: Address): Member | undefined {
    if (packet.length < HEADER_BYTES || packet[TYPE_AT] !== PacketType.hello) return undefined;
    const last = this.#last.get(lowOf(packet));
    if (last === undefined || last.from.ip !== from.ip || last.from.port !== from.port) return undefined;
    return same(last.packet, packet) ? last.member : undefined;
  }

  /** Remembers a sound HELLO; the packet's memory may be used again. */
  keep(packet: Uint8Array, from: Address, member: Member): void {
    this.#last.set(lowOf(packet), { packet: packet.slice(), from, member });
  }

  /** Forgets what a member said that is none any more, or has said something else since. */
  forget(node: NodeId): void {
    const low = Number(BigInt.asIntN(32, node));
    if (this.#last.get(low)?.member.node === node) this.#last.delete(low);
  }
}

function lowOf(packet: Uint8Array): number {
  let low = 0;
  for (let at = NODE_LOW_AT; at < NODE_LOW_AT + 4; at++) low = (low << 8) | (packet[at] ?? 0);
  return low;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
