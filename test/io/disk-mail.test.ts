import { describe, expect, test } from "bun:test";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import fc from "fast-check";
import {
  type FlatForm,
  postValues,
  readValues,
  sourceReplyForm,
  sourceRequestForm,
  stageReplyForm,
  stageRequestForm,
} from "../../src/io/disk-mail.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { BlockKind, FailStep } from "../../src/wire/constants.ts";
import type { SourceReply, SourceRequest, StageReply, StageRequest } from "../../src/wire/disk-port.ts";

const u32 = fc.nat(0xffff_ffff);
/** Any, and often one that differs from an earlier one in a part. */
const owner = fc.oneof(
  fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  fc.constantFrom(1n, 1n << 32n, (1n << 32n) | 1n, (2n << 32n) | 1n, (1n << 32n) | 2n),
);
const key = fc.record({
  owner: owner as unknown as fc.Arbitrary<NodeId>,
  push: fc.oneof(u32, fc.constantFrom(0, 1)) as unknown as fc.Arbitrary<PushId>,
});
const slot = fc.nat(1_023) as unknown as fc.Arbitrary<Slot>;
const block = u32 as unknown as fc.Arbitrary<BlockIndex>;
const blockKind = fc.constantFrom(...Object.values(BlockKind));
const flags = { lastOfKind: fc.boolean(), final: fc.boolean() };
const bytes = u32;
const is = <Kind extends string>(kind: Kind) => fc.constant(kind);

const stageRequest: fc.Arbitrary<StageRequest> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: is("block"), key, slot, block, blockKind, bytes, ...flags }) },
  fc.record({ kind: fc.constantFrom("prepare" as const, "commit" as const, "abort" as const), key }),
);
const used = { kind: is("used"), key, slot, block };
const failure = fc.constant({ errno: 28, step: FailStep.write, entry: undefined });
const bits = fc.uint8Array({ maxLength: 9 });
const stageReply: fc.Arbitrary<StageReply> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ ...used, good: fc.boolean() }) },
  fc.record({ ...used, good: fc.constant(false), skipped: fc.constant(true as const) }),
  fc.record({ ...used, good: fc.constant(true), failure }),
  fc.record({ ...used, good: fc.constant(true), wanted: fc.record({ first: block, bits }) }),
  fc.record({ ...used, good: fc.constant(true), removals: fc.record({ count: u32, names: bits }) }),
  fc.record({ kind: is("prepared"), key }),
);
const sourceRequest: fc.Arbitrary<SourceRequest> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: is("next"), key, slot, block, waiting: fc.boolean() }) },
  fc.record({ kind: is("close"), key }),
);
const contentBytes = fc.maxSafeNat();
const read = { kind: is("block"), key, slot, block, blockKind, bytes, ...flags, entries: u32, contentBytes };
const sourceReply: fc.Arbitrary<SourceReply> = fc.oneof(
  { weight: 3, arbitrary: fc.record(read) },
  fc.record({ kind: is("failed"), key, message: fc.string() }),
);

/** What comes out at the other end of a port, and in how many messages. */
function carried<Value>(values: readonly Value[], form: FlatForm<Value>) {
  const { port1, port2 } = new MessageChannel();
  postValues(port1, values, form);
  const got: Value[] = [];
  let messages = 0;
  for (let next = receiveMessageOnPort(port2); next !== undefined; next = receiveMessageOnPort(port2)) {
    got.push(...readValues<Value>(next.message, form));
    messages++;
  }
  port1.close();
  return { got, messages };
}

function arrives<Value>(value: fc.Arbitrary<Value>, form: FlatForm<Value>): void {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 12 }), (values) => {
      expect(carried(values, form).got).toEqual(values);
    }),
  );
}

describe("messages between the engine and the disk threads", () => {
  test("bring requests of the stage as they were, in order", () => arrives(stageRequest, stageRequestForm));
  test("bring replies of the stage as they were, in order", () => arrives(stageReply, stageReplyForm));
  test("bring requests of the source as they were, in order", () =>
    arrives(sourceRequest, sourceRequestForm));
  test("bring replies of the source as they were, in order", () => arrives(sourceReply, sourceReplyForm));

  test("hold all that follow each other in one form", () => {
    const name = { key: { owner: 2n ** 64n - 1n, push: 0xffff_ffff } } as Pick<StageRequest, "key">;
    const request = { kind: "block", ...name, slot: 3 as Slot, block: 5 as BlockIndex, bytes: 100 } as const;
    const content = { ...request, blockKind: BlockKind.content, lastOfKind: false, final: true };
    const abort = { kind: "abort", ...name } as const;
    expect(carried([content, content, content], stageRequestForm).messages).toBe(1);
    expect(carried([content, content, abort, abort, content], stageRequestForm).messages).toBe(3);
    expect(carried([], stageRequestForm).messages).toBe(0);
  });
});
