import { accessSync, constants, openSync, realpathSync, statSync } from "node:fs";
import { errorText } from "../disk/errno.ts";
import { systemErrorText } from "./errno-text.ts";
import { shim } from "./ffi.ts";
import { StartFailure } from "./start-failure.ts";

const LINUX_EWOULDBLOCK = 11;

/** Paths are bytes, one character each. */

/** The real path of the base directory. Throws StartFailure if it is none. */
export function findBase(base: string): string {
  try {
    const real = realpathSync(toPath(base), { encoding: "buffer" }).toString("latin1");
    if (statSync(toPath(real)).isDirectory()) return real;
  } catch (error) {
    throw new StartFailure(`base directory ${shown(base)}: ${systemErrorText(error)}`);
  }
  throw new StartFailure(`base directory ${shown(base)}: Not a directory`);
}

/** Makes sure that this process, as the user that it is now, can work below the base. Throws StartFailure if it cannot. */
export function checkBase(base: string, wanted: { readonly receives: boolean }): void {
  check(base, constants.R_OK | constants.X_OK, "cannot be read");
  if (wanted.receives) check(base, constants.W_OK | constants.X_OK, "cannot be written");
}

/**
 * Locks the base against other daemons for the life of this process: each removes at its start what it takes for leftovers, hence what
 * another one is staging. A lock is gone with its process however that ends. Throws StartFailure if another one has it; returns what to
 * log where the file system has no such locks (NFS cannot lock directories).
 */
export function lockBase(base: string): string | undefined {
  // Never closed: that would give the lock up.
  const fd = openSync(toPath(base), constants.O_RDONLY | constants.O_DIRECTORY);
  const result = shim.mk_fs_lock(fd);
  if (result === 0) return undefined;
  if (result === -LINUX_EWOULDBLOCK)
    throw new StartFailure(`another makuosan uses this base directory: ${shown(base)}`);
  return `base directory ${shown(base)} cannot be locked (${errorText(-result)}): no other makuosan must use it`;
}

function check(base: string, mode: number, what: string): void {
  try {
    accessSync(toPath(base), mode);
  } catch (error) {
    const who = `uid ${process.geteuid?.()}, gid ${process.getegid?.()}`;
    throw new StartFailure(`base directory ${shown(base)} ${what} by ${who}: ${systemErrorText(error)}`);
  }
}

function toPath(base: string): Buffer {
  return Buffer.from(base, "latin1");
}

function shown(base: string): string {
  return Buffer.from(base, "latin1").toString("utf8");
}
