import { expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonPush } from "../../src/cli/json-protocol.ts";
import { toOrder } from "../../src/cli/json-push.ts";
import { parseRequest } from "../../src/cli/json-requests.ts";
import { isJsonRequest } from "../io/json-client.ts";

const refused: [line: string, fault: string, id?: number][] = [
  ["{", "the line is not JSON"],
  ["nonsense", "the line is not JSON"],
  ["3", "Invalid type"],
  ["null", "Invalid type"],
  ["[]", "request: "],
  ["{}", "request: "],
  ['{"request":"format"}', 'request: Invalid type: Expected ("push"'],
  ['{"request":"members"}', "id: "],
  ['{"request":"members","id":"1"}', "id: "],
  ['{"request":"members","id":1.5}', "id: "],
  ['{"request":"members","id":-1}', "id: "],
  ['{"request":"members","id":9007199254740992}', "id: "],
  ['{"request":"members","id":1,"all":true}', "all: ", 1],
  ['{"request":"push","id":2}', "paths: ", 2],
  ['{"request":"push","id":2,"paths":"a","recursive":true}', "paths: ", 2],
  ['{"request":"push","id":2,"paths":[1],"recursive":true}', "paths.0: ", 2],
  ['{"request":"push","id":2,"paths":[{"base64":"!"}],"recursive":true}', "paths.0: ", 2],
  ['{"request":"push","id":2,"paths":[]}', "recursive: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":1}', "recursive: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"dryrun":true}', "dryrun: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"mode":"sync"}', "mode: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"removes":true}', "removes: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"removesMax":4294967295}', "removesMax: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"hosts":[]}', "hosts: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"hosts":[""]}', "hosts.0: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"group":33}', "group: ", 2],
  ['{"request":"push","id":2,"paths":[],"recursive":true,"files":null}', "files: ", 2],
];

test.each(refused.map(([line, fault, id]) => ({ line, fault, id })))("$line", ({ line, fault, id }) => {
  const parsed = parseRequest(line);
  if (!("fault" in parsed)) throw new Error("taken");
  expect(parsed.fault).toStartWith(fault);
  expect(parsed.id).toBe(id);
});

test("a fault quotes what is wrong, but not all of it", () => {
  const parsed = parseRequest(JSON.stringify({ request: "x\ud83d\ude00".repeat(1_000_000) }));
  if (!("fault" in parsed)) throw new Error("taken");
  expect(parsed.fault.length).toBeLessThanOrEqual(200);
  expect(parsed.fault.isWellFormed()).toBe(true);
});

test("what is taken, and what is not, is what the schema file says", () => {
  const name = fc.oneof(fc.string(), fc.record({ base64: fc.base64String() }));
  const good = fc.record(
    {
      request: fc.constant("push"),
      id: fc.nat(),
      paths: fc.array(name, { maxLength: 3 }),
      recursive: fc.boolean(),
      mode: fc.constantFrom("send", "check", "prune"),
      removes: fc.constantFrom("nothing", "missing", "extra"),
      removesMax: fc.nat(4_294_967_294),
      dryRun: fc.boolean(),
      hosts: fc.array(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
      excludes: fc.array(name, { maxLength: 2 }),
      group: fc.string({ minLength: 1, maxLength: 2 }),
      files: fc.boolean(),
      progress: fc.boolean(),
    },
    { requiredKeys: ["request", "id", "paths", "recursive"] },
  );
  const keys = ["request", "id", "paths", "recursive", "mode", "removes", "removesMax", "dryRun", "hosts"];
  const wild = fc.record({
    key: fc.constantFrom(...keys, "excludes", "group", "files", "progress", "more"),
    value: fc.oneof(
      fc.constantFrom(
        "members",
        "status",
        "cancel",
        "quit",
        "check",
        "",
        0,
        -1,
        0.5,
        true,
        null,
        4_294_967_295,
      ),
      fc.constantFrom([], [""], [1], [{ base64: "?" }], [{ base64: "", more: 1 }], {}),
    ),
  });
  const counts = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(
      good,
      fc.array(wild, { maxLength: 2 }),
      fc.subarray(keys, { maxLength: 1 }),
      (base, changes, gone) => {
        const value: Record<string, unknown> = { ...base };
        for (const change of changes) value[change.key] = change.value;
        for (const key of gone) delete value[key];
        const taken = "request" in parseRequest(JSON.stringify(value));
        counts[taken ? "taken" : "refused"]++;
        expect(isJsonRequest(value)).toBe(taken);
      },
    ),
    { numRuns: 2_000 },
  );
  expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(100);
});

