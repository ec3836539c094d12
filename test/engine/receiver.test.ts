import { describe, expect, test } from "bun:test";
import { Receiver } from "../../src/engine/receiver.ts";
import { LEFT_NEAR, REPORT_BACKLOG_MAX, STAGE_AHEAD } from "../../src/engine/tuning.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { decode } from "../../src/wire/codec.ts";
import { BlockKind, DataFlag, FailStep } from "../../src/wire/constants.ts";
import type { StageReply } from "../../src/wire/disk-port.ts";
import { entryAt, RxEntry, RxHead } from "../../src/wire/rx-table.ts";
import { drain, newCore, us } from "./support.ts";

const SLOTS = 16;
const SYMBOLS = 2;
const KEY = { owner: 9n as NodeId, push: 7 as PushId };
const OWNER = { ip: 0x0a000009, port: 4000 };
const OFFER = {
  type: "offer",
  symbolSize: 512,
  blockSymbols: SYMBOLS,
  dryRun: false,
  check: false,
  statusIntervalUs: 20_000,
  targets: 1,
  ids: [1n as NodeId],
} as const;

/** A receiver whose stage is open; `hear` fills blocks as the packet handler would, `passed` says which the stage has been given since. */
function newReceiver() {
  const core = newCore({ slots: SLOTS });
  const slots = core.memory.slots as readonly Slot[];
  const receiver = new Receiver(core, KEY, {
    offer: OFFER,
    from: OWNER,
    grant: { context: 0, slots },
    now: us(0),
  });
  receiver.onStage({ kind: "opened", key: KEY }, us(0));
  drain(core);
  const passed = () =>
    drain(core).flatMap((output) =>
      output.kind === "stage" && output.request.kind === "block" ? [output.request] : [],
    );
  const hear = (block: number, flags: number) => {
    core.memory.rx[RxHead.touched] = 1;
    const at = entryAt(0, block as BlockIndex);
    core.memory.rx[at + RxEntry.symbols] = SYMBOLS;
    core.memory.rx[at + RxEntry.have] = SYMBOLS;
    core.memory.rx[at + RxEntry.lastBytes] = 512;
    core.memory.rx[at + RxEntry.flags] = flags;
    receiver.onReceived(us(500));
  };
  const used = (block: number, more: Partial<StageReply & { kind: "used" }> = {}) => {
    const slot = (core.memory.rx[entryAt(0, block as BlockIndex) + RxEntry.slot] ?? 0) as Slot;
    const reply = { kind: "used", key: KEY, slot, block: block as BlockIndex, good: true } as const;
    receiver.onStage({ ...reply, ...more }, us(1_000));
  };
  const asked = () =>
    drain(core).flatMap(({ kind, ...output }) => {
      if (kind !== "stage" || !("request" in output)) return [];
      const { request } = output;
      return [request.kind === "block" ? `${request.kind} ${request.block}` : request.kind];
    });
  return { receiver, core, passed, asked, hear, used };
}

const numbers = (requests: readonly { readonly block: number }[]) => requests.map(({ block }) => block);

