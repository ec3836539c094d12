import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { STAGE_NAME } from "../../src/disk/names.ts";
import { encodeAmendments } from "../../src/wire/amendment.ts";
import type { BlockIndex, Slot } from "../../src/wire/brand.ts";
import { BlockKind, DIGEST_BYTES, EXPANDED_BYTES_MAX, FailStep } from "../../src/wire/constants.ts";
import type { StageReply } from "../../src/wire/disk-port.ts";
import { type Entry, encodeSection } from "../../src/wire/manifest.ts";
import { encodePlan } from "../../src/wire/plan.ts";
import { encodeVerdicts } from "../../src/wire/verdict.ts";
import { CAPACITY, freshKey, push, type Receiver, receiver, snapshot, tools, workspace } from "./support.ts";

/** Blocks that no honest sender makes. Each is a failure (or a block to be asked for again), never a crash, and changes nothing. */

const SLOT = 2 as Slot;
const EPROTO = 71;
const protocol = { errno: EPROTO, step: FailStep.manifest };

function entry(path: string, more: Partial<Entry> = {}): Entry {
  const common = { mode: 0o644, uid: 0, gid: 0, seconds: 1n, nanoseconds: 0 };
  return { type: "file", path: Buffer.from(path, "latin1"), size: 5, ...common, ...more };
}

/** One push into `to`, block by block. */
class Sender {
  readonly #to: Receiver;
  readonly #key = freshKey();
  #block = 0;

