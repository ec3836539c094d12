import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { EngineConfig, EngineEvent } from "../engine/ports.ts";
import type { PushKey } from "../wire/disk-port.ts";
import type { NetMemory, OpenNet } from "./net-shim.ts";
import type { PushLine } from "./push-lines.ts";

/**
 * What the threads are given and what they tell each other. Engine and disk workers exchange arrays of the requests and replies of
 * wire/disk-port.ts; whoever posts to the engine also wakes it, as it waits for sockets and not for messages.
 */

/** The daemon's threads besides the main one. Each is a file `NAME-worker.ts` beside this one. */
export type ThreadName = "engine" | "source" | "stage";

export type EngineThreadData = {
  readonly config: EngineConfig;
  readonly net: OpenNet;
  readonly memory: NetMemory;
  readonly wakeFd: number;
  /** Takes `Command`, gives `EngineNotice`. */
  readonly main: MessagePort;
  readonly source: MessagePort;
  readonly stage: MessagePort;
};

/** From the engine's thread to the main one. */
export type EngineNotice =
  | { readonly kind: "event"; readonly event: EngineEvent }
  /** Follows each `status` event: bytes sent in the last second, and the counters of the sockets. */
  | { readonly kind: "traffic"; readonly rate: number; readonly counters: Readonly<Record<string, number>> }
  /** The first requests for the source have been posted: it should be started. */
  | { readonly kind: "sourceWanted" };

export type DiskThreadData = {
  /** Bytes, one character each. */
  readonly base: string;
  readonly arena: SharedArrayBuffer;
  readonly slotBytes: number;
  readonly engine: MessagePort;
  readonly engineWakeFd: number;
  /** Gives `SourceNotice` or `StageNotice`. */
  readonly main: MessagePort;
};

/** From the source's thread to the main one. */
export type SourceNotice =
  | { readonly kind: "lines"; readonly key: PushKey; readonly lines: readonly PushLine[] }
  | { readonly kind: "closed"; readonly key: PushKey }
  | { readonly kind: "log"; readonly text: string };

/** From the stage's thread to the main one: lines for the log, and once that leftovers are gone and it takes requests. */
export type StageNotice = { readonly kind: "ready" } | { readonly kind: "log"; readonly text: string };

/**
 * Starts a thread. `broken` is told of an error that ends it, once. The file is found beside this one in a checkout, and below `io/` of the
 * executable's own file system, where all that is not an entry point has been merged into the main file.
 */
export function startThread(
  name: ThreadName,
  data: EngineThreadData | DiskThreadData,
  broken: (error: Error) => void,
): Worker {
  const merged = import.meta.url.startsWith("file:///$bunfs/");
  const file = new URL(merged ? `./io/${name}-worker.ts` : `./${name}-worker.ts`, import.meta.url);
  const ports: MessagePort[] = [];
  for (const value of Object.values(data)) if (isPort(value)) ports.push(value);
  const worker = new Worker(file, { workerData: data, transferList: ports, name });
  worker.on("error", broken);
  return worker;
}

/** Two ends of a channel. */
export function openChannel(): { readonly here: MessagePort; readonly there: MessagePort } {
  const { port1, port2 } = new MessageChannel();
  return { here: port1, there: port2 };
}

function isPort(value: unknown): value is MessagePort {
  return typeof value === "object" && value !== null && "postMessage" in value;
}
