import type { NodeId } from "../wire/brand.ts";
import type { ConsoleOutput, ConsoleSession } from "./console.ts";
import type { ConsoleDaemon } from "./console-daemon.ts";
import { Background } from "./daemon-background.ts";
import { CHROOT_BASE, confine, groupResolver } from "./daemon-confine.ts";
import { openConsoles } from "./daemon-console.ts";
import { ServiceManager } from "./daemon-manager.ts";
import { prepareDaemon } from "./daemon-prepare.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import { Watchdog } from "./daemon-watchdog.ts";
import { Logger } from "./log.ts";
import { releaseProgram, settleMemory } from "./memory.ts";
import { describeNetwork, type Network, openNetwork } from "./network-setup.ts";
import { setProcessName } from "./shim.ts";
import { Threads } from "./thread-group.ts";

export type DaemonParts = {
  readonly settings: DaemonSettings;
  readonly version: string;
  /** Whether this is the second process, whose first one waits (daemon-background.ts). */
  readonly background: boolean;
  /** Begins the conversation with a console. */
  openSession(daemon: ConsoleDaemon, output: ConsoleOutput): ConsoleSession;
};

/** After a signal, the process ends at the latest then. */
const stopPatienceMs = 2_500;
/** Memory that the start has used is freed so long after it. */
const settleMs = 1_000;
/** So often within the service manager's time it is told that all is well. */
const looksInTime = 4;

/**
 * Starts the daemon: everything that can be wrong is found out before the group hears of it. Throws StartFailure; when it returns, the
 * daemon is up, and the process ends by signal or fault only.
 */
export async function startDaemon(parts: DaemonParts): Promise<void> {
  const { settings, version } = parts;
  setProcessName("makuosan");
  const prepared = prepareDaemon(settings);
  const { base, identity, interface: on, password } = prepared;
  const { logLevel: level, logFile: file, chroot } = settings;
  const logger = new Logger({ level, file, owner: identity, quiet: parts.background });
  const { log } = logger;
  const manager = new ServiceManager(process.env);
  const background = parts.background ? new Background() : undefined;
  const node = randomNode();
  const { ownerMatch, devices, fsync } = settings;
  const threads = new Threads(
    {
      base: chroot ? CHROOT_BASE : base,
      shownBase: base,
      ownerMatch,
      devices,
      fsync,
      logLevel: logger.level,
    },
    log,
  );
  const signals = takeSignals(threads, logger, manager);
  const network = openNetwork(settings, node, on);
  const daemon = describeDaemon(parts, {
    base,
    password,
    threads,
    network,
    resolve: groupResolver(settings, log),
  });
  const open = (output: ConsoleOutput) => parts.openSession(daemon, output);
  const consoles = await openConsoles(settings, { open, log }, identity);
  process.on("exit", () => {
    // In a chroot the name would be another one; the next start removes the socket then.
    if (!chroot) consoles.stop();
  });
  // Whom we become need not be able to read the program, and a chroot does not have it.
  if (identity !== undefined || chroot) await threads.load(["engine", "source", "stage"]);
  if (chroot) logger.confine();
  confine(settings, prepared, log);
  await threads.start({ settings, version, node, network });
  signals.up();
  sayUp(settings, node, network, logger);
  // Whoever waits may ask for something at once: the engine has said that it is there.
  await new Promise<void>((resolve) => void threads.ask("engine", resolve));
  watch(threads, manager);
  background?.up();
  if (background !== undefined) logger.leaveStderr();
  manager.ready();
  setTimeout(() => {
    settleMemory();
    releaseProgram();
  }, settleMs).unref();
}

function sayUp(settings: DaemonSettings, node: NodeId, network: Network, logger: Logger): void {
  const { facts, advice } = describeNetwork(network);
  const { log } = logger;
  log(0, `${settings.name} (node ${node.toString(16).padStart(16, "0")}) is up: ${facts}`);
  log(0, "the group is open: no key, so whoever reaches it may send to this host");
  for (const text of advice) log(0, text);
}

/** The daemon, as its consoles see it. */
function describeDaemon(
  parts: DaemonParts,
  what: {
    readonly base: string;
    readonly password: Uint8Array | undefined;
    readonly threads: Threads;
    readonly network: Network;
    readonly resolve: (group: string) => number | undefined;
  },
): ConsoleDaemon {
  const { settings, version } = parts;
  const { base, threads, network } = what;
  const running = new Set<{ readonly command: string }>();
  const fixed = {
    process: process.pid,
    version,
    base,
    chroot: settings.chroot,
    receiveBuffer: network.facts.groupReceiveBuffer,
    sendBuffer: network.facts.unicastSendBuffer,
    rateLimit: settings.rateLimit,
  };
  return {
    engine: threads.engine,
    name: settings.name,
    group: network.group,
    shownBase: base,
    noSend: settings.noSend,
    compressLevel: settings.compressLevel,
    password: what.password,
    resolveGroup: what.resolve,
    status: (answer) =>
      threads.status((live) =>
        answer({ ...live, ...fixed, commands: [...running].map((item) => item.command) }),
      ),
    track: (command) => {
      const item = { command };
      running.add(item);
      return () => running.delete(item);
    },
  };
}

/** Takes over the signals of makuosan(8). Before `up`, one that ends the daemon ends it at once. */
function takeSignals(threads: Threads, logger: Logger, manager: ServiceManager): { up(): void } {
  let isUp = false;
  const stop = () => {
    if (!isUp) process.exit(0);
    manager.stopping();
    threads.stop();
    setTimeout(() => process.exit(0), stopPatienceMs);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGUSR1", () => logger.turn(1));
  process.on("SIGUSR2", () => logger.turn(-1));
  process.on("SIGHUP", () => {
    if (isUp) manager.reloading();
    logger.reopen();
    if (isUp) manager.ready();
  });
  return {
    up: () => {
      isUp = true;
    },
  };
}

/** Vouches for the threads, if the service manager wants that. */
function watch(threads: Threads, manager: ServiceManager): void {
  if (manager.watchdogUs === undefined) return;
  const everyMs = manager.watchdogUs / 1_000 / looksInTime;
  const watchdog = new Watchdog({
    ask: (thread, answer) => threads.ask(thread, answer),
    alive: () => manager.alive(),
    now: () => performance.now(),
    enginePatienceMs: everyMs,
  });
  watchdog.look();
  setInterval(() => watchdog.look(), everyMs);
}

/** 64 random bits, not zero (PROTOCOL §1.4). */
function randomNode(): NodeId {
  const [bits = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  return (bits === 0n ? 1n : bits) as NodeId;
}
