import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { encodeAmendments } from "../../src/wire/amendment.ts";
import type { BlockIndex } from "../../src/wire/brand.ts";
import { BlockKind, DIGEST_BYTES, EXPANDED_BYTES_MAX, FailStep } from "../../src/wire/constants.ts";
import type { StageReply } from "../../src/wire/disk-port.ts";
import { encodeSection } from "../../src/wire/manifest.ts";
import { encodePlan } from "../../src/wire/plan.ts";
import { encodeVerdicts } from "../../src/wire/verdict.ts";
import { digestOf, entry, protocol, Sender, SLOT, unchanged } from "./sender.ts";
import { CAPACITY, freshKey, push, receiver, snapshot, tools, workspace } from "./support.ts";

/** Blocks that no honest sender makes. Each is a failure (or a block to be asked for again), never a crash, and changes nothing. */

test("a well-behaved push by hand comes through, so that what follows fails for its own reason", () => {
  using space = workspace();
  const base = space.path("b");
  mkdirSync(base);
  const sender = new Sender(receiver(base));
  expect(sender.manifest([entry("f"), entry("g", { size: 0 })])).toMatchObject({
    good: true,
    need: { entries: 2 },
  });
  expect(sender.plan([1, 0]).wanted?.first as number).toBe(2);
  expect(sender.raw(BlockKind.content, Buffer.from("12345")).failure).toBeUndefined();
  const verdict = encodeVerdicts([{ entry: 0, status: "good", digest: digestOf("12345") }]);
  expect(sender.send(BlockKind.verdict, verdict, { final: true }).failure).toBeUndefined();
  expect(sender.ask("prepare").kind).toBe("prepared");
  expect(sender.ask("commit").kind).toBe("committed");
  expect(readdirSync(base).sort()).toEqual(["f", "g"]);
});

describe("a manifest", () => {
  test.each([STAGE_NAME, `${STAGE_NAME}/x`])("with the name %s is a failure", (path) =>
    unchanged((to) => {
      const parents = path === STAGE_NAME ? [] : [entry(STAGE_NAME, { type: "directory", size: 0 })];
      const used = new Sender(to).manifest([...parents, entry(path)]);
      expect(used.failure).toEqual({ errno: 1, step: FailStep.manifest, entry: 0 });
    }),
  );

  test.each(["../x", "/etc/x", "a/../x", "a//x", "./x", "a/./x", "a\0b", "", "..", "a/", "d/../../x"])(
    "with the name %j is a failure",
    (path) =>
      unchanged((to) => {
        // Made of a good one, as our own encoder refuses it.
        const placeholder = "q".repeat(path.length);
        if (path === "") return;
        const raw = Buffer.from(encodeSection(0, [entry(placeholder)]));
        raw.set(Buffer.from(path), raw.indexOf(placeholder));
        expect(new Sender(to).send(BlockKind.manifest, raw, { last: true }).failure).toMatchObject(protocol);
      }),
  );

  test("out of order between two sections is a failure", () =>
    unchanged((to) => {
      for (const second of ["a", "b", "b/x"]) {
        const sender = new Sender(to);
        expect(sender.manifest([entry("b")], 0, false).failure).toBeUndefined();
        expect(sender.manifest([entry(second)], 1).failure).toMatchObject(protocol);
        sender.ask("abort");
      }
    }));

  test("that counts wrongly, or is empty where it may not be, is a failure", () =>
    unchanged((to) => {
      expect(new Sender(to).manifest([entry("b")], 1).failure).toMatchObject(protocol);
      expect(new Sender(to).send(BlockKind.manifest, encodeSection(0, []), {}).failure).toMatchObject(
        protocol,
      );
      const sender = new Sender(to);
      sender.manifest([entry("a")], 0, false);
      expect(sender.send(BlockKind.manifest, encodeSection(0, []), { last: true }).failure).toMatchObject(
        protocol,
      );
    }));
});

