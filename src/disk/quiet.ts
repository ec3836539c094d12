import type { Stat } from "./sys.ts";

/**
 * Whether a file has been left alone long enough for its times to tell of a further change. They need not: several changes within one tick of
 * the clock leave one time, and a write leaves its time before it has put the first byte, however long it then takes.
 */

type Times = Pick<Stat, "changedNs" | "seconds" | "nanoseconds">;

const SECOND_NS = 1_000_000_000n;
/** Ticks are 10 ms at most, and a write of a few hundred megabytes takes no longer than this. */
const QUIET_NS = 100_000_000n;
/** Where times are whole seconds the file system may well count in no less than two of them (FAT). */
const QUIET_COARSE_NS = 2n * SECOND_NS + QUIET_NS;
/** A timer may be early by a part of its unit, and the clock of file times is late by up to a tick. */
const SLACK_MS = 10;

/**
 * Nanoseconds that a file with these times is still to be left alone, at `nowNs` (`Sys.nowNs`); 0: long enough. Never longer than the longest
 * margin: a time to come was set by another clock, and says nothing but whether it is still the same after that wait.
 */
export function quietInNs(times: Times, nowNs: bigint): bigint {
  const changed = waitNs(times.changedNs, nowNs);
  // Some file systems know no time of change. A time of modification to come, though, may just have been set.
  const modifiedNs = times.seconds * SECOND_NS + BigInt(times.nanoseconds);
  const modified = modifiedNs <= nowNs ? waitNs(modifiedNs, nowNs) : 0n;
  return changed > modified ? changed : modified;
}

/** A wait of so many nanoseconds in whole milliseconds, or of a quiet file's margin if that is longer. */
export function pauseMs(ns: bigint, { atLeastQuiet = false } = {}): number {
  return Number((atLeastQuiet && ns < QUIET_NS ? QUIET_NS : ns) / 1_000_000n) + SLACK_MS;
}

function waitNs(timeNs: bigint, nowNs: bigint): bigint {
  const margin = timeNs % SECOND_NS === 0n ? QUIET_COARSE_NS : QUIET_NS;
  const age = nowNs - timeNs;
  if (age < 0n) return margin;
  return age < margin ? margin - age : 0n;
}
