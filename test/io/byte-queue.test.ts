import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteQueue } from "../../src/io/byte-queue.ts";
import { type InputLine, LineReader } from "../../src/io/line-reader.ts";

const bytes = fc.uint8Array({ maxLength: 5_000 }).map((array) => Buffer.from(array));

test("a queue gives back what it was given, in order, however it is asked", () => {
  const step = fc.oneof(
    fc.record({ push: bytes }),
    fc.record({ take: fc.nat(6_000) }),
    fc.record({ drop: fc.nat(6_000) }),
    fc.record({ find: fc.nat(255), from: fc.nat(6_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      let model = Buffer.alloc(0);
      for (const now of steps) {
        if ("push" in now) {
          queue.push(now.push);
          model = Buffer.concat([model, now.push]);
        } else if ("take" in now) {
          const count = Math.min(now.take, model.length);
          expect(queue.take(count)).toBe(model.toString("latin1", 0, count));
          model = model.subarray(count);
        } else if ("drop" in now) {
          const count = Math.min(now.drop, model.length);
          queue.drop(count);
          model = model.subarray(count);
        } else {
          expect(queue.indexOf(now.find, now.from)).toBe(
            now.from < model.length ? model.indexOf(now.find, now.from) : -1,
          );
        }
        expect(queue.length).toBe(model.length);
        const first = queue.peek();
        expect(model.subarray(0, first.length).equals(first)).toBe(true);
        expect(first.length === 0).toBe(model.length === 0);
      }
    }),
  );
});

test("many small pieces take little more memory than one", () => {
  const queue = new ByteQueue();
  const piece = Buffer.from("x");
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
  for (let i = 0; i < 1 << 20; i++) queue.push(piece);
  const after = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
  expect(queue.length).toBe(1 << 20);
  expect(after - before).toBeLessThan(4 << 20);
});

/** What a reader must say: the input is all there at once. */
function split(input: Buffer, bytesMax: number): InputLine[] {
  const parts = input.toString("latin1").split("\n");
  const rest = parts.pop() ?? "";
  const lines: InputLine[] = parts.map((text) =>
    text.length > bytesMax ? { kind: "overlong" } : { kind: "line", text: text.replaceAll("\r", "") },
  );
  return rest.length > bytesMax ? [...lines, { kind: "overlong" }] : lines;
}

test("lines come out whole, in whatever pieces they go in; one that is too long comes once, as that", () => {
  const text = fc
    .array(fc.constantFrom("\n", "\r", "a", "bcdefgh", "\0", "\xff".repeat(9)), { maxLength: 80 })
    .map((words) => Buffer.from(words.join(""), "latin1"));
  const pieces = fc.array(fc.nat(12), { maxLength: 100 });
  fc.assert(
    fc.property(text, pieces, fc.nat(20), (input, cuts, bytesMax) => {
      const reader = new LineReader();
      const lines: InputLine[] = [];
      const drain = () => {
        for (let line = reader.next(bytesMax); line !== undefined; line = reader.next(bytesMax))
          lines.push(line);
      };
      let at = 0;
      for (const [i, cut] of cuts.entries()) {
        reader.push(input.subarray(at, at + cut));
        at += Math.min(cut, input.length - at);
        if (i % 2 === 0) drain();
      }
      reader.push(input.subarray(at));
      drain();
      expect(lines).toEqual(split(input, bytesMax));
      expect(reader.length).toBeLessThanOrEqual(bytesMax);
    }),
  );
});
