import type { JsonEvent, JsonName } from "./json-protocol.ts";

/**
 * Reads one line of the machine's console as a client: `undefined` if it is no event at all or one whose members are not what they should be;
 * "unknown": an event of a later version, to be ignored. Members that are not known stay. Text, not bytes.
 */
export function decodeEvent(line: string): JsonEvent | "unknown" | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value.event !== "string") return undefined;
  if (!Object.hasOwn(MEMBERS, value.event)) return "unknown";
  const checks = MEMBERS[value.event as JsonEvent["event"]];
  const right = Object.entries(checks).every(([name, check]) => check(value[name]));
  return right ? (value as JsonEvent) : undefined;
}

/** A name of the file system as bytes, one character each. */
export function nameBytes(name: JsonName): string {
  if (typeof name !== "string") return Buffer.from(name.base64, "base64").toString("latin1");
  return Buffer.from(name, "utf8").toString("latin1");
}

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number";
const truth: Check = (value) => typeof value === "boolean";
const name: Check = (value) => text(value) || (isObject(value) && text(value.base64));
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const word =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string);
const object =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(members).every(([key, check]) => check(value[key]));

/** What each event must have, as far as msync reads it. */
const MEMBERS: Readonly<Record<JsonEvent["event"], Readonly<Record<string, Check>>>> = {
  hello: { protocol: number, version: text },
  error: { id: optional(number), text },
  started: { id: number, hosts: list(text), readOnly: list(text) },
  need: { id: number, host: text, updates: number, removals: number },
  files: { id: number, host: text, action: text, paths: list(name) },
  problem: { id: number, severity: word("error", "notice"), text, path: name },
  failure: { id: number, host: text, text, path: optional(name) },
  progress: {
    id: number,
    phase: text,
    seconds: number,
    sentBytes: number,
    contentBytes: number,
    bytesPerSecond: number,
    hosts: list(object({ host: text, state: text, doneBytes: number, bytesPerSecond: number })),
  },
  outcome: { id: number, host: text, address: text, outcome: text, text: optional(text) },
  finished: { id: number, ok: truth, seconds: number, rejected: optional(text) },
  members: { id: number, members: list(object({ name: text })) },
  status: { id: number },
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
