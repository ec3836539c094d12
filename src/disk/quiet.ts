import type { Ages, Stat } from "./sys.ts";

/**
 * Whether a file that has the same times before and after it was read was whole, and was not changed meanwhile. Two things could hide a change:
 *
 * 1. Several changes within one tick of the clock leave one time.
 * 2. A write leaves its time before it has put the first byte, however long it then takes.
 *
 * Where nothing more is known, a file must have been left alone for a while when it is opened; else it is read again after that while, and must be
 * the same. That is a guess about ticks and about how long a write may be held up. Where the system tells more there is no need to guess or to wait.
 * Let the file be looked at (its time of change is C), then be found at rest (`Sys.atRest`, at a moment R), then read, found at rest once more, and
 * looked at again, C being the same:
 *
 * - No write was under way at R, since whoever writes has the file open for writing, or has it mapped so. So all that came before R was there, whole,
 *   when reading began: nothing of 2 is left.
 * - Each change after R has a time that is not earlier than the file system's clock was before the first look. If that clock had already passed C by
 *   then, the change has another time than C, and the second look sees it, as the time is set before the first byte: nothing of 1 is left. A hole
 *   in a file of tmpfs has its time only when it is made. Whoever makes it has the file open for writing until then, and is not at rest.
 *
 * So a tick between the last change and the first look is all that is needed, which has gone by before msync has reached the daemon. Neither holds
 * for times in whole seconds, as of an ext4 with small inodes; nor, as ever, for a mapping of tmpfs, whose writes leave no time at all, that is made
 * and gone between the two moments.
 *
 * Files that have been left alone for a while are not asked. But one write may take seconds, with its time from the start: of gigabytes, or where the
 * disk cannot keep up and the kernel holds the writer back. So, where the system tells more, they are read when what is under way has ended
 * (`Sys.awaitWrites`), which the second look then sees if it began after the first, and small ones, whose writes are short, if they changed in the last
 * minute. Of these, as ever, a hole that is being made in a file of tmpfs all the while is not seen.
 */

type Times = Pick<Stat, "changedNs" | "seconds" | "nanoseconds">;

const SECOND_NS = 1_000_000_000n;
/** Ticks are 10 ms at most, and where nobody can tell, a write of a few hundred megabytes is taken to last no longer than this. */
const QUIET_NS = 100_000_000n;
/** A write of what a small file has does not last so long. */
const FRESH_NS = 60n * SECOND_NS;
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

/** Only of young files need be asked whether they are at rest; of small ones, only fresh ones need be waited for. */
export function agesAt(nowNs: bigint): Ages {
  return { youngNs: nowNs - QUIET_NS, freshNs: nowNs - FRESH_NS };
}

/**
 * Whether the times of a file, if they are the same again after it was read, prove that it was read whole. `nowNs` is from before the first look,
 * `atRest` from between that and reading, and
 * again from between reading and the last look.
 */
export function provesWhole(times: Times, at: { readonly nowNs: bigint; readonly atRest: boolean }): boolean {
  if (quietInNs(times, at.nowNs) === 0n) return true;
  return at.atRest && times.changedNs < at.nowNs && times.changedNs % SECOND_NS !== 0n;
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
