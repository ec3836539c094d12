import type { Prng } from "../support/prng.ts";
import type { EventQueue } from "./event-queue.ts";
import type { HostTree } from "./host-tree.ts";
import type { Journal } from "./journal.ts";
import type { ContentNumbers } from "./tree.ts";

/** Rates in parts per million of the occasions where the fault is possible; delays in microseconds. */
export type DiskFaults = {
  /** The source gives up in the middle. */
  sourceFail: number;
  /** A file changes while it is read; is unreadable. */
  fileChange: number;
  fileUnreadable: number;
  /** The stage refuses to open; is full in the middle; cannot flush; cannot rename; finds a bad digest where there is none. */
  refuse: number;
  full: number;
  prepareFail: number;
  commitFail: number;
  badDigest: number;
  /** A request takes up to `slowUs` longer. */
  slow: number;
  slowUs: number;
  /** To flush takes up to this much longer. */
  flushUs: number;
};

export const NO_DISK_FAULTS: DiskFaults = {
  sourceFail: 0,
  fileChange: 0,
  fileUnreadable: 0,
  refuse: 0,
  full: 0,
  prepareFail: 0,
  commitFail: 0,
  badDigest: 0,
  slow: 0,
  slowUs: 0,
  flushUs: 0,
};

/** What both sides of a simulated disk know of their host and of the process that uses them. */
export type DiskEnvironment = {
  readonly queue: EventQueue;
  readonly journal: Journal;
  readonly prng: Prng;
  readonly numbers: ContentNumbers;
  readonly hostIndex: number;
  readonly hostName: string;
  readonly noReceive: boolean;
  /** Number of this run of the daemon; a restart has another one. */
  readonly run: number;
  readonly tree: HostTree;
  /** Keys of pushes with something staged: what a crash leaves behind. */
  readonly staging: Set<string>;
  readonly sectionEntries: number;
  /** The memory of a slot. */
  slot(slot: number): Uint8Array;
  /** Read anew each time: faults come and go. */
  faults(): DiskFaults;
  /** False once the process is dead: what is under way then is lost. */
  alive(): boolean;
};

/** How long a request takes. */
export function diskDelay(environment: DiskEnvironment): number {
  const { prng } = environment;
  const faults = environment.faults();
  const slow = prng.chance(faults.slow) ? prng.below(faults.slowUs) : 0;
  return prng.between(20, 400) + slow;
}
