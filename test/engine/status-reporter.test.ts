import { describe, expect, test } from "bun:test";
import type { Core } from "../../src/engine/core.ts";
import { FeedbackTurn } from "../../src/engine/feedback-turn.ts";
import { RxWindow } from "../../src/engine/rx-window.ts";
import { StatusReporter } from "../../src/engine/status-reporter.ts";
import { DELEGATE_SPACING_US, STATUS_KEEPALIVE_US, TURN_US } from "../../src/engine/tuning.ts";
import type { NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { newCore, us } from "./support.ts";

const OWNER = 9n as NodeId;
const ME = 1n as NodeId;
const OTHERS = [4n, 5n, 6n] as NodeId[];
const NOW = us(1_000_000);
const TARGETS = 1_000;

/** A receiver's STATUS in a push to `targets`; its turns begin at NOW. */
function newReporter(targets: number): {
  readonly reporter: StatusReporter;
  readonly turn: FeedbackTurn;
  readonly send: (at: number) => void;
} {
  const core: Core = newCore();
  const key = { owner: OWNER, push: 5 as PushId };
  const turn = new FeedbackTurn({ targets, place: 0, named: 1, random: () => 0, now: NOW });
  const offer = {
    ...({ type: "offer", symbolSize: 500, blockSymbols: 10, dryRun: false, check: false } as const),
    ...{ statusIntervalUs: 64_000, targets, ids: [ME] },
  };
  const reporter = new StatusReporter(core, key, { offer, turn, now: NOW });
  const window = new RxWindow(core.memory.rx, 0, {
    ...key,
    symbolSize: 500,
    blockSymbols: 10,
    slots: [0 as Slot],
  });
  const address = { ip: 1, port: 1 };
  return {
    reporter,
    turn,
    send: (at) => reporter.send(window, { state: "receiving", address, now: us(at) }),
  };
}

describe("polls", () => {
  test("a delegate answers at once, again and again, but not too often", () => {
    const { reporter, send } = newReporter(TARGETS);
    reporter.setDelegates([ME, ...OTHERS]);
    const first = NOW + 10_000;
    reporter.polled(us(first));
    expect(reporter.deadline).toBe(us(first));
    send(first);
    reporter.polled(us(first + 10));
    expect(reporter.deadline).toBe(us(first + 4 * DELEGATE_SPACING_US));
  });

  test("who is no delegate does not answer; but after a pause, where a STATUS may be lost, in its turn", () => {
    const { reporter, send } = newReporter(TARGETS);
    send(NOW);
    reporter.setDelegates(OTHERS);
    const period = TARGETS * TURN_US;
    const keepalive = us(NOW + Math.ceil(STATUS_KEEPALIVE_US / period) * period);
    reporter.polled(us(NOW + 10));
    expect(reporter.deadline).toBe(keepalive);
    reporter.missed(us(NOW + 10));
    expect(reporter.deadline).toBe(us(NOW + period));
  });

  test("as long as no delegates are known many answer in their turns, few at once", () => {
    const many = newReporter(TARGETS);
    many.reporter.polled(us(NOW + 10));
    expect(many.reporter.deadline).toBe(us(NOW + TARGETS * TURN_US));
    const few = newReporter(3);
    few.reporter.polled(us(NOW + 10_000));
    expect(few.reporter.deadline).toBe(us(NOW + 10_000));
  });

  test("an answer to a poll leaves the turn to others; news uses it", () => {
    const { reporter, turn, send } = newReporter(TARGETS);
    reporter.setDelegates([ME]);
    reporter.polled(us(NOW + 500));
    send(NOW + 500);
    expect(turn.next(NOW)).toBe(NOW);
    reporter.now(us(NOW + 600));
    send(NOW + 600);
    expect(turn.next(NOW)).toBe(us(NOW + TARGETS * TURN_US));
  });
});
