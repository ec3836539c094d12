import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { systemErrorText } from "./errno-text.ts";
import { StartFailure } from "./start-failure.ts";

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
