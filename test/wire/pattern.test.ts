import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { EntryType } from "../../src/wire/entry.ts";
import { Excludes } from "../../src/wire/excludes.ts";
import { compilePattern, matchesText } from "../../src/wire/pattern.ts";
import { effort, patienceMs } from "./arbitrary.ts";
import { fnmatch } from "./fnmatch.ts";

const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const matches = (pattern: string, text: string): boolean => matchesText(compilePattern(pattern), text);

/** Characters that meet often, and some that are special, or not ASCII, or end a range. */
const char = fc.constantFrom("a", "b", "c", "x", "1", ".", "-", "!", "^", "]", "\xe4", "\xff", " ");
const CLASS_NAMES = [
  "alnum",
  "alpha",
  "blank",
  "cntrl",
  "digit",
  "graph",
  "lower",
  "print",
  "punct",
  "space",
];
const className = fc.constantFrom(...CLASS_NAMES, "upper", "xdigit");
/** What stands for a byte in a set, `]` and `-` only where they are that without doubt. */
const element = fc.oneof(
  fc.constantFrom("a", "b", "c", "1", ".", "!", "^", "/", "*", "?", "\xe4", "\xff", " "),
  char.map((one) => `\\${one}`),
  char.map((one) => `[.${one}.]`),
);
const item = fc.oneof(
  { arbitrary: element, weight: 3 },
  fc.tuple(element, element).map(([low, high]) => `${low}-${high}`),
  className.map((name) => `[:${name}:]`),
  char.map((one) => `[=${one}=]`),
);
/** As the grammar of POSIX has it: `]` first, `-` last, if at all. */
const bracket = fc
  .tuple(
    fc.constantFrom("", "!", "^"),
    fc.constantFrom("", "", "]"),
    fc.array(item, { maxLength: 3 }),
    fc.constantFrom("", "", "-"),
  )
  .filter(([, first, items, dash]) => first + items.join("") + dash !== "")
  // Behind an item of more than one character a last "-" is taken for a range by some.
  .map(([not, first, items, dash]) => `[${not}${first}${items.join("")}${items.length > 0 ? "" : dash}]`)
  .filter((text) => !/^\[[!^]/.test(text) || text.length > 3)
  .filter((text) => !/^\[\]?-\]$/.test(text));
const grammatical = fc
  .array(
    fc.oneof(
      { arbitrary: fc.constantFrom("*", "?", "/", "a", "b", "c", "**", "*?"), weight: 4 },
      { arbitrary: bracket, weight: 2 },
      char.map((one) => `\\${one}`),
      fc.constantFrom("\xe4", "1", ".", "-", "]"),
    ),
    { maxLength: 7 },
  )
  .map((parts) => parts.join(""));
/** Any characters at all, but for what POSIX leaves open and C libraries do differently: `\/`, a range without end, and `[:` and the like. */
const wild = fc
  .array(fc.constantFrom(..."ab*?[]!^-\\/\xe4c"), { maxLength: 9 })
  .map((parts) => parts.join(""))
  .filter((text) => !/\\\/|-$|-\[/.test(text));
const text = fc
  .array(fc.oneof(char, fc.constantFrom("a", "b", "/", "[", "\\", "*")), { maxLength: 7 })
  .map((parts) => parts.join(""));
/** A text that the pattern may well match: its stars and brackets filled with something. */
const likely = (pattern: string): fc.Arbitrary<string> =>
  fc.infiniteStream(char).map((stream) => {
    const one = (): string => stream.next().value ?? "a";
    const some = (): string => (one() === "a" ? "" : one() + (one() === "b" ? one() : ""));
    return pattern.replace(/\[[!^]?\]?(\[.[^\]]*\]|\\.|[^\]])*\]|\\(.)|[*?]/gs, (part, _inside, escaped) =>
      part === "*" ? some() : part === "?" ? one() : (escaped ?? (part.includes("a") ? "a" : one())),
    );
  });
const pair = fc
  .oneof(grammatical, wild)
  .chain((pattern) => fc.tuple(fc.constant(pattern), fc.oneof(likely(pattern), likely(pattern), text)));

test(
  "patterns match what they match in the C library",
  () => {
    const pairs: [string, string][] = [];
    fc.assert(
      fc.property(pair, (one) => {
        pairs.push(one);
      }),
      effort(20_000),
    );
    const expected = fnmatch(pairs);
    const wrong = pairs.filter(([pattern, name], i) => matches(pattern, name) !== expected[i]);
    expect(wrong.map(([pattern, name]) => `${pattern}  ${name}`)).toEqual([]);
    // Of both answers there are enough for the comparison to mean something.
    const hits = expected.filter((one) => one).length / pairs.length;
    expect(hits).toBeGreaterThan(0.1);
    expect(hits).toBeLessThan(0.9);
  },
  patienceMs,
);

test("every byte is in the classes of the C library, and in its ranges", () => {
  const bytes = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1));
  const patterns = [...CLASS_NAMES, "upper", "xdigit"].map((name) => `[[:${name}:]]`);
  patterns.push("[a-z]", "[!a-z]", "[\x01-\xff]", "[\x80-\xff]", "[z-a]", "[!z-a]", "?", "*");
  const pairs = patterns.flatMap((pattern) => bytes.map((byte) => [pattern, byte] as const));
  expect(pairs.map(([pattern, byte]) => matches(pattern, byte))).toEqual(fnmatch(pairs));
});

