import { afterEach, expect, test } from "bun:test";
import fc from "fast-check";
import { parseMsyncArguments } from "../../src/cli/msync-command.ts";
import { readPlainArguments } from "../../src/cli/msync-plain.ts";

/** The plainest command lines are read without commander: never otherwise than commander does. */

afterEach(() => {
  delete process.env.MSYNC_TARGET;
});

const FLAGS = [
  "-r",
  "-n",
  "-v",
  "-rn",
  "-vrv",
  "--recursive",
  "--dry-run",
  "--verbose",
  "--delete",
  "--json",
];
const OTHERS = [
  "-",
  "--",
  "-x",
  "-rx",
  "-t",
  "-thost",
  "-l3",
  "--check",
  "--sync",
  "--no-progress",
  "--jso",
  "--json=1",
];

test("what is read without commander is read as commander reads it", () => {
  const word = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...FLAGS) },
    { weight: 4, arbitrary: fc.constantFrom("a", "b/c", "a b", "\xff\n", "\u0001") },
    { weight: 1, arbitrary: fc.constantFrom(...OTHERS, "") },
    { weight: 1, arbitrary: fc.string() },
  );
  const target = fc.constantFrom(undefined, "", "unix:/run/x", "tcp:[::1]:7", "tcp:nowhere");
  let plain = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), target, (args, environment) => {
      if (environment === undefined) delete process.env.MSYNC_TARGET;
      else process.env.MSYNC_TARGET = environment;
      const options = readPlainArguments(args);
      if (options === undefined) return;
      plain++;
      expect(parseMsyncArguments(args)).toEqual({ kind: "run", options });
    }),
    { numRuns: 3_000 },
  );
  expect(plain).toBeGreaterThan(300);
});

test.each(["f", "-r", "-rnv a b", "--delete -r -v -v", "a --json --recursive --dry-run --verbose"])(
  "%p needs no commander",
  (line) => {
    expect(readPlainArguments(line.split(" "))).toBeDefined();
  },
);

test.each(["", "-", "-- a", "-t h a", "-h", "--version", "-n", "a --chek", "-r -x"])(
  "%p is for commander",
  (line) => {
    expect(readPlainArguments(line.split(" "))).toBeUndefined();
  },
);