  constructor(to: Receiver, { dryRun = false } = {}) {
    this.#to = to;
    expect(to.handle({ kind: "open", key: this.#key, dryRun, capacity: CAPACITY }).kind).toBe("opened");
  }

  /** Sends a block as it is. */
  raw(blockKind: BlockKind, content: Uint8Array, flags: { last?: boolean; final?: boolean } = {}) {
    const block = this.#block++ as BlockIndex;
    const at = SLOT * tools.arena.slotBytes;
    tools.arena.bytes.set(content, at);
    const digest = tools.digest.block({ at, bytes: content.length }, block);
    tools.arena.bytes.set(digest, at + content.length);
    return this.used(blockKind, content.length + DIGEST_BYTES, { block, ...flags });
  }

  used(blockKind: BlockKind, bytes: number, flags: { block: BlockIndex; last?: boolean; final?: boolean }) {
    const { block, last = false, final = false } = flags;
    const reply = this.#to.handle({
      kind: "block",
      key: this.#key,
      slot: SLOT,
      block,
      blockKind,
      bytes,
      lastOfKind: last,
      final,
    });
    if (reply.kind !== "used") throw new Error("a block was not answered by used");
    return reply;
  }

  /** Sends a compressed block. */
  send(blockKind: BlockKind, raw: Uint8Array, flags: { last?: boolean; final?: boolean } = {}) {
    const frame = new Uint8Array(raw.length + 1000);
    return this.raw(blockKind, frame.subarray(0, tools.zstd.compress(raw, frame)), flags);
  }

  manifest(entries: readonly Entry[], firstEntry = 0, last = true) {
    return this.send(BlockKind.manifest, encodeSection(firstEntry, entries), { last });
  }

  plan(content: number[], final = false) {
    const records =
      content.length === 0
        ? []
        : [
            {
              section: 0,
              entries: content.length,
              content: Uint8Array.of(content.reduce((byte, bit, i) => byte | (bit << i), 0)),
            },
          ];
    return this.send(BlockKind.plan, encodePlan(records), { last: true, final });
  }

  ask(kind: "prepare" | "commit" | "abort"): StageReply {
    return this.#to.handle({ kind, key: this.#key });
  }
}

function digestOf(content: string): Uint8Array {
  const at = SLOT * tools.arena.slotBytes;
  tools.arena.bytes.set(Buffer.from(content), at);
  const digest = tools.digest.open();
  digest.update({ at, bytes: content.length });
  const result = digest.finish();
  digest.close();
  return result;
}

/** Runs `act` on a receiver with a file, which must stay alone and as it is. */
function unchanged(act: (to: Receiver) => void): void {
  using space = workspace();
  const base = space.path("b");
  mkdirSync(base);
  writeFileSync(`${base}/mine`, "mine");
  const before = snapshot(base);
  act(receiver(base));
  expect(snapshot(base)).toEqual(before);
}

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

describe("a plan", () => {
  test.each<[string, number[]]>([
    ["without a file that is needed", [0, 1, 0]],
    ["with something that is not a file", [1, 1, 1]],
    ["of a section of another length", [1, 1]],
    ["of nothing at all", []],
  ])("%s is a failure", (_, content) =>
    unchanged((to) => {
      const sender = new Sender(to);
      sender.manifest([entry("a"), entry("b"), entry("c", { type: "directory", size: 0 })]);
      expect(sender.plan(content).failure).toMatchObject(protocol);
    }),
  );

  test("in a dry run is a failure", () =>
    unchanged((to) => {
      const sender = new Sender(to, { dryRun: true });
      sender.manifest([entry("a")]);
      expect(sender.plan([1]).failure).toMatchObject(protocol);
    }));

  test("of more bytes than there is room for is a failure before any of them comes", () =>
    unchanged((to) => {
      const sender = new Sender(to);
      sender.manifest([entry("a", { size: Number.MAX_SAFE_INTEGER }), entry("b", { size: 2 ** 52 })]);
      expect(sender.plan([1, 1]).failure).toMatchObject({ errno: 28, step: FailStep.stage });
    }));

  test("of files that are there already answers that none is wanted, however long the stream is", () =>
    unchanged((to) => {
      // A receiver that has `mine` in the announced form wants no block of it.
      const before = Object(tools.sys.statMany(tools.sys.openBase(to.base) as never, ["mine"])[0]);
      const sender = new Sender(to);
      const mine = entry("mine", {
        size: 4,
        mode: before.mode,
        uid: before.uid,
        gid: before.gid,
        seconds: before.seconds,
        nanoseconds: before.nanoseconds,
      });
      expect(sender.manifest([mine]).need).toMatchObject({ update: undefined, content: undefined });
      expect(sender.plan([1]).wanted?.bits).toEqual(Uint8Array.of(0xfe));
    }));
});

describe("content", () => {
  const started = (to: Receiver) => {
    const sender = new Sender(to);
    sender.manifest([entry("a"), entry("b", { size: CAPACITY })]);
    sender.plan([1, 1]);
    return sender;
  };
  const full = new Uint8Array(CAPACITY);

  test.each([0, 1, CAPACITY - 1])("in a first block of %d bytes, which is not full, is a failure", (bytes) =>
    unchanged((to) => {
      expect(started(to).raw(BlockKind.content, full.subarray(0, bytes)).failure).toMatchObject(protocol);
    }),
  );

  test("beyond the end of the stream is a failure", () =>
    unchanged((to) => {
      const sender = started(to);
      expect(sender.raw(BlockKind.content, full).failure).toBeUndefined();
      expect(sender.raw(BlockKind.content, full.subarray(0, 6)).failure).toMatchObject(protocol);
      const again = started(to);
      again.raw(BlockKind.content, full);
      again.raw(BlockKind.content, full.subarray(0, 5));
      expect(again.raw(BlockKind.content, full).failure).toMatchObject(protocol);
    }));

  test("that does not have the digest of its verdict is a failure, and is not committed", () =>
    unchanged((to) => {
      const sender = started(to);
      sender.raw(BlockKind.content, full);
      sender.raw(BlockKind.content, full.subarray(0, 5));
      const verdicts = encodeVerdicts([
        { entry: 0, status: "good", digest: new Uint8Array(16).fill(1) },
        { entry: 1, status: "changed" },
      ]);
      const used = sender.send(BlockKind.verdict, verdicts, { final: true });
      expect(used.failure).toEqual({ errno: 74, step: FailStep.digest, entry: 0 });
      expect(sender.ask("prepare").kind).toBe("failed");
    }));

  test.each<[string, Parameters<typeof encodeVerdicts>[0]]>([
    ["with a file left out", [{ entry: 1, status: "changed" }]],
    [
      "on a file that is not in the stream",
      [
        { entry: 0, status: "changed" },
        { entry: 2, status: "changed" },
      ],
    ],
    ["too few", [{ entry: 0, status: "changed" }]],
    [
      "too many",
      [
        { entry: 0, status: "changed" },
        { entry: 1, status: "changed" },
        { entry: 2, status: "changed" },
      ],
    ],
  ])("with verdicts %s is a failure", (_, verdicts) =>
    unchanged((to) => {
      const sender = started(to);
      sender.raw(BlockKind.content, full);
      sender.raw(BlockKind.content, full.subarray(0, 5));
      expect(sender.send(BlockKind.verdict, encodeVerdicts(verdicts), { final: true }).failure).toMatchObject(
        protocol,
      );
    }),
  );

  test("with verdicts before its end is a failure", () =>
    unchanged((to) => {
      const sender = started(to);
      sender.raw(BlockKind.content, full);
      const verdicts = encodeVerdicts([
        { entry: 0, status: "changed" },
        { entry: 1, status: "changed" },
      ]);
      expect(sender.send(BlockKind.verdict, verdicts, { final: true }).failure).toMatchObject(protocol);
    }));
});

describe("an amendment", () => {
  const judged = (to: Receiver) => {
    const sender = new Sender(to);
    sender.manifest([entry("a"), entry("d", { type: "directory", size: 0 })]);
    sender.plan([1, 0]);
    sender.raw(BlockKind.content, Buffer.from("12345"));
    sender.send(BlockKind.verdict, encodeVerdicts([{ entry: 0, status: "changed" }]));
    return sender;
  };

  test.each<[string, number, Entry]>([
    ["of an entry that there is not", 2, entry("a")],
    ["of a directory", 1, entry("d")],
    ["with another path", 0, entry("b")],
  ])("%s is a failure", (_, number, to) =>
    unchanged((at) => {
      const amendments = encodeAmendments([{ entry: number, to }]);
      expect(judged(at).send(BlockKind.amendment, amendments).failure).toMatchObject(protocol);
    }),
  );

  test("for the fourth time is a failure", () =>
    unchanged((at) => {
      const sender = judged(at);
      for (let round = 1; round <= 4; round++) {
        const amended = sender.send(BlockKind.amendment, encodeAmendments([{ entry: 0, to: entry("a") }]));
        if (round === 4) {
          expect(amended.failure).toMatchObject(protocol);
          break;
        }
        expect(amended.failure).toBeUndefined();
        sender.raw(BlockKind.content, Buffer.from("12345"));
        sender.send(BlockKind.verdict, encodeVerdicts([{ entry: 0, status: "changed" }]));
      }
    }));
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
