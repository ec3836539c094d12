import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { StreamDigest, type Stretch } from "../../src/disk/stream-digest.ts";
import { digestOf, digestOfParts } from "./sender.ts";
import { CAPACITY, tools } from "./support.ts";

/** The digests of verdicts (PROTOCOL §10.4), against a second form of them that has all of a file at once. */

const BLOCK_AT = 32_768;
const FIRST = 7;
const layout = { capacity: CAPACITY, firstBlock: FIRST };

function contentOf(size: number, salt = 0): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) + salt) & 0xff);
}

/** Adds a file part by part; `known`: with the digests of whole blocks. Returns what the digest had of whole blocks, too. */
function feed(digest: StreamDigest, file: Stretch, content: Uint8Array, { known }: { known: boolean }) {
  const wholes: (string | undefined)[] = [];
  digest.reset(file);
  for (let done = 0; done < file.size; ) {
    const at = file.from + done;
    const bytes = Math.min(file.size - done, CAPACITY - (at % CAPACITY));
    tools.arena.bytes.set(content.subarray(done, done + bytes), BLOCK_AT);
    const part = { at: BLOCK_AT, bytes };
    const ofBlock = tools.digest.block(part, FIRST + Math.floor(at / CAPACITY));
    digest.update(part, known && bytes === CAPACITY ? ofBlock : undefined);
    const whole = digest.takeWhole();
    wholes.push(whole && hex(whole));
    if (bytes === CAPACITY && file.size > CAPACITY) expect(wholes.at(-1)).toBe(hex(ofBlock));
    expect(digest.takeWhole()).toBeUndefined();
    done += bytes;
  }
  return wholes;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function digestWith(file: Stretch, content: Uint8Array, known = false): string {
  const digest = new StreamDigest(tools.digest, layout);
  feed(digest, file, content, { known });
  const own = hex(digest.finish());
  digest.close();
  return own;
}

const stretches = fc.record({ from: fc.nat(3 * CAPACITY), size: fc.nat(4 * CAPACITY) });

describe("the digest of a file in the stream", () => {
  test("is that of its bytes if it lies in one block, else of the digests of its parts, wherever it begins", () => {
    const digest = new StreamDigest(tools.digest, layout);
    fc.assert(
      fc.property(stretches, fc.boolean(), (file, known) => {
        const content = contentOf(file.size);
        const wholes = feed(digest, file, content, { known });
        const single = (file.from % CAPACITY) + file.size <= CAPACITY;
        const expected = single
          ? digestOf(content)
          : digestOfParts(content, { from: file.from, first: FIRST });
        expect(hex(digest.finish())).toBe(hex(expected));
        if (single) expect(wholes.every((whole) => whole === undefined)).toBe(true);
      }),
      {
        numRuns: 300,
        examples: [
          [{ from: 0, size: CAPACITY }, true],
          [{ from: 0, size: 3 * CAPACITY }, true],
          [{ from: 0, size: 3 * CAPACITY }, false],
          [{ from: CAPACITY - 1, size: 2 }, false],
          [{ from: CAPACITY, size: 0 }, false],
        ],
      },
    );
    digest.close();
  });

  test("changes with each byte, with the order of its blocks, and with its place", () => {
    const file = { from: 5, size: 3 * CAPACITY };
    const content = contentOf(file.size);
    const right = digestWith(file, content);
    for (const at of [0, CAPACITY - 6, CAPACITY - 5, 2 * CAPACITY, file.size - 1]) {
      const wrong = content.slice();
      wrong[at] = (wrong[at] ?? 0) ^ 1;
      expect(digestWith(file, wrong)).not.toBe(right);
    }
    const [a, b] = [contentOf(CAPACITY, 1), contentOf(CAPACITY, 2)];
    const two = { from: 0, size: 2 * CAPACITY };
    expect(digestWith(two, Buffer.concat([a, b]))).not.toBe(digestWith(two, Buffer.concat([b, a])));
    expect(digestWith({ ...file, from: 6 }, content)).not.toBe(right);
  });

  test("is of whole parts only, and of all of them", () => {
    const digest = new StreamDigest(tools.digest, layout);
    digest.reset({ from: 10, size: 2 * CAPACITY });
    for (const bytes of [0, 1, CAPACITY - 11, CAPACITY])
      expect(() => digest.update({ at: 0, bytes })).toThrow("a part ends where its block or its file does");
    digest.update({ at: 0, bytes: CAPACITY - 10 });
    expect(() => digest.finish()).toThrow("a file's parts are missing");
    digest.close();
  });
});
