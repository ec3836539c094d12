import { describe, expect, test } from "bun:test";
import { crc32c, crc32cContinue, groupTag } from "../../src/wire/crc32c.ts";

describe("crc32c", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  // RFC 3720 B.4 prints the checksum's bytes as they are sent, which is least significant first.
  const iscsiRead = new Uint8Array(48);
  iscsiRead.set([0x01, 0xc0]);
  iscsiRead.set([0x14], 16);
  iscsiRead.set([0x04], 22);
  iscsiRead.set([0x14], 27);
  iscsiRead.set([0x18], 31);
  iscsiRead.set([0x28], 32);
  iscsiRead.set([0x02], 40);
  test.each([
    ["32 bytes of zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["32 bytes, ascending", ascending, 0x46dd794e],
    ["32 bytes, descending", ascending.toReversed(), 0x113fdb5c],
    ["an iSCSI read command", iscsiRead, 0xd9963a56],
    ["the check value of CRC catalogues", new TextEncoder().encode("123456789"), 0xe3069283],
    ["nothing", new Uint8Array(0), 0],
  ])("RFC 3720 B.4: %s", (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  test("takes a range, and goes on where it stopped, at any split", () => {
    const bytes = Uint8Array.from({ length: 61 }, (_, at) => (at * 151) & 0xff);
    const whole = crc32c(bytes, 3);
    for (let split = 3; split <= bytes.length; split++) {
      const head = crc32cContinue(-1, bytes, 3, split);
      expect(~crc32cContinue(head, bytes, split, bytes.length) >>> 0).toBe(whole);
    }
  });

  test("the group tag is that of the text", () => {
    expect(groupTag("224.0.0.108:5000")).toBe(crc32c(new TextEncoder().encode("224.0.0.108:5000")));
  });
});
