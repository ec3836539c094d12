import type { Micros } from "../wire/brand.ts";
import type { Target } from "./target.ts";
import {
  OFFER_PATIENCE_US,
  OPENING_PATIENCE_US,
  STALL_PATIENCE_US,
  SWITCH_PATIENCE_US,
  TARGET_PATIENCE_US,
} from "./tuning.ts";

/** What an owner knows of a push when it looks for targets that hold up the others. */
export type PushView = {
  readonly openedAt: Micros;
  /** Whether targets are renaming. */
  readonly committing: boolean;
  /** Whether targets read much of their own trees to answer: the contents of files, or all names. */
  readonly reading: boolean;
  /** Whether a target that has used the blocks below `next` has used all that there will be. */
  readonly hasAll: (next: number) => boolean;
  /** Whether a target that has used the blocks below `next` keeps others waiting. */
  readonly isBehind: (target: Target) => boolean;
};

/**
 * Why the push goes on without this target, or undefined while it need not. Silence is death, soon; a target that speaks but gets no further gets
 * more time, and one that may be reading or flushing much on a slow disk gets the most. Who waits for others has all the time.
 */
export function lossOf(target: Target, push: PushView, now: Micros): string | undefined {
  if (target.phase === "offered") {
    const late = now - target.heard >= OFFER_PATIENCE_US || now - push.openedAt >= OPENING_PATIENCE_US;
    return late ? "no answer to the offer" : undefined;
  }
  if (now - target.heard >= TARGET_PATIENCE_US) return "receive time out";
  const behind = push.committing || (target.phase !== "prepared" && push.isBehind(target));
  if (!behind) target.progressAt = now;
  // Who waits for packets is at nothing else.
  const asks = now - target.askedAt < TARGET_PATIENCE_US;
  const long = push.committing || (push.reading && !asks) || push.hasAll(target.next);
  const patience = long ? SWITCH_PATIENCE_US : STALL_PATIENCE_US;
  return now - target.progressAt >= patience ? "makes no progress" : undefined;
}
