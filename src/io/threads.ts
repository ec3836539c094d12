import { MessageChannel, type MessagePort, parentPort, Worker } from "node:worker_threads";
import type { EngineConfig } from "../engine/ports.ts";
import type { PushKey } from "../wire/disk-port.ts";
import type { LoopNotice } from "./engine-loop.ts";
import { settleMemory } from "./memory.ts";
import type { NetMemory, OpenNet } from "./net-shim.ts";
import type { PushLine } from "./push-lines.ts";

/**
 * What the threads are given and what they tell each other. Engine and disk workers exchange the requests and replies of
 * wire/disk-port.ts (disk-mail.ts); whoever posts to the engine also wakes it, as it waits for sockets and not for messages.
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

/** From the engine's thread to the main one, in arrays. */
export type EngineNotice =
  | LoopNotice
  /** The first requests for the source have been posted: it should be started. */
  | { readonly kind: "sourceWanted" };

export type DiskThreadData = {
  /** Bytes, one character each. */
  readonly base: string;
  /** The base directory's absolute path for people and for patterns, which a chroot does not change. */
  readonly shownBase: string;
  /** Only files that belong to the daemon's user are sent. */
  readonly ownerMatch: boolean;
  /** Device nodes are made. */
  readonly devices: boolean;
  /** What is received is flushed to the disk. */
  readonly fsync: boolean;
  /** An i32: lines of a higher level than this need not be told. */
  readonly logLevel: SharedArrayBuffer;
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
  | DiskNotice;

/** From the stage's thread to the main one; once, that leftovers are gone and it takes requests. */
export type StageNotice = { readonly kind: "ready" } | DiskNotice;

/** Lines for the log, and the answer to `ARE_YOU_THERE`. */
type DiskNotice =
  | { readonly kind: "log"; readonly level: number; readonly text: string }
  | { readonly kind: "alive" };

/** What the main thread posts to a disk thread to see it live. */
export const ARE_YOU_THERE = "are you there?";

/** Whether this program is the finished executable, and not a checkout. */
export const inExecutable = import.meta.url.startsWith("file:///$bunfs/");

/** What a thread's file posts when all that it imports is there; it is then given its data. */
const LOADED = "loaded";

/** A thread whose files have been read, and which waits for its work. */
export type LoadedThread = {
  /** Gives the thread what it works with, once. */
  begin(data: EngineThreadData | DiskThreadData): void;
};

/**
 * Starts a thread and resolves when it has read every file that it will ever need: a process may then give up the right to read them.
 * `broken` is told of an error that ends the thread, once. The file is found beside this one in a checkout, and below `io/` of the
 * executable's own file system, where all that is not an entry point has been merged into the main file.
 */
export function loadThread(name: ThreadName, broken: (error: Error) => void): Promise<LoadedThread> {
  const file = new URL(inExecutable ? `./io/${name}-worker.ts` : `./${name}-worker.ts`, import.meta.url);
  const worker = new Worker(file, { name });
  worker.on("error", broken);
  const begin = (data: EngineThreadData | DiskThreadData) => {
    const ports: MessagePort[] = [];
    for (const value of Object.values(data)) if (isPort(value)) ports.push(value);
    worker.postMessage(data, ports);
  };
  return new Promise((resolve) => worker.once("message", () => resolve({ begin })));
}

/** For a thread's own file: tells the main thread that everything is loaded, and calls `begin` with what comes back. */
export function awaitData<Data extends EngineThreadData | DiskThreadData>(begin: (data: Data) => void): void {
  if (parentPort === null) throw new Error("this file is a thread of makuosan; run makuosan instead");
  parentPort.once("message", (data: Data) => {
    settleMemory();
    begin(data);
  });
  parentPort.postMessage(LOADED);
}

/** Two ends of a channel. */
export function openChannel(): { readonly here: MessagePort; readonly there: MessagePort } {
  const { port1, port2 } = new MessageChannel();
  return { here: port1, there: port2 };
}

function isPort(value: unknown): value is MessagePort {
  return typeof value === "object" && value !== null && "postMessage" in value;
}
