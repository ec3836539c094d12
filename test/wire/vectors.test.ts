import { describe, expect, test } from "bun:test";
import { decodeAmendments, encodeAmendments } from "../../src/wire/amendment.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { PacketType } from "../../src/wire/constants.ts";
import { crc32c, groupTag } from "../../src/wire/crc32c.ts";
import { decodeSection, encodeSection } from "../../src/wire/manifest.ts";
import { DROPS, type Drop } from "../../src/wire/messages.ts";
import { decodePlan, encodePlan } from "../../src/wire/plan.ts";
import { sealControl } from "../../src/wire/twin.ts";
import { decodeVerdicts, encodeVerdicts } from "../../src/wire/verdict.ts";
import { fromHex, plain, plainPacket, toHex } from "./plain.ts";
import { build, type Data, place, receive } from "./production.ts";
import { decodePacket, crc32c as secondCrc32c } from "./second.ts";
import { type ContentKind, decodeContents } from "./second-contents.ts";
import { vectors } from "./vectors.ts";

const tag = groupTag(vectors.group);
const isData = (packet: string): boolean => packet.slice(4, 6) === "13";
const noBlanks = (digits: string): string => digits.replaceAll(" ", "");

describe("vectors: checksum and group tag", () => {
  test.each([...vectors.checksums])("CRC32C of $bytes", ({ bytes, crc32c: sum }) => {
    expect(secondCrc32c(bytes)).toBe(Number(sum));
    expect(crc32c(fromHex(bytes))).toBe(Number(sum));
  });
  test.each([...vectors.tags])("tag of $group", ({ group, tag: expected }) => {
    expect(groupTag(group)).toBe(Number(expected));
  });
});

describe("vectors: accepted packets", () => {
  test.each([...vectors.accepted])("$section $name: second decoder", ({ packet, expect: expected }) => {
    expect(decodePacket(noBlanks(packet), tag)).toEqual(expected);
  });

  const control = vectors.accepted.filter(({ packet }) => !isData(packet));
  test.each(control)("$section $name", ({ packet, expect: expected }) => {
    const bytes = fromHex(packet);
    const decoded = receive(bytes, tag);
    if (typeof decoded === "string") throw new Error(`dropped: ${decoded}`);
    expect(plainPacket(decoded)).toEqual(expected);
    const again = encode(decoded.origin, tag, decoded.message);
    expect(toHex(again.subarray(4, 8))).toBe("00000000");
    sealControl(again);
    expect(toHex(again)).toBe(noBlanks(packet));
    // The packet's memory goes back to the packet handler; the value must not change with it.
    bytes.fill(0xee);
    expect(plainPacket(decoded)).toEqual(expected);
  });

  const data = vectors.accepted.filter(({ packet }) => isData(packet));
  test.each(data)("$section $name", ({ packet, expect: { node, push, message } }) => {
    const bytes = fromHex(packet);
    const flags = bytes[3] ?? 0;
    const expected = message as unknown as Data;
    const owner = BigInt(node) as NodeId;
    expect(receive(bytes, tag)).toBe("data");
    expect(decode(bytes)).toBe("type");
    const self = { node: 1n as NodeId, groupTag: tag };
    expect(place(bytes, self, expected, owner, push as PushId)).toEqual({
      verdict: "data",
      symbols: expected.symbols,
      flags: flags & 0x1f,
      present: 1,
      polled: expected.poll,
      edgeSymbol: expected.repair ? 0 : expected.symbol + 1,
      sequence: expected.sequence,
      received: expected.direct ? 0 : 1,
      payload: expected.payload,
    });
    const again = build(expected, flags, { node: owner, groupTag: tag }, push as PushId);
    expect(again && toHex(again)).toBe(noBlanks(packet));
  });

  test("there is one of every type", () => {
    const types = new Set(vectors.accepted.map(({ packet }) => Number.parseInt(packet.slice(4, 6), 16)));
    expect([...types].sort((a, b) => a - b)).toEqual(Object.values(PacketType).sort((a, b) => a - b));
  });
});

describe("vectors: dropped packets", () => {
  test.each([...vectors.dropped])("$section $name: $drop", ({ packet, drop }) => {
    expect(decodePacket(noBlanks(packet), tag)).toBe(drop);
    expect(receive(fromHex(packet), tag)).toBe(drop);
    // The codec makes the checks of the header's fields itself, too, but for group and checksum.
    if (!isData(packet) && drop !== "group" && drop !== "checksum")
      expect(decode(fromHex(packet))).toBe(drop);
  });
  test("there is one of every reason", () => {
    expect([...new Set(vectors.dropped.map(({ drop }) => drop))].sort()).toEqual([...DROPS].sort());
  });
});

/** Decodes contents and encodes them again, with the production code. */
const CONTENTS: {
  readonly [kind in ContentKind]: (bytes: Uint8Array) => { value: unknown; again: Uint8Array } | Drop;
} = {
  section: (bytes) => {
    const value = decodeSection(bytes);
    return typeof value === "string"
      ? value
      : { value, again: encodeSection(value.firstEntry, value.entries, value.terms) };
  },
  plan: (bytes) => {
    const value = decodePlan(bytes);
    return typeof value === "string" ? value : { value, again: encodePlan(value) };
  },
  verdict: (bytes) => {
    const value = decodeVerdicts(bytes);
    return typeof value === "string" ? value : { value, again: encodeVerdicts(value) };
  },
  amendment: (bytes) => {
    const value = decodeAmendments(bytes);
    return typeof value === "string" ? value : { value, again: encodeAmendments(value) };
  },
};

describe("vectors: contents of blocks", () => {
  test.each([...vectors.contents])("$section $kind: $name", ({ kind, bytes, expect: expected }) => {
    const ours = CONTENTS[kind](fromHex(bytes));
    expect(decodeContents(kind, bytes)).toEqual(expected);
    if (expected === undefined) {
      expect(DROPS).toContain(ours as Drop);
    } else {
      if (typeof ours === "string") throw new Error(`refused: ${ours}`);
      expect(plain(ours.value)).toEqual(expected);
      expect(toHex(ours.again)).toBe(bytes);
    }
  });
});
