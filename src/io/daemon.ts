import type { MessagePort } from "node:worker_threads";
import type { EngineStatus } from "../engine/ports.ts";
import type { NodeId } from "../wire/brand.ts";
import { openMemory } from "./arena.ts";
import { checkBase, findBase, lockBase } from "./base-directory.ts";
import { type ConsoleOutput, type ConsoleSession, listenConsole } from "./console.ts";
import type { ConsoleDaemon, DaemonStatus } from "./console-daemon.ts";
import { mergeCounters } from "./counters.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import { EngineClient } from "./engine-client.ts";
import { systemErrorText } from "./errno-text.ts";
import { type Log, logFatal, openLog } from "./log.ts";
import { describeNetwork, findInterface, type Network, openNetwork } from "./network-setup.ts";
import { assumeIdentity, resolveIdentity } from "./privileges.ts";
import { openWake, setProcessName, wake } from "./shim.ts";
import { FAULT_STATUS, StartFailure } from "./start-failure.ts";
import {
  type EngineNotice,
  openChannel,
  type SourceNotice,
  type StageNotice,
  startThread,
} from "./threads.ts";

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
  const threads = new Threads(base, log);
  const running = new Set<{ readonly command: string }>();
  const daemon: ConsoleDaemon = {
    engine: threads.engine,
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
    receiveBuffer: network.facts.groupReceiveBuffer,
    sendBuffer: network.facts.unicastSendBuffer,
    rateLimit: settings.rateLimit,
  });
  if (identity !== undefined) assumeIdentity(identity);
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

/** What changes of a status. */
type LiveStatus = Pick<DaemonStatus, "engine" | "rate" | "counters">;

/** The other threads, and what passes between them and this one. */
class Threads {
  readonly engine: EngineClient;
  readonly #base: string;
  readonly #log: Log;
  readonly #memory = openMemory();
  readonly #wakeFd = openWake();
  readonly #channels = { main: openChannel(), source: openChannel(), stage: openChannel() };
  /** Statuses that wait for their second half, the traffic. */
  readonly #halves: { readonly engine: EngineStatus; readonly answer: (status: LiveStatus) => void }[] = [];

  constructor(base: string, log: Log) {
    this.#base = base;
    this.#log = log;
    const port = this.#channels.main.here;
    this.engine = new EngineClient((command) => {
      port.postMessage(command);
      wake(this.#wakeFd);
    });
  }

  /**
   * Starts the stage, then the engine: what an earlier process left behind is gone before the group hears of this node, and an owner's
   * patience with its offer is not spent on starting a thread. The source starts when it is needed first.
   */
  async start(what: {
    readonly settings: DaemonSettings;
    readonly version: string;
    readonly node: NodeId;
    readonly network: Network;
  }): Promise<void> {
    const { settings, version, node, network } = what;
    await this.#startStage();
    const { main, source, stage } = this.#channels;
    main.here.on("message", (notice: EngineNotice) => this.#onEngine(notice));
    const config = {
      node,
      epoch: BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1_000)),
      name: settings.name,
      version,
      group: network.group,
      mtu: network.mtu,
      // Half of what is granted goes to the kernel's own overhead.
      receiveBuffer: Math.floor(network.facts.groupReceiveBuffer / 2),
      noReceive: false,
      noSend: false,
      rateLimit: settings.rateLimit,
    };
    const ports = { main: main.there, source: source.here, stage: stage.here };
    startThread(
      "engine",
      { config, net: network.net, memory: this.#memory, wakeFd: this.#wakeFd, ...ports },
      fault,
    );
  }

  stop(): void {
    this.engine.stop();
  }

  status(answer: (status: LiveStatus) => void): void {
    this.engine.status((engine) => this.#halves.push({ engine, answer }));
  }

  #onEngine(notice: EngineNotice): void {
    switch (notice.kind) {
      case "event":
        if (notice.event.kind === "log") this.#log(notice.event.level, notice.event.text);
        else if (notice.event.kind === "stopped") process.exit(0);
        else this.engine.onEvent(notice.event);
        break;
      case "traffic": {
        const half = this.#halves.shift();
        const { rate, counters } = notice;
        half?.answer({ engine: half.engine, rate, counters: mergeCounters(half.engine.counters, counters) });
        break;
      }
      case "sourceWanted":
        this.#startSource();
        break;
    }
  }

  #startSource(): void {
    this.#startDisk("source").on("message", (notice: SourceNotice) => {
      if (notice.kind === "lines") this.engine.onLines(notice.key, notice.lines);
      else if (notice.kind === "closed") this.engine.onSourceClosed(notice.key);
      else this.#log(0, notice.text);
    });
  }

  /** Resolves when leftovers are gone. */
  #startStage(): Promise<void> {
    const port = this.#startDisk("stage");
    return new Promise((resolve) => {
      port.on("message", (notice: StageNotice) => {
        if (notice.kind === "log") this.#log(0, notice.text);
        else resolve();
      });
    });
  }

  #startDisk(name: "source" | "stage"): MessagePort {
    const { here, there } = openChannel();
    const { arena, slotBytes } = this.#memory;
    const ends = { engine: this.#channels[name].there, engineWakeFd: this.#wakeFd, main: there };
    startThread(name, { base: this.#base, arena, slotBytes, ...ends }, fault);
    return here;
  }
}

/** Our own mistake, in any thread: no state can be trusted any more. */
export function fault(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logFatal(`fault: ${text}`);
  process.exit(FAULT_STATUS);
}
