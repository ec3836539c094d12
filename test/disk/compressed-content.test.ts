import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import binding from "zstd-napi/binding";
import { BlockKind } from "../../src/wire/constants.ts";
import { encodeVerdicts } from "../../src/wire/verdict.ts";
import { digestOfParts, entry, protocol, Sender, unchanged } from "./sender.ts";
import { CAPACITY, differences, push, type Receiver, receiver, tools, workspace } from "./support.ts";

/** Compressed content blocks (PROTOCOL §10.3). */

/** A file of two blocks and a bit, of which the first is about to come. */
function started(to: Receiver): Sender {
  const sender = new Sender(to);
  sender.manifest([entry("f", { size: 2 * CAPACITY + 9_000 })]);
  sender.plan([1]);
  return sender;
}

function frameOf(raw: Uint8Array): Uint8Array {
  return tools.zstd.compressContent(raw, 3).slice();
}

/** Bytes that do not shrink. */
function noiseOf(bytes: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: bytes }, () => {
    state = Math.imul(state, 1_103_515_245) + 12_345;
    return state >>> 16;
  });
}

/** A frame that does not state its content's size. */
function unsized(raw: Uint8Array): Uint8Array {
  const context = new binding.CCtx();
  context.setParameter(binding.CParameter.contentSizeFlag, 0);
  const into = new Uint8Array(binding.compressBound(raw.length));
  return into.slice(0, context.compress2(into, raw));
}

const text = Buffer.from("all work and no play ".repeat(2_000)).subarray(0, CAPACITY);
const noise = noiseOf(CAPACITY);
const good = frameOf(text);

/** The good frame with the size that it states, which is in two bytes after the descriptor, made another. */
function stating(size: number): Uint8Array {
  const frame = good.slice();
  new DataView(frame.buffer).setUint16(5, size - 256, true);
  return frame;
}

describe("a compressed block", () => {
  test("that is right is taken, so that what follows fails for its own reason", () => {
    using space = workspace();
    mkdirSync(space.path("b"));
    const sender = started(receiver(space.path("b")));
    expect(sender.raw(BlockKind.compressed, good).failure).toBeUndefined();
    expect(sender.raw(BlockKind.content, text).failure).toBeUndefined();
    expect(sender.raw(BlockKind.compressed, frameOf(text.subarray(0, 9_000))).failure).toBeUndefined();
    const whole = Buffer.concat([text, text, text.subarray(0, 9_000)]).toString();
    const digest = digestOfParts(Buffer.from(whole), { from: 0, first: 2 });
    const verdict = encodeVerdicts([{ entry: 0, status: "good", digest }]);
    expect(sender.send(BlockKind.verdict, verdict, { final: true }).failure).toBeUndefined();
    expect(sender.ask("prepare").kind).toBe("prepared");
    expect(sender.ask("commit").kind).toBe("committed");
    expect(readFileSync(space.path("b/f"), "utf8")).toBe(whole);
  });

  test.each<[string, Uint8Array]>([
    ["of one byte less than the block has", frameOf(text.subarray(1))],
    ["of one byte more", frameOf(Buffer.concat([text, text.subarray(0, 1)]))],
    ["of nothing", frameOf(new Uint8Array(0))],
    ["that states less than it has", stating(CAPACITY - 1)],
    ["that states more than it has", stating(CAPACITY + 1)],
    ["that does not state its size", unsized(text)],
    ["that states a gigabyte", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 1, 0, 0)],
    ["that is cut off", good.subarray(0, good.length - 1)],
    ["that is followed by a byte", Uint8Array.of(...good, 0)],
    ["that is followed by another", Uint8Array.of(...good, ...frameOf(new Uint8Array(0)))],
    ["after a frame to be skipped", Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9, ...good)],
    ["without its magic number", good.subarray(4)],
    ["of noise that is not one", noise.subarray(0, 5_000)],
    ["that is the content itself", text],
    ["without a byte", new Uint8Array(0)],
  ])("with a frame %s is a failure, and changes nothing", (_, frame) =>
    unchanged((to) => {
      expect(started(to).raw(BlockKind.compressed, frame).failure).toMatchObject(protocol);
    }),
  );

  test("is a failure where content may not come, and beyond its end", () =>
    unchanged((to) => {
      expect(new Sender(to).raw(BlockKind.compressed, good).failure).toMatchObject(protocol);
      const sender = started(to);
      for (const bytes of [CAPACITY, CAPACITY, 9_000])
        expect(sender.raw(BlockKind.compressed, frameOf(text.subarray(0, bytes))).failure).toBeUndefined();
      expect(sender.raw(BlockKind.compressed, good).failure).toMatchObject(protocol);
    }));

  test("damaged anywhere never expands beyond its place", () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const block = new Uint8Array(CAPACITY + 64).fill(0xa5);
        block.set(good);
        block[at] = (block[at] ?? 0) ^ flip;
        tools.zstd.expandContent(block.subarray(0, CAPACITY), good.length);
        expect(block.subarray(CAPACITY).every((byte) => byte === 0xa5)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("that is right, but no shorter than its content, is a failure", () =>
    unchanged((to) => {
      const sender = new Sender(to);
      sender.manifest([entry("f", { size: 5 })]);
      sender.plan([1]);
      const frame = frameOf(text.subarray(0, 5));
      expect(frame.length).toBeGreaterThan(5);
      expect(sender.raw(BlockKind.compressed, frame).failure).toMatchObject(protocol);
    }));
});

/** Files of text and of noise, some larger than a block. */
const files = fc.array(
  fc.record({
    shrinks: fc.boolean(),
    bytes: fc.oneof(fc.nat(300), fc.nat(3 * CAPACITY)),
  }),
  { minLength: 1, maxLength: 8 },
);

test("trees of any pattern of what shrinks and what does not arrive, at any level", () => {
  const kinds = new Set<BlockKind>();
  fc.assert(
    fc.property(files, fc.constantFrom(0, 1, 3, 19), (made, compressLevel) => {
      using space = workspace();
      mkdirSync(space.path("a"));
      made.forEach(({ shrinks, bytes }, i) => {
        const from = shrinks ? text : noise;
        const repeats = Array.from({ length: Math.ceil(bytes / from.length) }, () => from);
        writeFileSync(space.path(`a/f${i}`), Buffer.concat(repeats).subarray(0, bytes));
      });
      mkdirSync(space.path("b"));
      const result = push({
        from: space.path("a"),
        to: [receiver(space.path("b"))],
        task: { compressLevel },
      });
      expect(result.outcomes[0]?.committed).toBe(true);
      expect(differences(space.path("a"), space.path("b"))).toBe("");
      for (const { blockKind, bytes } of result.blocks) {
        if (compressLevel === 0) expect(blockKind).not.toBe(BlockKind.compressed);
        if (blockKind === BlockKind.compressed) expect(bytes).toBeLessThan(CAPACITY);
        kinds.add(blockKind);
      }
    }),
    {
      numRuns: 20,
      examples: [
        [
          [
            { shrinks: true, bytes: 3 * CAPACITY },
            { shrinks: false, bytes: 2 * CAPACITY },
          ],
          3,
        ],
      ],
    },
  );
  expect(kinds.has(BlockKind.content) && kinds.has(BlockKind.compressed)).toBe(true);
}, 60_000);
