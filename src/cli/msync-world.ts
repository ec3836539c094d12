import type { MsyncPush } from "./msync-options.ts";
import type { ProgressView } from "./progress-view.ts";

/** The process around msync: its streams and its terminal. */
export type MsyncWorld = {
  /** Prints whole lines; bytes, one character each. */
  print(fd: 1 | 2, lines: readonly string[]): void;
  /** Whether a push should ask for progress; `openProgress` has the last word. */
  showsProgress(wanted: MsyncPush["progress"]): boolean;
  /** Opens the progress line; undefined: there is no terminal for it. `always`: as if there were. */
  openProgress(always: boolean): Promise<ProgressView | undefined>;
  /** Aborted when somebody wants msync to end; the reason is the signal's name. Before it is first read, signals end the process. */
  readonly stop: AbortSignal;
};
