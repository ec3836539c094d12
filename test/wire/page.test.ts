import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as constants from "../../src/wire/constants.ts";
import { BODIES, TYPES } from "./second.ts";
import { CONTENTS } from "./second-contents.ts";
import { PAYLOADS } from "./second-report.ts";

/** PROTOCOL.md itself is under test: the layouts that the second decoder interprets, and the types of the code, are those on the page. */

const page = readFileSync(new URL("../../src/wire/PROTOCOL.md", import.meta.url), "utf8");
/** The page as one line without the marks of Markdown. */
const flat = page.replaceAll("`", "").replaceAll("*", "").replace(/\s+/g, " ");
/** And without its remarks, which are in parentheses. */
const bare = flat.replace(/ ?\((?!u32 block)[^()]*\)/g, "");

describe("layouts of PROTOCOL.md", () => {
  test.each(Object.entries(BODIES))("%s", (name, layout) => {
    expect(bare).toContain(`${name} body: ${layout}`);
  });
  test.each(Object.entries(PAYLOADS))("%s", (name, layout) => {
    expect(bare).toMatch(new RegExp(`\\| \\d \\| ${name} \\| ${layout}`));
  });
  test.each(Object.entries(CONTENTS))("contents: %s", (_name, layout) => {
    expect(bare).toContain(layout);
  });
  test("header, by offset and size", () => {
    const rows = [...page.matchAll(/^\| (\d+) \| (\d+) \| (\w+) \|/gm)].map(([, ...row]) => row.join(" "));
    expect(rows.join(", ")).toBe(
      "0 1 magic, 1 1 version, 2 1 type, 3 1 flags, 4 4 checksum, 8 8 node, 16 4 group, 20 4 push, 24 4 block, 28 1 symbol, 29 1 symbols, 30 2 sequence",
    );
  });
});

test("types of PROTOCOL.md are those of both decoders", () => {
  const rows = [...page.matchAll(/^\| (\d+) \| ([A-Z_]+) \| \w+ \| [\w ]+ \| [\d.]+ \|$/gm)];
  const onPage = Object.fromEntries(rows.map(([, value, name]) => [Number(value), name]));
  expect(onPage).toEqual({ ...TYPES });
  const inCode = Object.entries(constants.PacketType).map(([name, value]) => [value, name]);
  expect(Object.fromEntries(inCode.map(([value, name]) => [value, String(name).toLowerCase()]))).toEqual(
    Object.fromEntries(rows.map(([, value, name]) => [Number(value), name?.replace("_", "").toLowerCase()])),
  );
});
