import { closeSync, fstatSync, readFileSync, readSync, writeSync } from "node:fs";
import { errorText } from "../disk/errno.ts";
import { openNull, READY_FD, replaceStandard, spawnSelf } from "./daemon-shim.ts";
import { StartFailure } from "./start-failure.ts";

/**
 * The way to the background. A process of Bun cannot fork, so the one that was started starts the same program again, with the same arguments in
 * the same directory, and waits until that one is up, or has ended. What the second one has to say until then, it says on the stderr of the first.
 */

/** Tells the second process that it is the second. */
const MARK = "MAKUOSAN_BACKGROUND";
const UP = "up";

/** Exit status of the first process when the second one does not come up. */
export const BACKGROUND_FAILURE_STATUS = 1;

/** Whether this process is the second one. */
export function isBackground(): boolean {
  if (process.env[MARK] !== String(READY_FD)) return false;
  try {
    return fstatSync(READY_FD).isFIFO();
  } catch {
    return false;
  }
}

/** Starts the second process and waits until it is up, or not. Returns what then goes to stderr, if anything, and the exit status. */
export function startInBackground(): { readonly status: number; readonly text: string } {
  const variables = Buffer.concat([readFileSync("/proc/self/environ"), Buffer.from(`${MARK}=${READY_FD}\0`)]);
  const started = spawnSelf(readFileSync("/proc/self/cmdline"), variables);
  if ("kind" in started) throw new StartFailure(`cannot start another process: ${errorText(started.errno)}`);
  if (readAll(started.readFd) === UP) return { status: 0, text: "" };
  const { status, signal } = started.wait();
  // It has said itself why it ends with another status.
  if (signal !== 0) return failure(`the daemon was ended by signal ${signal} before it was up`);
  return status === 0
    ? failure("the daemon was ended before it was up")
    : { status: BACKGROUND_FAILURE_STATUS, text: "" };
}

function failure(text: string): { readonly status: number; readonly text: string } {
  return { status: BACKGROUND_FAILURE_STATUS, text };
}

/** What comes until the other side closes, by itself or by its end. */
function readAll(fd: number): string {
  const buffer = Buffer.alloc(UP.length);
  let bytes = 0;
  for (let more = true; more && bytes < buffer.length; ) {
    const count = readSync(fd, buffer, bytes, buffer.length - bytes, null);
    bytes += count;
    more = count > 0;
  }
  return buffer.toString("latin1", 0, bytes);
}

/** The second process's side. */
export class Background {
  readonly #null: number;

  /** Opens what is needed later, when there may be no way to it. Throws StartFailure. */
  constructor() {
    const opened = openNull();
    if (typeof opened !== "number")
      throw new StartFailure(`cannot open /dev/null: ${errorText(opened.errno)}`);
    this.#null = opened;
  }

  /** Lets go of the first process's input and output, and lets it end. */
  up(): void {
    const failed = replaceStandard(this.#null);
    if (failed !== undefined) throw new StartFailure(`cannot let go of stderr: ${errorText(failed.errno)}`);
    closeSync(this.#null);
    try {
      writeSync(READY_FD, UP);
    } catch {
      // Nobody waits any more.
    }
    closeSync(READY_FD);
  }
}