const long: [members: object, fault: string | undefined][] = [
  [{ paths: Array(65_536).fill("a") }, undefined],
  [{ paths: Array(65_537).fill("a") }, "paths: "],
  [{ hosts: Array(4_096).fill("h") }, undefined],
  [{ hosts: Array(4_097).fill("h") }, "hosts: "],
  [{ excludes: Array(1_024).fill("p") }, undefined],
  [{ excludes: Array(1_025).fill("p") }, "excludes: "],
];

test.each(long.map(([members, fault], i) => ({ i, members, fault })))(
  "lists have their limits ($i)",
  ({ members, fault }) => {
    const parsed = parseRequest(
      JSON.stringify({ request: "push", id: 1, paths: [], recursive: true, ...members }),
    );
    if ("fault" in parsed) expect(parsed.fault).toStartWith(fault ?? "none");
    else expect(fault).toBeUndefined();
  },
);

test("lines that nest deeply, or not at all, are refused", () => {
  for (const line of ["[".repeat(1 << 20), `${"[".repeat(1 << 18)}${"]".repeat(1 << 18)}`])
    expect("fault" in parseRequest(line)).toBe(true);
});

test("no line whatever makes it throw", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (line) => void parseRequest(line)),
  );
});

const context = { excludes: [] as string[], compressLevel: 3, resolveGroup: () => undefined };
const push = (rest: Partial<JsonPush>): JsonPush => ({
  request: "push",
  id: 1,
  paths: ["a"],
  recursive: false,
  ...rest,
});

const impossible: [rest: Partial<JsonPush>, fault: string][] = [
  [{ paths: [] }, "a path or recursive is needed"],
  [{ paths: ["a", ""] }, "paths: one is empty, or no text, or has a NUL byte"],
  [{ paths: ["a\0"] }, "paths: one is empty, or no text, or has a NUL byte"],
  [{ paths: ["\ud800"] }, "paths: one is empty, or no text, or has a NUL byte"],
  [{ paths: [{ base64: "" }] }, "paths: one is empty, or no text, or has a NUL byte"],
  [{ paths: [{ base64: "AA==" }] }, "paths: one is empty, or no text, or has a NUL byte"],
  [{ mode: "check", removes: "extra" }, "a check removes nothing"],
  [{ mode: "prune" }, "to prune, removes must be missing or extra"],
  [{ hosts: ["\udc00"] }, "hosts: one is no text"],
  [{ excludes: [""] }, "excludes: one is empty, or no text, or has a NUL byte"],
  [{ excludes: ["p".repeat(4096)] }, "excludes: a pattern has more than 4095 bytes"],
  [{ excludes: Array.from({ length: 1025 }, (_, i) => `p${i}`) }, "excludes: more than 1024 patterns"],
  [{ group: "web" }, "there is no group web"],
];

test.each(impossible)("a push that cannot be: %j", (rest, fault) => {
  expect(toOrder(push(rest), context)).toBe(fault);
});

test("an order has what was asked for, and nothing where nothing was", () => {
  expect(toOrder(push({}), context)).toEqual({
    selection: { paths: [new Uint8Array([97])], recursive: false },
    dryRun: false,
    hosts: undefined,
    names: false,
    task: {
      mode: "send",
      removes: "nothing",
      removesMax: undefined,
      unflushed: false,
      excludes: [],
      gid: undefined,
      compressLevel: 3,
    },
    progress: false,
  });
  expect(toOrder(push({ fsync: true }), context)).toMatchObject({ task: { unflushed: false } });
  expect(toOrder(push({ fsync: false }), context)).toMatchObject({ task: { unflushed: true } });
  expect(toOrder(push({ compressLevel: 0 }), context)).toMatchObject({ task: { compressLevel: 0 } });
  // A limit of nothing says nothing.
  expect(toOrder(push({ removesMax: 3 }), context)).toMatchObject({ task: { removesMax: undefined } });
  expect(toOrder(push({ removes: "missing", removesMax: 0 }), context)).toMatchObject({
    task: { removes: "missing", removesMax: 0 },
  });
  expect(
    toOrder(push({ group: "0", excludes: ["b"] }), {
      ...context,
      excludes: ["a", "b"],
      compressLevel: 3,
      resolveGroup: () => 0,
    }),
  ).toMatchObject({ task: { gid: 0, excludes: [new Uint8Array([97]), new Uint8Array([98])] } });
});

test.each([
  ["paths", 65_537, "65537 are too many, at most 65536 are possible"],
  ["excludes", 1_025, "1025 are too many, at most 1024 are possible"],
])("too many of a kind, in words: %s", (name, count, fault) => {
  const request = { request: "push", id: 7, paths: [], recursive: true, [name]: Array(count).fill("a") };
  expect(parseRequest(JSON.stringify(request))).toEqual({ fault: `${name}: ${fault}`, id: 7 });
});
