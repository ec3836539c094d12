import type { FailStep } from "../wire/constants.ts";
import type { PushKey } from "../wire/disk-port.ts";
import { errorText } from "./errno.ts";

/**
 * What the source has to say to the user, by entry name; it goes to the console, past the engine. Paths are raw bytes: whoever shows them
 * escapes them.
 */
export type SourceLine =
  /** Answer to `names`: of one section, the entries that change (or would change) at `host`, and those that do not. */
  | {
      readonly kind: "names";
      readonly key: PushKey;
      readonly host: string;
      readonly updated: readonly Uint8Array[];
      readonly skipped: readonly Uint8Array[];
    }
  /** Answer to `explain`: why `host` could not take the push. The path is of an entry, or of the host's own tree; none: no name is to blame. */
  | {
      readonly kind: "failure";
      readonly key: PushKey;
      readonly host: string;
      readonly path: Uint8Array | undefined;
      readonly errno: number;
      readonly step: FailStep;
    }
  /** Something below the selected paths that is not sent, or not as it should be. Unless `isNotice`, the push is not complete and its exit status not 0. */
  | {
      readonly kind: "problem";
      readonly key: PushKey;
      readonly path: Uint8Array;
      readonly problem: Problem;
      /** 0 where no system call failed. */
      readonly errno: number;
    };

/**
 * "socket", "foreign", "excluded": left out on purpose; the second belongs to another user than this daemon, which sends only what is its own;
 * the third was selected, but is excluded. "group": it is sent, but its group could not be changed before. "changed": it changed each time it was read. "vanished", "unreadable": gone, or not to be
 * read, after it was listed. "unlisted": a directory whose content is unknown. "long": its path, name or target is longer than a manifest
 * can say. "unsupported": its owner, size, time or target is none at all.
 */
export type Problem =
  | "socket"
  | "foreign"
  | "excluded"
  | "group"
  | "changed"
  | "vanished"
  | "unreadable"
  | "unlisted"
  | "long"
  | "unsupported";

/** Whether a problem is only worth a notice: what is left out is not what makuosan sends. */
export function isNotice(problem: Problem): boolean {
  return problem === "socket" || problem === "foreign" || problem === "excluded";
}

/** What a problem line says before the path: `skip: unix domain socket`. */
export function problemText(problem: Problem, errno: number): string {
  switch (problem) {
    case "socket":
      return "skip: unix domain socket";
    case "foreign":
      return "skip: owned by another user:";
    case "excluded":
      return "skip: excluded:";
    case "group":
      return `error: cannot change the group (${errorText(errno)}):`;
    case "changed":
      return "error: changed while it was read:";
    case "vanished":
      return "error: vanished while it was read:";
    case "unreadable":
      return `error: cannot read (${errorText(errno)}):`;
    case "unlisted":
      return `error: cannot list (${errorText(errno)}):`;
    case "long":
      return "error: cannot send, name too long:";
    case "unsupported":
      return "error: cannot send, owner, size, time or link target out of range:";
  }
}
