import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isEmpty } from "../../src/wire/bitmap.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import {
  decode,
  encode,
  ID_BYTES,
  ID_LIST_FIXED_BYTES,
  NAK_ENTRY_BYTES,
  NAK_FIXED_BYTES,
  OFFER_FIXED_BYTES,
  REPORT_FIXED_BYTES,
  recordBytes,
} from "../../src/wire/codec.ts";
import { HEADER_BYTES, PacketType } from "../../src/wire/constants.ts";
import { crc32c } from "../../src/wire/crc32c.ts";
import type { Message, Origin } from "../../src/wire/messages.ts";
import { sealControl } from "../../src/wire/twin.ts";
import { damage, damages, effort, message, originOf, patienceMs } from "./arbitrary.ts";
import { plain, plainPacket, toHex } from "./plain.ts";
import { receive } from "./production.ts";
import { checksumOf, decodePacket } from "./second.ts";

const TAG = 0xd024_c0d8;
const sent = message.chain((one) => originOf(one).map((origin) => ({ origin, message: one })));

/** Group and checksum made right, where there is room for them. */
function seal(packet: Uint8Array): Uint8Array {
  if (packet.length < HEADER_BYTES) return packet;
  new DataView(packet.buffer, packet.byteOffset).setUint32(16, TAG);
  sealControl(packet);
  return packet;
}

/** Both decoders and, for what they accept, the encoder agree about a packet with a good checksum. */
function agree(packet: Uint8Array): void {
  const second = decodePacket(toHex(packet), TAG);
  const ours = receive(packet, TAG);
  if (typeof second === "string") return expect(ours as string).toBe(second);
  if (packet[2] === PacketType.data) return expect(ours).toBe("data");
  if (typeof ours === "string") throw new Error(`dropped: ${ours}`);
  expect(plainPacket(ours)).toEqual(second);
  const again = encode(ours.origin, TAG, ours.message);
  sealControl(again);
  expect(toHex(again)).toBe(toHex(packet));
}

/** A message as it comes back: sets that are empty are undefined. */
function normal(one: Message): Message {
  if (one.type !== "report") return one;
  const set = (bits: Uint8Array | undefined) => (bits === undefined || isEmpty(bits) ? undefined : bits);
  const records = one.records.map((record) =>
    record.kind === "need" ? { ...record, update: set(record.update), content: set(record.content) } : record,
  );
  return { ...one, records };
}

describe("packets", () => {
  test(
    "what is encoded comes back, from both decoders",
    () => {
      fc.assert(
        fc.property(sent, ({ origin, message: one }) => {
          const packet = encode(origin, TAG, one);
          sealControl(packet);
          const expected = { node: plain(origin.node), push: origin.push, message: plain(normal(one)) };
          expect(decodePacket(toHex(packet), TAG)).toEqual(expected as never);
          agree(packet);
        }),
        effort(1500),
      );
    },
    patienceMs,
  );

  test(
    "damaged packets: both decoders agree, with the reason, and what they accept is canonical",
    () => {
      fc.assert(
        fc.property(sent, damages, ({ origin, message: one }, list) => {
          agree(seal(damage(encode(origin, TAG, one), list)));
        }),
        effort(3000),
      );
    },
    patienceMs,
  );

  test(
    "random bodies: the same",
    () => {
      const header = fc.record({
        type: fc.constantFrom(...Object.values(PacketType)),
        node: fc.constantFrom(1, 1, 1, 0),
        flags: fc.constantFrom(0, 0, 0, 0x12, 0x80, 0xa2),
        symbols: fc.constantFrom(0, 0, 0, 1, 224, 225),
      });
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 80 }),
        fc.array(fc.constantFrom(0, 0, 0, 1, 2, 255), { maxLength: 80 }),
      );
      fc.assert(
        fc.property(header, bytes, ({ type, node, flags, symbols }, body) => {
          const packet = new Uint8Array(HEADER_BYTES + body.length);
          packet.set([0x4d, 1, type, flags]);
          packet[15] = node;
          packet[29] = symbols;
          packet.set(body, HEADER_BYTES);
          agree(seal(packet));
        }),
        effort(3000),
      );
    },
    patienceMs,
  );

  test(
    "bytes of any kind never make decode throw",
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(31), (bytes, kept) => {
          const packet = bytes.slice();
          packet.set([0x4d, 1, packet[2] ?? 0].slice(0, Math.min(packet.length, kept % 4)));
          const decoded = decode(packet);
          expect(typeof decoded === "string" || decoded.message.type.length > 0).toBe(true);
          // Also where the packet is a part of larger memory, shared between threads.
          const shared = new Uint8Array(new SharedArrayBuffer(packet.length + 7), 3, packet.length);
          shared.set(packet);
          expect(plain(decode(shared))).toEqual(plain(decoded));
        }),
        effort(1500),
      );
    },
    patienceMs,
  );

  test(
    "checksums of the code and of the second decoder are the same",
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: HEADER_BYTES, maxLength: 200 }), (bytes) => {
          const zeroed = bytes.slice().fill(0, 4, 8);
          expect(checksumOf(toHex(bytes))).toBe(crc32c(zeroed));
        }),
        effort(300),
      );
    },
    patienceMs,
  );
});

