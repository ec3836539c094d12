import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../src/wire/utf8.ts";
import { effort } from "./arbitrary.ts";
import { fromHex, toHex } from "./plain.ts";

/** The platform's strict decoder, which wire/ does without. */
function platformDecode(raw: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    return undefined;
  }
}

describe("UTF-8 is that of the platform", () => {
  test("at and beside every limit, and in between", () => {
    const limits = [
      0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x1_0000, 0xf_ffff, 0x10_ffff,
    ];
    const between = Array.from({ length: 1085 }, (_, i) => i * 0x401);
    for (const code of [...limits, ...between]) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const text = String.fromCodePoint(code);
      expect(toHex(encodeUtf8(text))).toBe(toHex(new TextEncoder().encode(text)));
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
    }
  });

  const malformed = {
    "stray continuation": ["80", "bf", "4180", "c3a980"],
    "cut off": ["c3", "e282", "f09f98", "c341", "e28241", "f09f9841"],
    "overlong forms": ["c080", "c1bf", "e08080", "e09fbf", "f0808080", "f08fbfbf"],
    surrogates: ["eda080", "edadbf", "edb080", "edbfbf"],
    "above U+10FFFF": [
      "f4908080",
      "f5808080",
      "f7bfbfbf",
      "f8908080",
      "f888808080",
      "fc8480808080",
      "fe",
      "ff",
    ],
  };
  for (const [name, list] of Object.entries(malformed)) {
    test.each(list)(`${name}: %s`, (digits) => {
      expect(decodeUtf8(fromHex(digits))).toBeUndefined();
      expect(platformDecode(fromHex(digits))).toBeUndefined();
    });
  }

  test("lone surrogates are our own mistake", () => {
    for (const text of ["\ud800", "\udbff", "\udc00", "\udfff", "a\udfffb"]) {
      expect(() => encodeUtf8(text)).toThrow("assertion failed");
    }
  });

  test("for any bytes", () => {
    const lead = fc.constantFrom(
      0x41,
      0x80,
      0x90,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf8,
      0xff,
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.array(lead).map((list) => Uint8Array.from(list)),
      fc.string({ unit: "binary" }).map((text) => new TextEncoder().encode(text)),
    );
    fc.assert(
      fc.property(bytes, (raw) => {
        const text = decodeUtf8(raw);
        expect(text).toBe(platformDecode(raw) as string);
        if (text !== undefined) expect(encodeUtf8(text)).toEqual(raw);
      }),
      effort(3000),
    );
  });
});
