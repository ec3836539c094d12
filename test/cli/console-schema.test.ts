import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020";
import type { JsonEvent, JsonRequest } from "../../src/cli/json-protocol.ts";
import {
  CONSOLE_SCHEMA_PATH,
  consoleSchemaText,
  type EventBySchema,
  type RequestBySchema,
} from "./json-event-schema.ts";

/** The same type, with all that is in it read-only: what a schema checks does not say. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;
type Same<A, B> =
  (<T>() => T extends Frozen<A> ? 1 : 2) extends <T>() => T extends Frozen<B> ? 1 : 2 ? true : false;

test("the file is what is made of the forms that requests are checked against", () => {
  expect(readFileSync(CONSOLE_SCHEMA_PATH, "utf8")).toBe(consoleSchemaText());
});

test("the forms are the types", () => {
  // What differs does not compile.
  const same: [Same<EventBySchema, JsonEvent>, Same<RequestBySchema, JsonRequest>] = [true, true];
  const different: Same<{ a?: number }, { a: number }> = false;
  expect([...same, different]).toEqual([true, true, false]);
});

test("it is a schema by the standard's own rules", () => {
  expect(new Ajv2020({ strict: false }).validateSchema(JSON.parse(consoleSchemaText()))).toBe(true);
});