describe("sizes that the engine packs by", () => {
  test(
    "are those of the packets",
    () => {
      fc.assert(
        fc.property(sent, ({ origin, message: one }) => {
          const body = encode(origin, TAG, one).length - HEADER_BYTES;
          if (one.type === "report") {
            expect(body).toBe(
              one.records.reduce((bytes, record) => bytes + recordBytes(record), REPORT_FIXED_BYTES),
            );
          } else if (one.type === "nak") {
            expect(body).toBe(NAK_FIXED_BYTES + one.blocks.length * NAK_ENTRY_BYTES);
          } else if (one.type === "offer") {
            expect(body).toBe(OFFER_FIXED_BYTES + one.ids.length * ID_BYTES);
          } else if (one.type === "commit" || one.type === "end") {
            expect(body).toBe(ID_LIST_FIXED_BYTES + one.ids.length * ID_BYTES);
          }
        }),
        effort(500),
      );
    },
    patienceMs,
  );
});

test("a packet may be as large as UDP takes, to the byte", () => {
  const fail = { kind: "fail", entry: undefined, errno: 0, step: 0, path: undefined } as const;
  const sized = (text: string): Message => ({
    type: "report",
    owner: 2n as NodeId,
    first: 1,
    records: [...Array.from({ length: 5454 }, () => fail), { kind: "refuse", reason: 6, text }],
  });
  const origin = { node: 1n as NodeId, push: 7 as PushId };
  expect(encode(origin, TAG, sized("12345")).length).toBe(65_507);
  expect(() => encode(origin, TAG, sized("123456"))).toThrow("assertion failed");
});

