import { findBase } from "./base-directory.ts";
import { readSecret } from "./daemon-files.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import type { Interface } from "./interfaces.ts";
import { findInterface } from "./network-setup.ts";
import { type Identity, resolveIdentity } from "./privileges.ts";
import { StartFailure } from "./start-failure.ts";

/** What the settings mean on this host. */
export type Prepared = {
  /** Real path of the base directory as bytes, one character each. */
  readonly base: string;
  /** Whom to become; undefined: stay who we are. */
  readonly identity: Identity | undefined;
  readonly interface: Interface;
  /** What consoles have to say; undefined: nothing. */
  readonly password: Uint8Array | undefined;
};

/** Finds out whether this host can do what is asked, without starting anything. Throws StartFailure if it cannot. */
export function prepareDaemon(settings: DaemonSettings): Prepared {
  if (settings.keyFile !== undefined) {
    readSecret(settings.keyFile, "key file");
    throw new StartFailure(
      "there is no encryption in this version yet (-k): it does not start, as it would send everything in the clear",
    );
  }
  const { passwordFile } = settings;
  const base = findBase(settings.base);
  const identity = resolveIdentity(settings);
  const password = passwordFile === undefined ? undefined : readSecret(passwordFile, "password file");
  return { base, identity, interface: findInterface(settings), password };
}
