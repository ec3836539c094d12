import type { NodeId, PushId } from "../../src/wire/brand.ts";
import { encode } from "../../src/wire/codec.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { Message } from "../../src/wire/messages.ts";
import { sealControl } from "../../src/wire/twin.ts";
import type { Prng } from "../support/prng.ts";
import { GROUP } from "./host.ts";
import type { World } from "./world.ts";

/** The intruder's own address; what it says that its address is, now and then; and how much of the traffic it keeps for later. */
const ADDRESS = { ip: 0x0a00_00fe, port: 40_404 };
const FALSE_ADDRESSES = [
  { ip: 0x0a00_00fe, port: 0 },
  { ip: 0, port: 40_404 },
];
const RECORDED_MAX = 200;
const TYPES = [1, 2, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 3, 77];

/**
 * Somebody on the network who is no member: sends noise with good checksums, and repeats, cuts and changes what it has
 * heard. It may disturb pushes; it must not break a promise, nor stop anybody for longer than it goes on.
 */
export class Intruder {
  readonly #world: World;
  readonly #prng: Prng;
  readonly #addresses: Prng;
  readonly #recorded: Uint8Array[] = [];
  readonly #node: NodeId;

  constructor(world: World) {
    this.#world = world;
    this.#prng = world.prng.fork("intruder");
    this.#addresses = world.prng.fork("intruder's address");
    this.#node = BigInt((this.#prng.u32() | 1) >>> 0) as NodeId;
    world.network.listen((packet) => this.#record(packet));
  }

  start(until: number): void {
    const { queue } = this.#world;
    const next = () => {
      if (queue.now >= until) return;
      this.#strike();
      queue.after(this.#prng.below(20_000), next);
    };
    queue.at(200_000, next);
  }

  #record(packet: Uint8Array): void {
    if (this.#recorded.length < RECORDED_MAX) this.#recorded.push(packet);
    else if (this.#prng.below(20) === 0) this.#recorded[this.#prng.below(RECORDED_MAX)] = packet;
  }

  #strike(): void {
    const packet = this.#packet();
    const from = this.#addresses.below(4) === 0 ? this.#addresses.pick(FALSE_ADDRESSES) : ADDRESS;
    for (const host of this.#world.hosts) this.#world.network.inject(host.index, packet, from);
  }

  #packet(): Uint8Array {
    const dice = this.#prng.below(6);
    const old = this.#recorded.length > 0 ? this.#prng.pick(this.#recorded) : undefined;
    if (dice === 0 || old === undefined) return this.#noise();
    if (dice === 1) return old.slice(0, this.#prng.below(old.length + 1));
    if (dice === 2) return this.#sealed(this.#changed(old));
    if (dice === 3) return this.#sealed(this.#asStranger(old));
    if (dice === 4) return this.#wellFormed(old);
    return old;
  }

  /** The right header and a body of random bytes, from a node that is no member. */
  #noise(): Uint8Array {
    const packet = new Uint8Array(32 + this.#prng.below(120));
    for (let at = 32; at < packet.length; at++) packet[at] = this.#prng.below(4) === 0 ? this.#prng.u32() : 0;
    packet[0] = 0x4d;
    packet[1] = 1;
    packet[2] = this.#prng.pick(TYPES);
    const view = new DataView(packet.buffer);
    view.setBigUint64(8, this.#node);
    view.setUint32(16, groupTag(GROUP));
    view.setUint32(20, (packet[2] as number) <= 2 ? 0 : this.#prng.below(3));
    if (packet[2] === 19) {
      packet[28] = this.#prng.below(8);
      packet[29] = this.#prng.below(230);
    }
    return this.#sealed(packet);
  }

  /** What a member said, with something in the body changed and the checksum put right. */
  #changed(old: Uint8Array): Uint8Array {
    const copy = this.#asStranger(old);
    if (copy.length > 32) copy[this.#prng.between(32, copy.length - 1)] = this.#prng.u32();
    return copy;
  }

  /** What a member said, said by the intruder. */
  #asStranger(old: Uint8Array): Uint8Array {
    const copy = old.slice();
    if (copy.length >= 32) new DataView(copy.buffer).setBigUint64(8, this.#node);
    return copy;
  }

  /** A valid message that makes no sense coming from here. The push is one that was heard of. */
  #wellFormed(old: Uint8Array): Uint8Array {
    const view = new DataView(old.buffer, old.byteOffset, old.length);
    const owner = (old.length >= 32 ? view.getBigUint64(8) : 1n) as NodeId;
    const push = (old.length >= 32 ? view.getUint32(20) : 1) as PushId;
    const all = this.#world.live.flatMap(({ process }) => (process === undefined ? [] : [process.node]));
    const ids = [this.#node, ...all].sort((a, b) => (a < b ? -1 : 1));
    const offer = { symbolSize: 300, blockSymbols: 2, statusIntervalUs: 0, targets: ids.length, ids };
    const names = Uint8Array.of(0, 1, 0x61, 0, 9);
    const messages: Message[] = [
      { type: "commit", ids },
      { type: "end", reason: 1, ids: [] },
      { type: "offer", dryRun: false, check: false, ...offer },
      { type: "offer", dryRun: true, check: true, ...offer },
      { type: "query", owner },
      { type: "report", owner, first: 1, records: [{ kind: "prepared" }] },
      { type: "report", owner, first: 1, records: [{ kind: "removals", count: 2, last: false, names }] },
      { type: "report", owner, first: 1, records: [{ kind: "outcome", committed: true }] },
      { type: "reportAck", receiver: this.#prng.pick(ids), next: 1_000 },
      {
        type: "sync",
        phase: "content",
        poll: true,
        sequence: 9,
        edgeBlock: 4_000_000_000 as never,
        edgeSymbol: 224,
        low: 3_999_999_999 as never,
        roundTripUs: 0xffff_ffff,
        ids,
      },
      {
        type: "status",
        owner,
        next: 4_000_000_000 as never,
        limit: 4_000_000_001 as never,
        sequence: 7,
        state: "done",
        received: 7,
      },
      {
        type: "nak",
        owner,
        blocks: [{ block: 4_000_000_000 as never, missing: new Uint8Array(28).fill(255) }],
      },
    ];
    return this.#sealed(encode({ node: this.#node, push }, groupTag(GROUP), this.#prng.pick(messages)));
  }

  #sealed(packet: Uint8Array): Uint8Array {
    if (packet.length >= 32) sealControl(packet);
    return packet;
  }
}