describe("our own mistakes stop the process", () => {
  const origin: Origin = { node: 1n as NodeId, push: 7 as PushId };
  const owner = 2n as NodeId;
  const report = (first: number, ...records: unknown[]): unknown => ({
    type: "report",
    owner,
    first,
    records,
  });
  const need = (rest: object): object => ({
    kind: "need",
    section: 0,
    entries: 12,
    update: undefined,
    content: undefined,
    ...rest,
  });
  const missing = new Uint8Array(28).fill(1);
  const fail = { kind: "fail", entry: undefined, errno: 1, step: 8, path: undefined };
  const removals = { kind: "removals", count: 1, last: true, names: Uint8Array.of(0, 1, 0x61) };
  const outside: Origin = { ...origin, push: 0 as PushId };
  const status = { type: "status", owner, next: 5, limit: 5, sequence: 0, state: "done", received: 0 };
  const sync = {
    type: "sync",
    phase: "need",
    poll: false,
    sequence: 0,
    edgeBlock: 0,
    edgeSymbol: 0,
    low: 0,
    roundTripUs: 0,
    ids: [],
  };
  const hello = {
    ...{ type: "hello", epoch: 0n, solicit: false, noReceive: false, noSend: false },
    ...{ mtu: 1500, name: "a", version: "2" },
  };
  const offer = {
    ...{ type: "offer", symbolSize: 256, blockSymbols: 1, dryRun: false, check: false, statusIntervalUs: 0 },
    ...{ targets: 2, ids: [3n, 4n] },
  };
  const mistakes: readonly (readonly [string, unknown, Origin?])[] = [
    ["node 0", { type: "query", owner }, { ...origin, node: 0n as NodeId }],
    ["push of 33 bits", { type: "query", owner }, { ...origin, push: (2 ** 32) as PushId }],
    ["HELLO with a push", { type: "bye", epoch: 0n }],
    ["owner 0", { type: "query", owner: 0n }],
    ["sequence of 17 bits", { ...status, sequence: 0x1_0000 }],
    ["limit below next", { ...status, limit: 4 }],
    ["state that is none", { ...status, state: "asleep" }],
    ["phase that is none", { ...sync, phase: "asleep" }],
    ["edge behind the last symbol", { ...sync, edgeSymbol: 225 }],
    ["delegates out of order", { ...sync, ids: [4n, 3n] }],
    ["name with a blank", { ...hello, name: "a b" }, outside],
    ["empty name", { ...hello, name: "" }, outside],
    ["name of 256 bytes", { ...hello, name: "n".repeat(256) }, outside],
    ["empty version", { ...hello, version: "" }, outside],
    ["version of 33 bytes", { ...hello, version: "1".repeat(33) }, outside],
    ["version not ASCII", { ...hello, version: "é" }, outside],
    ["MTU 575", { ...hello, mtu: 575 }, outside],
    ["HELLO of a push", hello],
    ["symbol size 255", { ...offer, symbolSize: 255 }],
    ["symbol size 65,476", { ...offer, symbolSize: 65_476 }],
    ["no symbols", { ...offer, blockSymbols: 0 }],
    ["225 symbols", { ...offer, blockSymbols: 225 }],
    ["OFFER to nobody", { ...offer, ids: [] }],
    ["OFFER to more than all", { ...offer, targets: 1 }],
    ["id 0", { ...offer, ids: [0n, 3n] }],
    ["END for no reason", { type: "end", reason: -1, ids: [] }],
    ["id of 65 bits", { type: "query", owner: 2n ** 64n }],
    ["negative epoch", { type: "bye", epoch: -1n }, { ...origin, push: 0 as PushId }],
    ["number that is none", { type: "reportAck", receiver: owner, next: Number.NaN }],
    ["fraction", { type: "reportAck", receiver: owner, next: 0.5 }],
    ["ids descending", { type: "commit", ids: [3n, 2n] }],
    ["an id twice", { type: "commit", ids: [3n, 3n] }],
    ["COMMIT to nobody", { type: "commit", ids: [] }],
    ["NAK of nothing", { type: "nak", owner, blocks: [] }],
    ["NAK descending", { type: "nak", owner, blocks: [2, 1].map((block) => ({ block, missing })) }],
    ["NAK of a block twice", { type: "nak", owner, blocks: [1, 1].map((block) => ({ block, missing })) }],
    ["NAK for no symbol", { type: "nak", owner, blocks: [{ block: 1, missing: new Uint8Array(28) }] }],
    [
      "NAK of 256 blocks",
      { type: "nak", owner, blocks: Array.from({ length: 256 }, (_, block) => ({ block, missing })) },
    ],
    ["record 0 is not ACCEPT", report(0, { kind: "prepared" })],
    ["ACCEPT is record 1", report(1, { kind: "accept", receiveBuffer: 1, window: 1 })],
    ["no records", report(1)],
    ["window 0", report(0, { kind: "accept", receiveBuffer: 1, window: 0 })],
    ["text with a newline", report(0, { kind: "refuse", reason: 1, text: "a\nb" })],
    ["text too long", report(0, { kind: "refuse", reason: 1, text: "a".repeat(401) })],
    ["text with half a surrogate", report(0, { kind: "refuse", reason: 1, text: "\ud800" })],
    ["check that is no dry run", { ...offer, check: true }],
    ["FAIL at an entry with a path", report(1, { ...fail, entry: 3, path: Uint8Array.of(0x61) })],
    ["FAIL with an empty path", report(1, { ...fail, path: new Uint8Array() })],
    ["FAIL with a path of 401 bytes", report(1, { ...fail, path: new Uint8Array(401).fill(0x61) })],
    ["FAIL with a NUL in its path", report(1, { ...fail, path: Uint8Array.of(0x61, 0) })],
    ["no names and not the last", report(1, { ...removals, names: new Uint8Array(), last: false })],
    ["names of none", report(1, { ...removals, count: 0 })],
    ["entry that means none", report(1, { kind: "fail", entry: 0xffff_ffff, errno: 0, step: 0 })],
    ["bitmap too short", report(1, need({ update: Uint8Array.of(1) }))],
    ["bitmap with unused bits", report(1, need({ update: Uint8Array.of(1, 0x10) }))],
    ["need of 1,025 entries", report(1, need({ entries: 1025 }))],
    [
      "content outside of update",
      report(1, need({ update: Uint8Array.of(1, 0), content: Uint8Array.of(2, 0) })),
    ],
    ["content without update", report(1, need({ content: Uint8Array.of(2, 0) }))],
    ["larger than UDP takes", { type: "commit", ids: Array.from({ length: 8200 }, (_, i) => BigInt(i + 1)) }],
  ];
  test("without the mistakes there is nothing to stop for", () => {
    for (const [one, from] of [
      [status],
      [sync],
      [offer],
      [report(1, fail, removals)],
      [hello, outside],
    ] as const) {
      expect(encode(from ?? origin, TAG, one as unknown as Message).length).toBeGreaterThan(HEADER_BYTES);
    }
  });
  for (const [name, one, from] of mistakes) {
    test(name, () => expect(() => encode(from ?? origin, TAG, one as Message)).toThrow("assertion failed"));
  }
});
