import { expect, test } from "bun:test";
import fc from "fast-check";
import { displayBytes } from "../../src/cli/display.ts";

/** What a reader makes of a name that was shown. */
function meant(shown: string): string {
  const letters: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\" };
  return shown.replace(/\\(?:x([0-9a-f]{2})|([ntr\\]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (letters[letter] ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

test("what is shown can be turned back, and is one line without control characters", () => {
  const piece = fc.constantFrom(
    "\\",
    "\n",
    "\x01",
    "\x7f",
    "\xc2\x85",
    "\xc3\xa4",
    "\xff",
    "n",
    "x",
    "x41",
    "b",
    " ",
  );
  const name = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  fc.assert(
    fc.property(name, (bytes) => {
      const shown = displayBytes(bytes);
      expect(meant(shown)).toBe(bytes);
      expect([...shown].every((char) => char >= " " && char !== "\x7f")).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

test("a backslash that cannot be mistaken stays as it is", () => {
  expect(displayBytes("a\\b\\ c\\")).toBe("a\\b\\ c\\");
  expect(displayBytes("a\\n")).toBe("a\\\\n");
});
