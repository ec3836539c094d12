import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseShortOptions, percentDecode, splitWords } from "../../src/cli/words.ts";

const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((array) => Buffer.from(array).toString("latin1"));

describe("splitWords", () => {
  test.each([
    ["", []],
    ["   ", []],
    ["send -r a", ["send", "-r", "a"]],
    ["  send \t a  ", ["send", "a"]],
    ["send a\\ b", ["send", "a b"]],
    ["send \\ ", ["send", " "]],
    ["send a\\b\\\\", ["send", "a\\b\\\\"]],
    ["send a\\", ["send", "a\\"]],
    ["send a\\\\ b", ["send", "a\\ b"]],
  ])("%j", (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  test("gives back every word without backslashes and tabs whose blanks were marked", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (all) => {
        const words = all.filter((word) => !/[\\\t]/.test(word));
        expect(splitWords(words.map((word) => word.replaceAll(" ", "\\ ")).join(" "))).toEqual(words);
      }),
    );
  });

  test("gives back every word that was percent-encoded", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (words) => {
        const line = words.map(percentEncode).join(" ");
        expect(line).toMatch(/^[!-~ ]*$/);
        expect(splitWords(line).map(percentDecode)).toEqual(words);
      }),
    );
  });
});

/** As a client would do it. */
function percentEncode(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9._~/-]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

test("percentDecode refuses what is not two hexadecimal digits", () => {
  expect(["%", "%4", "%4g", "a%zz", "%%41"].map(percentDecode)).toEqual(Array(5).fill(undefined));
  expect(percentDecode("%41%fF%2f")).toBe("A\xff/");
});

describe("parseShortOptions", () => {
  const parse = (line: string) => {
    const parsed = parseShortOptions(splitWords(line), { flags: "rn", values: "t" });
    if (typeof parsed === "string") return parsed;
    return { flags: [...parsed.flags].join(""), t: parsed.values.get("t"), operands: parsed.operands };
  };

  test.each([
    ["-r x", { flags: "r", t: undefined, operands: ["x"] }],
    ["-rn", { flags: "rn", t: undefined, operands: [] }],
    ["x -n", { flags: "n", t: undefined, operands: ["x"] }],
    ["-t a x", { flags: "", t: "a", operands: ["x"] }],
    ["-ta x", { flags: "", t: "a", operands: ["x"] }],
    ["-rt a", { flags: "r", t: "a", operands: [] }],
    ["-ntb", { flags: "n", t: "b", operands: [] }],
    ["-t a -t b", { flags: "", t: "b", operands: [] }],
    ["-t -r", { flags: "", t: "-r", operands: [] }],
    ["-- -r", { flags: "", t: undefined, operands: ["-r"] }],
    ["-", { flags: "", t: undefined, operands: ["-"] }],
    ["-z", "unknown option -z"],
    ["--x", "unknown option --"],
    ["-t", "option -t needs a value"],
  ])("%j", (line, expected) => {
    expect(parse(line)).toEqual(expected);
  });
});