describe("what C libraries do not agree about (§10.6)", () => {
  const cases: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
    // A bracket expression without an end is none, whatever is in it.
    ["[a-", "[a-", true],
    ["[[.a", "[[.a", true],
    ["[[=", "[[=", true],
    ["[[:alpha:", "[[:alpha:", true],
    ["[a[:none:]", "[a:", true],
    // What it says is not there: nothing matches.
    ["[[:none:]]", "n", false],
    ["[x[:none:]]", "x", false],
    ["[![:none:]]", "x", false],
    ["[[.ab.]]", "a", false],
    ["[[.space.]]", " ", false],
    ["[[..]]", ".", false],
    ["a\\", "a", false],
    ["a\\", "a\\", false],
    ["[a\\", "[a\\", false],
    // A slash is one, with a backslash in front as well.
    ["*\\/x", "a/x", true],
    ["a\\/x", "a/x", true],
    ["[a/b]", "a", true],
    ["[a/b]", "/", false],
    ["[!a]", "/", false],
    ["x[/", "x[/", true],
  ];
  test.each(cases)("%s and %s: %s", (pattern, name, expected) =>
    expect(matches(pattern, name)).toBe(expected),
  );
});

test("no pattern takes long", () => {
  // A matcher that tries every way would not come to an end here; and a square of these lengths is nothing.
  const many = "a".repeat(4095);
  for (const piece of ["*a", "*a*", "*?", "a*", "*[ab]", "**a"]) {
    const pattern = piece.repeat(Math.floor(4094 / piece.length));
    expect(matches(`${pattern}b`, many)).toBe(false);
    expect(matches(`${pattern}*`, many)).toBe(true);
  }
  expect(matches(`*${"a".repeat(2000)}b`, many)).toBe(false);
  expect(matches(`${"*/".repeat(2047)}b`, "a/".repeat(2047))).toBe(false);
  expect(matches("*a".repeat(2047), `${many.slice(0, 2046)}`)).toBe(false);
});

describe("excludes", () => {
  const excludes = (...patterns: string[]): Excludes =>
    new Excludes({ base: latin1("/srv/www"), excludes: patterns.map(latin1) });
  const cases: readonly (readonly [pattern: string, path: string, type: EntryType, excluded: boolean])[] = [
    ["b", "a/b", "file", true],
    ["a/b", "a/b", "file", true],
    ["a", "a/b", "file", false],
    ["*", "a", "symlink", true],
    ["www/a/b", "a/b", "file", true],
    ["srv/www/a/b", "a/b", "file", true],
    ["*/*/a/b", "a/b", "file", true],
    ["/srv/www/a/b", "a/b", "file", false],
    ["*/srv/www/a/b", "a/b", "file", false],
    ["/a", "a", "file", false],
    ["?/b", "aa/b", "file", false],
    ["a/*", "a/b/c", "file", false],
    ["a/*", "a", "directory", true],
    ["a/", "a", "directory", true],
    ["a/", "a", "file", false],
    ["www/a/", "a", "directory", true],
    ["*/", "a/b", "directory", true],
    ["*/", "a/b", "fifo", false],
    ["srv/www/a/", "a", "directory", true],
    ["*/srv/www/a/", "a", "directory", false],
    ["*.o", ".o", "file", true],
    ["?", "\xe4", "file", true],
    ["?", "\xc3\xa4", "file", false],
    ["\\", "\\", "file", false],
  ];
  test.each(cases)("%s: %s, a %s: %s", (pattern, path, type, excluded) => {
    expect(excludes(pattern).matches(path, type)).toBe(excluded);
    expect(excludes("nothing/*", pattern, "else").matches(path, type)).toBe(excluded);
  });

  test("nothing is excluded without patterns", () => {
    expect(excludes().none).toBe(true);
    expect(excludes().covers("a", "file")).toBe(false);
    expect(new Excludes({ base: new Uint8Array(), excludes: [] }).matches("a", "directory")).toBe(false);
  });

  test("what is inside of an excluded directory is excluded; what the base is called does not matter", () => {
    expect(excludes("a").covers("a/b/c", "file")).toBe(true);
    expect(excludes("a/").covers("a/b/c", "file")).toBe(true);
    expect(excludes("b").covers("a/b/c", "file")).toBe(true);
    expect(excludes("a/b/").covers("a/b", "file")).toBe(false);
    expect(excludes("www").covers("a/b/c", "file")).toBe(false);
    expect(excludes("www").covers("a/www", "file")).toBe(true);
  });

  test("below the root", () => {
    const root = new Excludes({ base: latin1("/"), excludes: ["/a", "b/c"].map(latin1) });
    expect(root.matches("a", "file")).toBe(false);
    expect(root.matches("b/c", "file")).toBe(true);
  });

  test(
    "one pattern is tried against every tail, and with a slash for directories",
    () => {
      const name = fc.array(fc.constantFrom("a", "b", "/"), { minLength: 1, maxLength: 6 });
      const path = name.map((parts) =>
        parts
          .join("")
          .replace(/\/+/g, "/")
          .replace(/^\/|\/$/g, ""),
      );
      fc.assert(
        fc.property(grammatical, path, fc.constantFrom("file", "directory"), (pattern, relative, type) => {
          if (pattern === "" || relative === "") return;
          const whole = `/srv/www/${relative}`;
          const texts = type === "directory" ? [whole, `${whole}/`] : [whole];
          const expected = texts.some((one) =>
            [...one].some((at, i) => at === "/" && matches(pattern, one.slice(i + 1))),
          );
          expect(excludes(pattern).matches(relative, type)).toBe(expected);
        }),
        effort(3000),
      );
    },
    patienceMs,
  );

  test("patterns that cannot be are our own mistake", () => {
    expect(() => compilePattern("a\0")).toThrow("assertion failed");
    expect(() => compilePattern("\u0100")).toThrow("assertion failed");
    expect(() => new Excludes({ base: latin1("srv"), excludes: [latin1("a")] })).toThrow("assertion failed");
  });
});
