import type { NodeId } from "../wire/brand.ts";
import { checkBase, findBase, lockBase } from "./base-directory.ts";
import { type ConsoleOutput, type ConsoleSession, listenConsole } from "./console.ts";
import type { ConsoleDaemon } from "./console-daemon.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import { systemErrorText } from "./errno-text.ts";
import { type Log, openLog } from "./log.ts";
import { describeNetwork, findInterface, openNetwork } from "./network-setup.ts";
import { assumeIdentity, resolveIdentity } from "./privileges.ts";
import { findGroup, setProcessName } from "./shim.ts";
import { StartFailure } from "./start-failure.ts";
import { Threads } from "./thread-group.ts";

export type DaemonParts = {
  readonly settings: DaemonSettings;
  readonly version: string;
  /** Begins the conversation with a console. */
  openSession(daemon: ConsoleDaemon, output: ConsoleOutput): ConsoleSession;
};

/** After a signal, the process ends at the latest then. */
const stopPatienceMs = 2_500;

/**
 * Starts the daemon: everything that can be wrong is found out before the group hears of it. Throws StartFailure; when it returns, the
 * daemon is up, and the process ends by signal or fault only.
 */
export async function startDaemon(parts: DaemonParts): Promise<void> {
  const { settings, version } = parts;
  setProcessName("makuosan");
  const base = findBase(settings.base);
  const identity = resolveIdentity(settings);
  const on = findInterface(settings);
  const node = randomNode();
  const log = openLog(settings.logLevel);
  const threads = new Threads(
    { base, shownBase: base, ownerMatch: settings.ownerMatch, devices: settings.devices },
    log,
  );
  const running = new Set<{ readonly command: string }>();
  const daemon: ConsoleDaemon = {
    engine: threads.engine,
    name: settings.name,
    group: `${settings.multicast}:${settings.port}`,
    shownBase: base,
    noSend: settings.noSend,
    password: undefined,
    resolveGroup: (group) => {
      const found = findGroup(group);
      return "kind" in found ? undefined : found.gid;
    },
    status: (answer) =>
      threads.status((live) =>
        answer({ ...live, ...fixed(), commands: [...running].map((item) => item.command) }),
      ),
    track: (command) => {
      const item = { command };
      running.add(item);
      return () => running.delete(item);
    },
  };
  openConsole(parts, daemon, log);
  const network = openNetwork(settings, node, on);
  const fixed = () => ({
    process: process.pid,
    version,
    base,
    chroot: false,
    receiveBuffer: network.facts.groupReceiveBuffer,
    sendBuffer: network.facts.unicastSendBuffer,
    rateLimit: settings.rateLimit,
  });
  if (identity !== undefined) {
    // Whom we become need not be able to read the program.
    await threads.load(["engine", "source", "stage"]);
    assumeIdentity(identity);
  }
  checkBase(base, { receives: true });
  const unlocked = lockBase(base);
  if (unlocked !== undefined) log(0, unlocked);
  process.chdir("/");
  endOnSignals(threads);
  await threads.start({ settings, version, node, network });
  const { facts, advice } = describeNetwork(network);
  log(0, `${settings.name} (node ${node.toString(16).padStart(16, "0")}) is up: ${facts}`);
  log(0, "the group is open: no key, so whoever reaches it may send to this host");
  for (const text of advice) log(0, text);
}

function openConsole(parts: DaemonParts, daemon: ConsoleDaemon, log: Log): void {
  const { listen: hostname, port } = parts.settings;
  if (hostname === undefined) return;
  try {
    listenConsole({ hostname, port, open: (output) => parts.openSession(daemon, output), log });
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

function endOnSignals(threads: Threads): void {
  const stop = () => {
    threads.stop();
    setTimeout(() => process.exit(0), stopPatienceMs);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

/** 64 random bits, not zero (PROTOCOL §1.4). */
function randomNode(): NodeId {
  const [bits = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  return (bits === 0n ? 1n : bits) as NodeId;
}