describe("a block", () => {
  test("with a wrong digest, or too short to have one, is to come again", () =>
    unchanged((to) => {
      const sender = new Sender(to);
      for (const bytes of [0, 1, 15, 16, 17, CAPACITY + DIGEST_BYTES, CAPACITY + DIGEST_BYTES + 1]) {
        const used = sender.used(BlockKind.manifest, bytes, { block: 0 as BlockIndex, last: true });
        expect([bytes, used.good, used.failure]).toEqual([bytes, false, undefined]);
      }
      expect(sender.manifest([entry("f")]).good).toBe(true);
    }));

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["noise", Uint8Array.from({ length: 100 }, (_, i) => i * 7)],
    ["only a frame's magic number", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)],
    ["a frame that states a gigabyte", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 1, 0, 0)],
    ["a frame that states nothing", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 1, 0, 0)],
    ["a skippable frame", Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4)],
  ])("that is %s in place of a compressed one is a failure", (_, content) =>
    unchanged((to) => {
      expect(new Sender(to).raw(BlockKind.manifest, content, { last: true }).failure).toMatchObject(protocol);
    }),
  );

  test("that expands to more than it may is a failure", () =>
    unchanged((to) => {
      const bomb = new Uint8Array(EXPANDED_BYTES_MAX + 1);
      expect(new Sender(to).send(BlockKind.manifest, bomb, { last: true }).failure).toMatchObject(protocol);
      const twice = new Uint8Array(2000);
      const half = tools.zstd.compress(encodeSection(0, [entry("f")]), twice);
      twice.copyWithin(half, 0, half);
      expect(
        new Sender(to).raw(BlockKind.manifest, twice.subarray(0, 2 * half), { last: true }).failure,
      ).toMatchObject(protocol);
    }));

  test("of each kind at a time when it may not come is a failure", () =>
    unchanged((to) => {
      const blocks: ((sender: Sender) => StageReply & { kind: "used" })[] = [
        (sender) => sender.manifest([entry("z")], 1),
        (sender) => sender.plan([]),
        (sender) => sender.raw(BlockKind.content, Buffer.from("12345")),
        (sender) => sender.send(BlockKind.verdict, encodeVerdicts([{ entry: 0, status: "changed" }])),
        (sender) => sender.send(BlockKind.amendment, encodeAmendments([{ entry: 0, to: entry("f") }])),
      ];
      // Which of them may come: before the manifest, after it, after the plan, after the content.
      const allowed = [[0], [1], [2], [3]];
      allowed.forEach((may, step) => {
        blocks.forEach((send, kind) => {
          if (may.includes(kind) || (step === 0 && kind === 0)) return;
          const sender = new Sender(to);
          if (step > 0) sender.manifest([entry("f")]);
          if (step > 1) sender.plan([1]);
          if (step > 2) sender.raw(BlockKind.content, Buffer.from("12345"));
          expect([step, kind, send(sender).failure]).toMatchObject([step, kind, protocol]);
          expect(sender.ask("prepare")).toMatchObject({ kind: "failed", failure: protocol });
          expect(sender.ask("abort").kind).toBe("closed");
        });
      });
    }));

  test("that is final too early is a failure", () =>
    unchanged((to) => {
      const sender = new Sender(to);
      sender.manifest([entry("f")]);
      expect(sender.plan([1], true).failure).toMatchObject(protocol);
    }));

  test("of a push that was never opened is a failure, and so is its end", () =>
    unchanged((to) => {
      const key = freshKey();
      const block = {
        kind: "block",
        key,
        slot: SLOT,
        block: 0 as BlockIndex,
        blockKind: BlockKind.manifest,
        bytes: 20,
        lastOfKind: true,
        final: true,
      } as const;
      expect(to.handle(block)).toMatchObject({ kind: "used", failure: protocol });
      expect(to.handle({ kind: "prepare", key })).toMatchObject({ kind: "failed", failure: protocol });
      expect(to.handle({ kind: "commit", key })).toMatchObject({ kind: "failed", failure: protocol });
      expect(to.handle({ kind: "abort", key })).toEqual({ kind: "closed", key });
    }));
});

