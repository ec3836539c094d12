import { closeSync, constants, openSync, readdirSync, readSync } from "node:fs";
import { openBelow } from "./daemon-shim.ts";
import { systemErrorText } from "./errno-text.ts";
import type { Identity } from "./privileges.ts";
import { StartFailure } from "./start-failure.ts";

const STATUS_BYTES = 16_384;
const NO_CAPABILITIES = /^0*$/;

/**
 * Whom the kernel takes the threads of this process for. Made before the process gives anything up: afterwards /proc may be out of reach, and a thread
 * that starts later is what the one that starts it is.
 */
export class Credentials {
  readonly #directory: number;
  readonly #threads: readonly string[];

  /** Throws StartFailure where there is no /proc. */
  constructor() {
    const path = "/proc/self/task";
    try {
      this.#threads = readdirSync(path);
      this.#directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      throw new StartFailure(`${path}: ${systemErrorText(error)}`);
    }
  }

  /** Makes sure that every thread is `identity` and nothing else, and lets go of /proc. Throws StartFailure if one is not. */
  check(identity: Identity): void {
    for (const thread of this.#threads) {
      const status = this.#read(thread);
      const wrong = status === undefined ? undefined : differenceOf(status, identity);
      if (wrong !== undefined)
        throw new StartFailure(`cannot give up privileges: a thread still has ${wrong}`);
    }
    closeSync(this.#directory);
  }

  /** undefined: it has ended. */
  #read(thread: string): string | undefined {
    const fd = openBelow(this.#directory, `${thread}/status`);
    if (typeof fd !== "number") return undefined;
    const buffer = Buffer.alloc(STATUS_BYTES);
    try {
      return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, null));
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
  }
}

/** What a thread's status (proc_pid_status(5)) has that it should not have, in words. */
export function differenceOf(status: string, identity: Identity): string | undefined {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(status)?.[1] ?? "";
  const numbers = (name: string) => new Set(field(name).split(/\s+/).filter(Boolean).map(Number));
  const same = (name: string, wanted: ReadonlySet<number>) =>
    numbers(name).symmetricDifference(wanted).size === 0;
  // Real, effective, saved, and that of the file system.
  if (!same("Uid", new Set([identity.uid]))) return `uids ${field("Uid")}`;
  if (!same("Gid", new Set([identity.gid]))) return `gids ${field("Gid")}`;
  if (!same("Groups", new Set(identity.groups))) return `groups ${field("Groups")}`;
  if (identity.uid !== 0 && !NO_CAPABILITIES.test(field("CapPrm"))) return `capabilities ${field("CapPrm")}`;
  return undefined;
}
