/** Every row of `rows.ts` has a test that exists; the table is printed at the end. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import type { Cover } from "./row.ts";
import { ROWS } from "./rows.ts";
import { titlesOf } from "./titles.ts";

const root = new URL("..", import.meta.url).pathname;

/** Titles of a file with tests, or the lines of a transcript. */
const known = new Map<string, ReadonlySet<string>>();

function titlesIn(file: string): ReadonlySet<string> {
  const found = known.get(file);
  if (found !== undefined) return found;
  const text = existsSync(root + file) ? readFileSync(root + file, "utf8") : "";
  const titles = file.endsWith(".txt") ? new Set(text.split("\n")) : titlesOf(text);
  known.set(file, titles);
  return titles;
}

function shown([file, title]: Cover): string {
  return `${file}: ${title}`;
}

test("every row has tests that there are", () => {
  const missing = ROWS.flatMap(([, rows]) =>
    rows.flatMap((row) => row.covers.filter(([file, title]) => !titlesIn(file).has(title)).map(shown)),
  );
  expect(missing).toEqual([]);
});

test("no row is there twice, or says nothing", () => {
  const facts = ROWS.flatMap(([about, rows]) => rows.map(({ fact }) => `${about}: ${fact}`));
  expect(new Set(facts).size).toBe(facts.length);
  for (const [, rows] of ROWS)
    for (const { fact, decision } of rows) expect([fact, decision]).not.toContain("");
});

test("titles are those of tests, in their groups", () => {
  const text = `describe("outer", () => {
  test.each(cases)("is %s", async ({ x }) => {
    await until("a wait", () => true);
  });
  test(
    "is long",
    async () => {},
  );
});
describe.if(root)(\`of \${kind}\`, () => {
  test('has "quotes"', () => {});
});
test.each([
  1,
])("alone", (n) => {});
`;
  expect([...titlesOf(text)]).toEqual([
    "outer",
    "outer > is %s",
    "outer > is long",
    "of …",
    'of … > has "quotes"',
    "alone",
  ]);
});

afterAll(() => {
  const lines = ROWS.flatMap(([about, rows]) =>
    rows.map(
      ({ fact, decision, covers }) => `${about} | ${fact} | ${decision} | ${covers.map(shown).join("; ")}`,
    ),
  );
  console.log(["about | the C program | here | covered by", ...lines, `${lines.length} rows`].join("\n"));
});
