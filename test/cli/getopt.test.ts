import { describe, expect, test } from "bun:test";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { getopt, type OptionRow } from "../../src/cli/getopt.ts";

const rows: readonly OptionRow[] = [
  { name: "all", short: "a", help: "" },
  { name: "both", short: "b", help: "" },
  { name: "to", short: "t", value: "X", help: "" },
  { name: "total", value: "X", help: "" },
  { name: "hidden", help: "", hidden: true },
];

function sorted(...args: readonly string[]): unknown {
  const found = getopt(args, rows);
  return typeof found === "string" ? found : { ...Object.fromEntries(found.options), "": found.operands };
}

test("options, values and operands", () => {
  expect(
    sorted("-ab", "x", "-t", "1", "-t2", "-bt3", "--to=4=5", "--to", "-6", "-", "--", "-a", "--"),
  ).toEqual({
    all: [""],
    both: ["", ""],
    to: ["1", "2", "3", "4=5", "-6"],
    "": ["x", "-", "-a", "--"],
  });
  expect(sorted()).toEqual({ "": [] });
});

test("long names may be cut", () => {
  expect(sorted("--a", "--bot", "--tot=1", "--to=2")).toEqual({
    all: [""],
    both: [""],
    total: ["1"],
    to: ["2"],
    "": [],
  });
  expect(sorted("--t=1")).toBe("option --t can be --to or --total");
  expect(sorted("--hid")).toBe("unknown option --hid");
  expect(sorted("--hidden")).toEqual({ hidden: [""], "": [] });
});

describe("what is wrong", () => {
  test.each([
    [["-x"], "unknown option -x"],
    [["-ax"], "unknown option -x"],
    [["--bogus=1"], "unknown option --bogus"],
    [["--=1"], "unknown option --"],
    [["--all=1"], "option --all takes no value"],
    [["--al="], "option --al takes no value"],
    [["-t"], "option -t needs a value"],
    [["-at"], "option -t needs a value"],
    [["-t", ""], "option -t needs a value"],
    [["--to"], "option --to needs a value"],
    [["--to="], "option --to needs a value"],
  ] as const)("%j: %s", (args, text) => {
    expect(sorted(...args)).toBe(text);
  });
});

test("sorts as node:util does, where that takes it", () => {
  const word = fc.constantFrom(
    "-a",
    "-b",
    "-ab",
    "-t",
    "-tv",
    "-abt",
    "-bta",
    "--all",
    "--to",
    "--to=v",
    "--to=-v",
    "--total",
    "--",
    "-",
    "x",
    "-a-",
  );
  const options = {
    all: { type: "boolean", short: "a", multiple: true },
    both: { type: "boolean", short: "b", multiple: true },
    to: { type: "string", short: "t", multiple: true },
    total: { type: "string", multiple: true },
  } as const;
  let compared = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (args) => {
      const found = getopt(args, rows);
      if (typeof found === "string") return;
      const { values, positionals } = parseArgs({ args, options, strict: false, allowPositionals: true });
      const counts = Object.fromEntries(
        [...found.options].map(([name, list]) => [name, list.map((value) => value || true)]),
      );
      const expected: unknown = { counts: { ...values }, operands: positionals };
      expect<unknown>({ counts, operands: [...found.operands] }).toEqual(expected);
      compared += 1;
    }),
    { numRuns: 2000 },
  );
  expect(compared).toBeGreaterThan(200);
});