describe("blocks for the stage", () => {
  test("go several at a time, whatever they are of", () => {
    const { hear, passed } = newReceiver();
    const kinds = [
      BlockKind.manifest,
      BlockKind.plan,
      BlockKind.content,
      BlockKind.compressed,
      BlockKind.verdict,
    ];
    for (const [block, kind] of kinds.entries()) hear(block, kind);
    expect(numbers(passed())).toEqual([0, 1, 2, 3, 4]);
  });

  test("are no more while too many answers wait to be told", () => {
    const { hear, used, passed } = newReceiver();
    const need = { section: 0, entries: 1, update: undefined, content: undefined };
    // Its ACCEPT waits as well.
    const last = REPORT_BACKLOG_MAX - 2;
    for (let block = 0; block < last; block++) {
      hear(block, BlockKind.manifest);
      expect(numbers(passed())).toEqual([block]);
      used(block, { need });
    }
    hear(last, BlockKind.manifest);
    hear(last + 1, BlockKind.manifest);
    expect(numbers(passed())).toEqual([last]);
    used(last);
    expect(numbers(passed())).toEqual([last + 1]);
    used(last + 1, { need });
    hear(last + 2, BlockKind.manifest);
    expect(numbers(passed())).toEqual([]);
  });

  test("that the stage has already count as wanted, whatever it says of them then", () => {
    const { hear, used, passed } = newReceiver();
    for (const [block, kind] of [BlockKind.plan, BlockKind.content, BlockKind.content].entries())
      hear(block, kind);
    expect(numbers(passed())).toEqual([0, 1, 2]);
    // Of the next eight it wants the last one.
    used(0, { wanted: { first: 1 as BlockIndex, bits: Uint8Array.of(0x80) } });
    used(1, { good: false });
    used(2, { good: false, skipped: true });
    hear(1, BlockKind.content);
    expect(numbers(passed())).toEqual([1, 2]);
    used(1);
    used(2);
    hear(8, BlockKind.verdict);
    expect(numbers(passed())).toEqual([8]);
  });

  test("of which the last one has come are to be prepared at once, and again if one is broken", () => {
    const { receiver, hear, used, asked } = newReceiver();
    hear(0, BlockKind.plan);
    hear(1, BlockKind.verdict | DataFlag.final);
    expect(asked()).toEqual(["block 0", "block 1", "prepare"]);
    used(0, { good: false });
    used(1, { good: false, skipped: true });
    hear(0, BlockKind.plan);
    expect(asked()).toEqual(["block 0", "block 1", "prepare"]);
    used(0);
    expect(receiver.state).toBe("receiving");
    used(1);
    expect(receiver.state).toBe("preparing");
    receiver.onStage({ kind: "prepared", key: KEY }, us(2_000));
    expect([receiver.state, asked()]).toEqual(["prepared", []]);
  });

  test("of which the last one fails the push are not prepared, and it fails once", () => {
    const { receiver, core, hear, used } = newReceiver();
    hear(0, BlockKind.plan | DataFlag.final);
    const failure = { errno: 28, step: FailStep.write, entry: undefined };
    used(0, { failure });
    receiver.onStage({ kind: "failed", key: KEY, failure }, us(1_500));
    drain(core);
    receiver.onTimeout(us(2_000));
    const reports = drain(core).flatMap((output) => {
      const decoded = output.kind === "control" ? decode(output.packet) : "short";
      return typeof decoded !== "string" && decoded.message.type === "report" ? [decoded.message] : [];
    });
    const records = reports.flatMap((report) => report.records.map(({ kind }) => kind));
    expect(records.filter((kind) => kind === "fail")).toHaveLength(1);
  });

  test("that flow far from their end are not waited for, unless this receiver answers for others", () => {
    const { receiver, hear, used } = newReceiver();
    const sync = (ids: readonly NodeId[]) =>
      receiver.onSync(
        {
          type: "sync",
          phase: "content",
          poll: false,
          sequence: 0,
          edgeBlock: 1 as BlockIndex,
          edgeSymbol: 0,
          low: 0 as BlockIndex,
          roundTripUs: 1_000,
          ids,
        },
        us(600),
      );
    hear(0, BlockKind.plan);
    sync([2n as NodeId]);
    expect(receiver.awaited).toBe(true);
    const blocks = 8 * Math.ceil((LEFT_NEAR + 2) / 8);
    used(0, { wanted: { first: 1 as BlockIndex, bits: new Uint8Array(blocks / 8).fill(0xff) } });
    expect(receiver.awaited).toBe(false);
    sync([]);
    expect(receiver.awaited).toBe(true);
    sync([1n as NodeId, 2n as NodeId]);
    expect(receiver.awaited).toBe(true);
    sync([2n as NodeId]);
    for (let block = 1; block <= blocks - LEFT_NEAR; block++) {
      expect(receiver.awaited).toBe(false);
      hear(block, BlockKind.content);
    }
    expect(receiver.awaited).toBe(false);
    hear(blocks - LEFT_NEAR + 1, BlockKind.content);
    expect(receiver.awaited).toBe(true);
  });

  test("are no more than the stage may have at once", () => {
    const { hear, used, passed } = newReceiver();
    for (let block = 0; block < SLOTS; block++) hear(block, BlockKind.content);
    expect(passed()).toHaveLength(STAGE_AHEAD);
    used(0);
    expect(numbers(passed())).toEqual([STAGE_AHEAD]);
  });

  test("follow a broken one only when it has come again, and none is lost or used twice", () => {
    const { hear, used, passed } = newReceiver();
    for (let block = 0; block < 4; block++) hear(block, BlockKind.content);
    expect(numbers(passed())).toEqual([0, 1, 2, 3]);
    used(0);
    used(1, { good: false });
    used(2, { good: false, skipped: true });
    hear(1, BlockKind.content);
    expect(numbers(passed())).toEqual([]);
    used(3, { good: false, skipped: true });
    expect(numbers(passed())).toEqual([1, 2, 3]);
    for (const block of [1, 2, 3]) used(block);
    hear(4, BlockKind.verdict | DataFlag.final);
    expect(numbers(passed())).toEqual([4]);
  });

  test("that were passed before the push failed change nothing any more", () => {
    const { receiver, hear, used, passed } = newReceiver();
    for (let block = 0; block < 3; block++) hear(block, BlockKind.content);
    passed();
    used(0, { failure: { errno: 28, step: FailStep.write, entry: undefined } });
    used(1);
    expect(receiver.state).toBe("failed");
    expect([receiver.blocks, passed()]).toEqual([1, []]);
  });
});
