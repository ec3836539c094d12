import { describe, expect, test } from "bun:test";
import { FeedbackTurn } from "../../src/engine/feedback-turn.ts";
import { NakReporter } from "../../src/engine/nak-reporter.ts";
import { RxWindow } from "../../src/engine/rx-window.ts";
import { NAK_BACKOFF_US, NAK_SPACING_US_MAX, TURN_TARGETS_MIN, TURN_US } from "../../src/engine/tuning.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { NAK_BITMAP_BYTES } from "../../src/wire/constants.ts";
import { drain, messages, newCore, us } from "./support.ts";

const OWNER = { ip: 9, port: 9 };

/** A receiver of one push, of which nothing arrives. */
function newReporter(targets = 4) {
  const core = newCore();
  const key = { owner: 9n as NodeId, push: 1 as PushId };
  const sizes = { symbolSize: 500, blockSymbols: 8 };
  const slots = [0, 1, 2, 3].map((slot) => slot as Slot);
  const window = new RxWindow(core.memory.rx, 0, { ...key, ...sizes, slots });
  const offer = { ...sizes, targets, dryRun: false, check: false, statusIntervalUs: 20_000, ids: [] };
  const turn = new FeedbackTurn({ targets, place: 0, named: targets, random: core.random, now: us(0) });
  const naks = new NakReporter(core, key, {
    window,
    context: 0,
    offer: { type: "offer", ...offer },
    turn,
  });
  return {
    naks,
    /** The owner has sent the blocks below `block`. */
    edge: (block: number, now: number) => {
      window.onSync({ block, symbol: 0, sequence: 0, any: false });
      naks.scan(us(now));
    },
    /** Where the NAK of now goes; undefined: to the group. */
    to: (now: number) => {
      naks.onTimeout(OWNER, us(now));
      return drain(core).map((output) => (output.kind === "control" ? output.to : "nowhere"));
    },
    /** Blocks that are asked for now, in one NAK or none. */
    asked: (now: number) => {
      naks.onTimeout(OWNER, us(now));
      const sent = messages(drain(core));
      expect(sent.length).toBeLessThanOrEqual(1);
      return sent.flatMap((nak) => (nak.type === "nak" ? nak.blocks.map(({ block }) => Number(block)) : []));
    },
  };
}

describe("NAKs of one receiver", () => {
  test("the first goes after its back-off; the next holds what is missed meanwhile, and not one microsecond sooner", () => {
    const { naks, edge, asked } = newReporter();
    naks.roundTripUs = 20_000; // Nothing is asked for twice in the time of this test.
    edge(1, 0);
    expect(asked(NAK_BACKOFF_US - 1)).toEqual([]);
    expect(asked(NAK_BACKOFF_US)).toEqual([0]);
    edge(2, NAK_BACKOFF_US);
    edge(3, 3 * NAK_BACKOFF_US);
    expect(naks.deadline()).toBe(us(NAK_BACKOFF_US + NAK_SPACING_US_MAX));
    expect(asked(NAK_BACKOFF_US + NAK_SPACING_US_MAX - 1)).toEqual([]);
    expect(asked(NAK_BACKOFF_US + NAK_SPACING_US_MAX)).toEqual([1, 2]);
  });

  test.each([
    [4, 20_000, 20_000],
    [4, 3_000, 6_000],
    [4, 200, 1_000],
    [15, 200, 1_500],
    [16, 200, 10_000],
  ])("with %i targets and a round trip of %i us, NAKs are %i us apart", (targets, roundTripUs, spacingUs) => {
    const { naks, edge } = newReporter(targets);
    naks.roundTripUs = roundTripUs;
    edge(1, 0);
    const first = naks.deadline();
    naks.onTimeout(OWNER, first);
    edge(2, first);
    // Of what is new the back-off is over sooner; in turns the next one after that counts.
    const turnUs = targets < TURN_TARGETS_MIN ? 0 : targets * TURN_US;
    expect(naks.deadline()).toBeGreaterThanOrEqual(us(first + spacingUs));
    expect(naks.deadline()).toBeLessThanOrEqual(us(first + spacingUs + turnUs));
  });

  test("with fewer than 16 targets they go to the owner alone, and what others ask for makes nobody quiet; else to the group", () => {
    const first = { block: 0 as BlockIndex, missing: new Uint8Array(NAK_BITMAP_BYTES).fill(0xff) };
    for (const targets of [TURN_TARGETS_MIN - 1, TURN_TARGETS_MIN]) {
      const { naks, edge, to } = newReporter(targets);
      naks.roundTripUs = 20_000;
      edge(1, 0);
      naks.onHeard([first], us(1));
      const at = naks.deadline();
      expect(to(at)).toEqual(targets < TURN_TARGETS_MIN ? [OWNER] : []);
      if (targets < TURN_TARGETS_MIN) continue;
      edge(2, at);
      expect(to(naks.deadline())).toEqual([undefined]);
    }
  });
});
