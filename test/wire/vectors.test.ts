import { describe, expect, test } from "bun:test";
import { decodeAmendments, encodeAmendments } from "../../src/wire/amendment.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { PacketType } from "../../src/wire/constants.ts";
import { decodeSection, encodeSection } from "../../src/wire/manifest.ts";
import { DROPS, type Drop } from "../../src/wire/messages.ts";
import { decodePlan, encodePlan } from "../../src/wire/plan.ts";
import { decodeVerdicts, encodeVerdicts } from "../../src/wire/verdict.ts";
import { fromHex, plain, plainPacket, toHex } from "./plain.ts";
import { crc32c, decodePacket } from "./second.ts";
import { type ContentKind, decodeContents } from "./second-contents.ts";
import { vectors } from "./vectors.ts";

const groupTag = crc32c(toHex(new TextEncoder().encode(vectors.group)));
const isData = (packet: string): boolean => packet.slice(4, 6) === "13";

/** Decodes contents and encodes them again, with the production code. */
const CONTENTS: {
  readonly [kind in ContentKind]: (bytes: Uint8Array) => { value: unknown; again: Uint8Array } | string;
} = {
  section: (bytes) => {
    const value = decodeSection(bytes);
    return typeof value === "string"
      ? value
      : { value, again: encodeSection(value.firstEntry, value.entries) };
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

describe("vectors: checksum and group tag", () => {
  test.each([...vectors.checksums])("CRC32C of $bytes", ({ bytes, crc32c: sum }) => {
    expect(crc32c(bytes)).toBe(Number(sum));
  });
  test.each([...vectors.tags])("tag of $group", ({ group, tag }) => {
    expect(crc32c(toHex(new TextEncoder().encode(group)))).toBe(Number(tag));
  });
});

describe("vectors: accepted packets", () => {
  test.each([...vectors.accepted])("$section $name", ({ packet, expect: expected }) => {
    const digits = packet.replaceAll(" ", "");
    expect(decodePacket(digits, groupTag)).toEqual(expected);
    if (isData(digits)) return;
    const bytes = fromHex(packet);
    const decoded = decode(bytes);
    if (typeof decoded === "string") throw new Error(`dropped: ${decoded}`);
    expect(plainPacket(decoded)).toEqual(expected);
    bytes.fill(0, 4, 8);
    expect(toHex(encode(decoded.origin, groupTag, decoded.message))).toBe(toHex(bytes));
    // The packet's memory goes back to the packet handler; the value must not change with it.
    bytes.fill(0xee);
    expect(plainPacket(decoded)).toEqual(expected);
  });
  test("there is one of every type", () => {
    const types = new Set(vectors.accepted.map(({ packet }) => Number.parseInt(packet.slice(4, 6), 16)));
    expect([...types].sort((a, b) => a - b)).toEqual(Object.values(PacketType).sort((a, b) => a - b));
  });
});

describe("vectors: dropped packets", () => {
  test.each([...vectors.dropped])("$section $name: $drop", ({ packet, drop }) => {
    const digits = packet.replaceAll(" ", "");
    expect(decodePacket(digits, groupTag)).toBe(drop);
    // Group and checksum are the packet handler's, and so is all of DATA behind the type.
    if (drop === "group" || drop === "checksum") return;
    const behindType = ["reserved", "short", "long", "range"].includes(drop);
    expect(decode(fromHex(packet))).toBe(isData(digits) && behindType ? "type" : (drop as Drop));
  });
  test("there is one of every reason", () => {
    expect([...new Set(vectors.dropped.map(({ drop }) => drop))].sort()).toEqual([...DROPS].sort());
  });
});

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
