import type { MessagePort } from "node:worker_threads";
import type { EngineStatus } from "../engine/ports.ts";
import type { NodeId } from "../wire/brand.ts";
import { openMemory } from "./arena.ts";
import type { DaemonStatus } from "./console-daemon.ts";
import { mergeCounters } from "./counters.ts";
import type { DaemonSettings } from "./daemon-settings.ts";
import { EngineClient } from "./engine-client.ts";
import { withErrorText } from "./errno-text.ts";
import { fault } from "./fault.ts";
import type { Log } from "./log.ts";
import { PassedOn } from "./memory.ts";
import type { Network } from "./network-setup.ts";
import { namesBytes } from "./push-lines.ts";
import { openWake, wake } from "./shim.ts";
import {
  ARE_YOU_THERE,
  type DiskThreadData,
  type EngineNotice,
  type LoadedThread,
  loadThread,
  openChannel,
  type SourceNotice,
  type StageNotice,
  type ThreadName,
} from "./threads.ts";

/** What changes of a status. */
type LiveStatus = Pick<DaemonStatus, "engine" | "rate" | "counters">;

/** What the disk threads must know of the daemon's settings. */
export type DiskSettings = Pick<
  DiskThreadData,
  "base" | "shownBase" | "ownerMatch" | "devices" | "fsync" | "logLevel"
>;

/** The other threads, and what passes between them and this one. */
export class Threads {
  readonly engine: EngineClient;
  readonly #disk: DiskSettings;
  readonly #log: Log;
  readonly #memory = openMemory();
  readonly #passedOn = new PassedOn();
  readonly #wakeFd = openWake();
  readonly #loaded = new Map<ThreadName, Promise<LoadedThread>>();
  readonly #channels = { main: openChannel(), source: openChannel(), stage: openChannel() };
  /** This thread's ends of the channels to the disk threads that have been started. */
  readonly #disks = new Map<ThreadName, MessagePort>();
  /** Who waits for a sign of life of a disk thread. */
  readonly #waiting = new Map<ThreadName, () => void>();
  /** Statuses that wait for their second half, the traffic. */
  readonly #halves: { readonly engine: EngineStatus; readonly answer: (status: LiveStatus) => void }[] = [];

  constructor(disk: DiskSettings, log: Log) {
    this.#disk = disk;
    this.#log = log;
    const port = this.#channels.main.here;
    this.engine = new EngineClient((command) => {
      port.postMessage(command);
      wake(this.#wakeFd);
    });
  }

  /** Resolves when these threads have read all their files. Those that are not named do it when they are needed. */
  async load(names: readonly ThreadName[]): Promise<void> {
    await Promise.all(names.map((name) => this.#load(name)));
  }

  #load(name: ThreadName): Promise<LoadedThread> {
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const loading = loadThread(name, fault);
    this.#loaded.set(name, loading);
    return loading;
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
    main.here.on("message", (notices: readonly EngineNotice[]) => {
      for (const notice of notices) this.#onEngine(notice);
    });
    const config = {
      node,
      epoch: BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1_000)),
      name: settings.name,
      version,
      group: network.group,
      mtu: network.mtu,
      // Half of what is granted goes to the kernel's own overhead.
      receiveBuffer: Math.floor(network.facts.groupReceiveBuffer / 2),
      noReceive: settings.noReceive,
      noSend: settings.noSend,
      rateLimit: settings.rateLimit,
    };
    const ports = { main: main.there, source: source.here, stage: stage.here };
    const engine = await this.#load("engine");
    engine.begin({ config, net: network.net, memory: this.#memory, wakeFd: this.#wakeFd, ...ports });
  }

  stop(): void {
    this.engine.stop();
  }

  status(answer: (status: LiveStatus) => void): void {
    this.engine.status((engine) => this.#halves.push({ engine, answer }));
  }

  /** Asks a thread for a sign of life; false if it has not been started. The answer to an earlier question need not have come. */
  ask(thread: ThreadName, answer: () => void): boolean {
    if (thread === "engine") {
      this.status(answer);
      return true;
    }
    const port = this.#disks.get(thread);
    if (port === undefined) return false;
    this.#waiting.set(thread, answer);
    port.postMessage(ARE_YOU_THERE);
    return true;
  }

  #onEngine(notice: EngineNotice): void {
    switch (notice.kind) {
      case "event":
        if (notice.event.kind === "log") this.#log(notice.event.level, withErrorText(notice.event.text));
        else if (notice.event.kind === "stopped") this.#stopped();
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

  /** The group knows that this member leaves, and nothing is under way. */
  #stopped(): never {
    this.#log(0, "has stopped");
    process.exit(0);
  }

  #startSource(): void {
    this.#startDisk("source").on("message", (notice: SourceNotice) => {
      if (notice.kind === "lines") {
        this.engine.onLines(notice.key, notice.lines);
        this.#passedOn.add(namesBytes(notice.lines));
      } else if (notice.kind === "closed") this.engine.onSourceClosed(notice.key);
      else if (notice.kind === "alive") this.#waiting.get("source")?.();
      else this.#log(notice.level, notice.text);
    });
  }

  /** Resolves when leftovers are gone. */
  #startStage(): Promise<void> {
    const port = this.#startDisk("stage");
    return new Promise((resolve) => {
      port.on("message", (notice: StageNotice) => {
        if (notice.kind === "log") this.#log(notice.level, notice.text);
        else if (notice.kind === "alive") this.#waiting.get("stage")?.();
        else resolve();
      });
    });
  }

  #startDisk(name: "source" | "stage"): MessagePort {
    const { here, there } = openChannel();
    this.#disks.set(name, here);
    const { arena, slotBytes } = this.#memory;
    const ends = { engine: this.#channels[name].there, engineWakeFd: this.#wakeFd, main: there };
    this.#load(name).then((thread) => thread.begin({ ...this.#disk, arena, slotBytes, ...ends }), fault);
    return here;
  }
}
