import { assert } from "./brand.ts";

/** UTF-8 without the help of a platform's library, which wire/ and engine/ do without. */

/**
 * The text of `bytes`, or undefined if they are not well-formed UTF-8 (Unicode, table 3-7): no overlong forms, no surrogates, nothing above
 * U+10FFFF. A byte order mark is a character like all others.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const length = sequenceBytes(first);
    if (length === 0 || bytes.length - at < length) return undefined;
    let code = length === 1 ? first : first & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const next = bytes[at + i] ?? 0;
      if ((next & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (next & 0x3f);
    }
    if (code < (LOWEST[length] ?? 0) || code > 0x10_ffff || isSurrogate(code)) return undefined;
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}

/** `text` in UTF-8. It has no lone surrogates. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    assert(!isSurrogate(code), "text with a lone surrogate");
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code));
    else if (code < 0x1_0000) bytes.push(0xe0 | (code >> 12), tail(code >> 6), tail(code));
    else bytes.push(0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code));
  }
  return Uint8Array.from(bytes);
}

/** Smallest code that a sequence of this many bytes may stand for. */
const LOWEST = [0, 0, 0x80, 0x800, 0x1_0000];

/** Length of the sequence that starts with `first`; 0 if none does. */
function sequenceBytes(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc0) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf8 ? 4 : 0;
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}

function tail(code: number): number {
  return 0x80 | (code & 0x3f);
}
