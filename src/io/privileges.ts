import { errorText } from "../disk/errno.ts";
import { dropPrivileges, findGroup, findUser } from "./shim.ts";
import { StartFailure } from "./start-failure.ts";

/** Whom the daemon runs as, in numbers. */
export type Identity = { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };

export type IdentityWish = {
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly groups: readonly string[] | undefined;
};

/**
 * Finds out whom to become; undefined: stay who we are. A user brings its group and its supplementary groups along unless others are
 * named. Throws StartFailure for an unknown name, or when this process may not become it.
 */
export function resolveIdentity(wish: IdentityWish): Identity | undefined {
  if (wish.user === undefined && wish.group === undefined && wish.groups === undefined) return undefined;
  const now = {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
  };
  const user = wish.user === undefined ? undefined : userOf(wish.user);
  const gid = wish.group === undefined ? defaultGid(user, now.gid) : groupOf(wish.group);
  const uid = user?.uid ?? now.uid;
  if (now.uid === 0) return { uid, gid, groups: wish.groups?.map(groupOf) ?? groupsOf(wish.user, gid) };
  const same = uid === now.uid && gid === now.gid && wish.groups === undefined;
  if (!same) throw new StartFailure("only root can change the user or group (-u, -g, -G)");
  return undefined;
}

/** Becomes `identity` for good. Throws StartFailure if it does not take. */
export function assumeIdentity(identity: Identity): void {
  const failure = dropPrivileges(identity);
  if (failure !== undefined) throw new StartFailure(`cannot give up privileges: ${errorText(failure.errno)}`);
}

function userOf(user: string): { readonly uid: number; readonly gid: number | undefined } {
  const found = findUser(user);
  if ("kind" in found) throw new StartFailure(`there is no user ${user}`);
  return found;
}

function defaultGid(user: { readonly gid: number | undefined } | undefined, own: number): number {
  if (user === undefined) return own;
  // A number may belong to no user; to keep root's group would be a poor guess then.
  if (user.gid === undefined)
    throw new StartFailure("a user number without an entry has no group: name one with -g");
  return user.gid;
}

function groupOf(group: string): number {
  const found = findGroup(group);
  if ("kind" in found) throw new StartFailure(`there is no group ${group}`);
  return found.gid;
}

/** The supplementary groups of a user by name; a number, or a group alone, brings none. Root only: it uses this process to find out. */
function groupsOf(user: string | undefined, gid: number): readonly number[] {
  if (user === undefined || /^\d+$/.test(user)) return [];
  (process as typeof process & { initgroups(user: string, gid: number): void }).initgroups(user, gid);
  return (process.getgroups?.() ?? []).filter((group) => group !== gid);
}
