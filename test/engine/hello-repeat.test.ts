import { describe, expect, test } from "bun:test";
import { Membership } from "../../src/engine/membership.ts";
import {
  EXPIRY_INTERVALS,
  HELLO_INTERVAL_US_MIN,
  HELLO_SPACING_US,
  TOGETHER_INTERVALS,
  TOGETHER_MEMBERS_MAX,
} from "../../src/engine/tuning.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import type { Hello } from "../../src/wire/messages.ts";
import { drain, HELLO, messages, newCore, us } from "./support.ts";

const from = { ip: 0x0a000002, port: 7000 };
const node = (id: number) => BigInt(id) as NodeId;
const expiryUs = HELLO_INTERVAL_US_MIN * EXPIRY_INTERVALS;
const announcedUs = 1_000_000;

function packetOf(id: number, message: Hello): Uint8Array {
  return encode({ node: node(id), push: 0 as PushId }, 1, message);
}

/** As the engine does it. Whether the packet had to be decoded. */
function hear(membership: Membership, packet: Uint8Array, at: number, address = from): boolean {
  if (membership.onRepeat(packet, address, us(at))) return false;
  const decoded = decode(packet);
  if (typeof decoded === "string" || decoded.message.type !== "hello") throw new Error("no HELLO");
  membership.touch(decoded.origin.node, us(at));
  membership.onHello(decoded.origin.node, decoded.message, address, us(at));
  membership.remember(decoded.origin.node, packet, decoded.message);
  return true;
}

describe("a HELLO that repeats the one before (PROTOCOL §4.3)", () => {
  test("is not decoded, and keeps the member alive exactly as long", () => {
    const membership = new Membership(newCore());
    membership.onTimeout(us(0));
    const packet = packetOf(2, HELLO);
    expect(hear(membership, packet, 0)).toBe(true);
    expect(hear(membership, packet.slice(), 2_000_000)).toBe(false);
    expect(membership.onTimeout(us(2_000_000 + expiryUs - 1))).toEqual([]);
    expect(membership.deadline()).toBeLessThanOrEqual(2_000_000 + expiryUs);
    expect(membership.onTimeout(us(2_000_000 + expiryUs))).toEqual([node(2)]);
    expect(hear(membership, packet, 9_000_000)).toBe(true);
    expect(membership.get(node(2))?.name).toBe("host2");
  });

  test("any other byte, length or address is another HELLO", () => {
    const membership = new Membership(newCore());
    const packet = packetOf(2, HELLO);
    hear(membership, packet, 0);
    for (const other of [{ mtu: 1400 }, { noSend: true }, { name: "host3" }, { version: "2.0.01" }]) {
      expect(hear(membership, packetOf(2, { ...HELLO, ...other }), 1)).toBe(true);
    }
    expect(membership.get(node(2))).toMatchObject({ version: "2.0.01", mtu: 1500 });
    expect(hear(membership, packet, 2)).toBe(true);
    expect(hear(membership, packet, 3, { ...from, port: 7001 })).toBe(true);
    expect(membership.get(node(2))?.address.port).toBe(7001);
    expect(membership.onRepeat(packet.subarray(0, 20), from, us(4))).toBe(false);
  });

  test("of a member that has said goodbye, or was replaced, it is news", () => {
    const membership = new Membership(newCore());
    const packet = packetOf(2, HELLO);
    hear(membership, packet, 0);
    membership.onBye(node(2), 5n);
    expect(hear(membership, packet, 1)).toBe(true);
    hear(membership, packetOf(3, { ...HELLO, epoch: 6n }), 2);
    expect(hear(membership, packet, 3)).toBe(true);
    expect(membership.all().map((member) => member.node)).toEqual([node(3)]);
  });

  test("members whose ids end alike are told apart", () => {
    const membership = new Membership(newCore());
    const far = Number(2n + (1n << 40n));
    const packets = [packetOf(2, HELLO), packetOf(far, { ...HELLO, name: "far" })];
    for (const packet of [...packets, ...packets]) expect(hear(membership, packet, 0)).toBe(true);
    expect(membership.all().map((member) => member.node)).toEqual([node(2), node(far)]);
  });

  test("a solicit is always answered", () => {
    const membership = new Membership(newCore());
    for (let at = 0; at <= announcedUs; at += 50_000) membership.onTimeout(us(at));
    const packet = packetOf(2, { ...HELLO, solicit: true });
    expect(hear(membership, packet, announcedUs)).toBe(true);
    expect(hear(membership, packet, announcedUs + 1)).toBe(true);
  });
});

describe("HELLOs of a small group fall together (PROTOCOL §4.3)", () => {
  const togetherUs = HELLO_INTERVAL_US_MIN * TOGETHER_INTERVALS;

  /** Packets that a member sends which hears another's HELLO so long after its own. */
  function heardAfter(others: number, afterUs: number): number {
    const core = newCore({ random: 0xffff_ffff });
    const membership = new Membership(core);
    for (let at = 0; at <= announcedUs; at += 50_000) membership.onTimeout(us(at));
    for (let id = 2; id < 2 + others; id++) {
      membership.onHello(node(id), { ...HELLO, name: `h${id}` }, { ip: id, port: 1 }, us(announcedUs));
    }
    const sentAt = membership.deadline();
    membership.onTimeout(us(sentAt));
    drain(core);
    const packet = packetOf(2, { ...HELLO, name: "h2" });
    hear(membership, packet, sentAt, { ip: 2, port: 1 });
    hear(membership, packet, sentAt + afterUs, { ip: 2, port: 1 });
    membership.onTimeout(us(sentAt + afterUs));
    return messages(drain(core)).length;
  }

  test("one is repeated with another's from the limit on, and not before", () => {
    expect(heardAfter(4, togetherUs - 1)).toBe(0);
    expect(heardAfter(4, togetherUs)).toBe(1);
  });

  test("a large group's stay apart, as so many at a time would be a burst", () => {
    const intervalOf = (others: number) =>
      Math.max(HELLO_INTERVAL_US_MIN, (others + 1) * HELLO_SPACING_US) * TOGETHER_INTERVALS;
    const [most, more] = [TOGETHER_MEMBERS_MAX, TOGETHER_MEMBERS_MAX + 1];
    expect(heardAfter(most, intervalOf(most))).toBe(1);
    expect(heardAfter(more, intervalOf(more))).toBe(0);
  });
});
