import { errorText } from "../disk/errno.ts";
import { checkBase, lockBase } from "./base-directory.ts";
import { Credentials } from "./daemon-credentials.ts";
import type { Prepared } from "./daemon-prepare.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import { changeRoot, listGroups, setCoreDumps } from "./daemon-shim.ts";
import type { Log } from "./log.ts";
import { assumeIdentity } from "./privileges.ts";
import { findGroup } from "./shim.ts";
import { StartFailure } from "./start-failure.ts";

/** The base directory's name in a chroot. */
export const CHROOT_BASE = "/";

/**
 * Gives up what the daemon does not need: the file system outside the base if so wanted, then the privileges; makes sure that it took, and
 * that the base can be worked with then, and takes the base for this process. Throws StartFailure. Whatever lies outside the base and is needed later
 * must be open.
 */
export function confine(settings: DaemonSettings, prepared: Prepared, log: Log): void {
  const { identity } = prepared;
  const credentials = identity === undefined ? undefined : new Credentials();
  if (settings.chroot) {
    const failed = changeRoot(prepared.base);
    if (failed !== undefined)
      throw new StartFailure(
        `cannot make the base directory the root (-c): ${errorText(failed.errno)}${process.geteuid?.() === 0 ? "" : "; only root can"}`,
      );
  }
  if (identity !== undefined) {
    assumeIdentity(identity);
    credentials?.check(identity);
  }
  const core = setCoreDumps({ allowed: settings.coreDumps });
  if (core !== undefined) log(0, `cannot set the limit of core dumps: ${errorText(core.errno)}`);
  if (settings.chroot && process.geteuid?.() === 0)
    log(0, "root can leave a chroot: name another user with -u");
  const base = settings.chroot ? CHROOT_BASE : prepared.base;
  checkBase(base, { receives: !settings.noReceive });
  const unlocked = lockBase(base);
  if (unlocked !== undefined) log(0, unlocked);
  process.chdir("/");
}

/**
 * Looks up groups by name or number, now or, for a process that will have no group database, by what there is now. A number needs no
 * entry.
 */
export function groupResolver(settings: DaemonSettings, log: Log): (group: string) => number | undefined {
  const look = (group: string) => {
    const found = findGroup(group);
    return "kind" in found ? undefined : found.gid;
  };
  if (!settings.chroot) return look;
  const known = listGroups();
  if ("kind" in known) {
    log(0, `cannot list the groups, so consoles can name them by number only: ${errorText(known.errno)}`);
    return (group) => (/^\d/.test(group) ? look(group) : undefined);
  }
  return (group) => known.get(group) ?? (/^\d/.test(group) ? look(group) : undefined);
}
