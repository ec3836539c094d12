import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { encodeAmendments } from "../../src/wire/amendment.ts";
import { BlockKind, FailStep } from "../../src/wire/constants.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { encodeVerdicts } from "../../src/wire/verdict.ts";
import { digestOf, entry, protocol, Sender, unchanged } from "./sender.ts";
import { CAPACITY, type Receiver, receiver, tools, workspace } from "./support.ts";

/** Plans, content, verdicts and amendments that contradict the manifest or each other: failures that change nothing. */

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

  test("of a file that was good replaces it", () => {
    using space = workspace();
    mkdirSync(space.path("b"));
    const sender = new Sender(receiver(space.path("b")));
    sender.manifest([entry("a")]);
    sender.plan([1]);
    sender.raw(BlockKind.content, Buffer.from("12345"));
    const good = { entry: 0, status: "good", digest: digestOf("12345") } as const;
    sender.send(BlockKind.verdict, encodeVerdicts([good]));
    const amendments = encodeAmendments([{ entry: 0, to: entry("a", { size: 3 }) }]);
    expect(sender.send(BlockKind.amendment, amendments).failure).toBeUndefined();
    expect(sender.raw(BlockKind.content, Buffer.from("new")).failure).toBeUndefined();
    const better = { entry: 0, status: "good", digest: digestOf("new") } as const;
    expect(sender.send(BlockKind.verdict, encodeVerdicts([better]), { final: true }).failure).toBeUndefined();
    expect(sender.ask("prepare").kind).toBe("prepared");
    expect(sender.ask("commit").kind).toBe("committed");
    expect(readFileSync(space.path("b/a"), "utf8")).toBe("new");
  });

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