test("verdicts are what came, whatever sections are looked at again between them", () => {
  using space = workspace();
  const base = space.path("b");
  mkdirSync(base);
  const sender = new Sender(receiver(base));
  // More sections than are kept expanded, in a new directory: to discard a file its path is looked up.
  const files = ["d/a", "d/b", "d/c", "d/e"];
  sender.manifest([entry("d", { type: "directory", size: 0 })], 0, false);
  for (const [i, name] of files.entries()) sender.manifest([entry(name)], i + 1, i === files.length - 1);
  const plan = files.map((_, i) => ({ section: i + 1, entries: 1, content: Uint8Array.of(1) }));
  expect(sender.send(BlockKind.plan, encodePlan(plan), { last: true }).failure).toBeUndefined();
  const contents = ["aaaaa", "bbbbb", "ccccc", "eeeee"];
  expect(sender.raw(BlockKind.content, Buffer.from(contents.join(""))).failure).toBeUndefined();
  const verdicts = contents.map((content, i) =>
    i === 0
      ? ({ entry: 1, status: "changed" } as const)
      : ({ entry: i + 1, status: "good", digest: digestOf(content) } as const),
  );
  expect(sender.send(BlockKind.verdict, encodeVerdicts(verdicts), { final: true }).failure).toBeUndefined();
  expect(sender.ask("prepare").kind).toBe("prepared");
  expect(sender.ask("commit").kind).toBe("committed");
  expect(readdirSync(`${base}/d`).sort()).toEqual(["b", "c", "e"]);
});

test("what was passed before it was known that a block is broken is used after that has come again", () => {
  unchanged((to) => {
    const sender = new Sender(to);
    const whole = `${"x".repeat(CAPACITY)}${"y".repeat(CAPACITY)}z`;
    sender.manifest([entry("f", { size: whole.length })]);
    sender.plan([1]);
    const blocks = [2, 3, 4].map((block, i) => {
      const content = Buffer.from(whole.slice(i * CAPACITY, (i + 1) * CAPACITY));
      return (spoilt = false) => {
        const at = SLOT * tools.arena.slotBytes;
        tools.arena.bytes.set(content, at);
        const digest = tools.digest.block({ at, bytes: content.length }, block);
        tools.arena.bytes.set(digest, at + content.length);
        if (spoilt) tools.arena.bytes[at] = 0;
        const flags = { block: block as BlockIndex };
        const { good, skipped, failure } = sender.used(
          BlockKind.content,
          content.length + digest.length,
          flags,
        );
        return { good, skipped, failure };
      };
    });
    const taken = { good: true, skipped: undefined, failure: undefined };
    const broken = { good: false, skipped: undefined, failure: undefined };
    const skipped = { good: false, skipped: true, failure: undefined } as const;
    expect([blocks[0]?.(true), blocks[1]?.(), blocks[2]?.()]).toEqual([broken, skipped, skipped]);
    // So it is with what was asked for behind them.
    expect(() => sender.ask("prepare")).toThrow("a request has one reply");
    expect([blocks[0]?.(), blocks[1]?.(true), blocks[2]?.()]).toEqual([taken, broken, skipped]);
    expect([blocks[1]?.(), blocks[2]?.()]).toEqual([taken, taken]);
    expect(sender.ask("abort").kind).toBe("closed");
  });
});

test("a block that is broken on the way is taken when it comes again", () => {
  using space = workspace();
  mkdirSync(space.path("a"));
  mkdirSync(space.path("b"));
  writeFileSync(space.path("a/f"), "x".repeat(3 * CAPACITY));
  let broken = 0;
  const result = push({
    from: space.path("a"),
    to: [receiver(space.path("b"))],
    spoil(_, bytes) {
      const at = (broken++ * 7919) % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      return true;
    },
  });
  expect(result.outcomes[0]?.committed).toBe(true);
  expect(result.outcomes[0]?.used.map(({ good }) => good)).toEqual(
    result.blocks.flatMap(() => [false, true]),
  );
  expect(snapshot(space.path("b"))).toEqual(snapshot(space.path("a")));
});
