import { type ConsoleService, listenConsole, listenUnixConsole } from "./console.ts";
import { ConsolePool } from "./console-pool.ts";
import { absolutePath } from "./daemon-files.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import { systemErrorText } from "./errno-text.ts";
import type { Identity } from "./privileges.ts";
import { StartFailure } from "./start-failure.ts";

/**
 * Opens the daemon's consoles, those that are wanted: on TCP, at a unix socket that will belong to `owner`, both, or none. Throws StartFailure.
 * `stop` removes the socket's name; it must not be called when that name means something else.
 */
export async function openConsoles(
  settings: Pick<DaemonSettings, "listen" | "port" | "unixSocket">,
  service: Pick<ConsoleService, "open" | "log">,
  owner: Pick<Identity, "uid" | "gid"> | undefined,
): Promise<{ stop(): void }> {
  const all = { ...service, pool: new ConsolePool() };
  if (settings.listen !== undefined) openPort(settings.listen, settings.port, all);
  if (settings.unixSocket === undefined) return { stop: () => {} };
  return await listenUnixConsole({ ...all, path: absolutePath(settings.unixSocket), owner });
}

function openPort(hostname: string, port: number, service: ConsoleService): void {
  try {
    listenConsole({ ...service, hostname, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const known: Readonly<Record<string, string>> = {
      EADDRINUSE: "the port is in use; is another makuosan running?",
      EADDRNOTAVAIL: "this host does not have that address",
    };
    throw new StartFailure(
      `console at ${hostname} port ${port}: ${known[code ?? ""] ?? systemErrorText(error)}`,
    );
  }
}
