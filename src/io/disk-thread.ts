import type { Arena } from "../disk/arena.ts";
import type { Digest } from "../disk/digest.ts";
import type { Sys } from "../disk/sys.ts";
import { createZstd, type Zstd } from "../disk/zstd.ts";
import type { ReadColumns } from "../wire/entry-columns.ts";
import { createDigest } from "./digest.ts";
import { type FlatForm, postValues, readValues } from "./disk-mail.ts";
import { shimColumnReader } from "./entry-columns.ts";
import { addressOf } from "./ffi.ts";
import { freeMemory } from "./memory.ts";
import { wake } from "./shim.ts";
import { createSys } from "./sys.ts";
import type { DiskThreadData, SourceNotice, StageNotice } from "./threads.ts";

/** What the two disk threads have in common. */

export type DiskTools = {
  readonly base: string;
  readonly shownBase: string;
  readonly ownerMatch: boolean;
  readonly devices: boolean;
  readonly fsync: boolean;
  readonly arena: Arena;
  readonly sys: Sys;
  readonly digest: Digest;
  readonly zstd: Zstd;
  readonly readColumns: ReadColumns;
  readonly freeMemory: () => void;
};

/** Opens what this thread's side of the disk works with, once. */
export function openDiskTools(data: DiskThreadData): DiskTools {
  const { base, shownBase, ownerMatch, devices, fsync, arena: buffer, slotBytes } = data;
  const memory = { buffer, address: addressOf(buffer) };
  return {
    base,
    shownBase,
    ownerMatch,
    devices,
    fsync,
    arena: { bytes: new Uint8Array(buffer), slotBytes },
    sys: createSys(memory),
    digest: createDigest(memory),
    zstd: createZstd(),
    readColumns: shimColumnReader(),
    // The collector counts the arena as this thread's own, and would wait for as much garbage again.
    freeMemory,
  };
}

/** Takes the engine's requests, in order, and answers the main thread when it wants to see this one live. `done`: a message of the engine's has been worked off. */
export function takeRequests<Request>(
  data: DiskThreadData,
  form: FlatForm<Request>,
  work: { readonly handle: (request: Request) => void; readonly done: () => void },
): void {
  data.main.on("message", () =>
    data.main.postMessage({ kind: "alive" } satisfies StageNotice & SourceNotice),
  );
  data.engine.on("message", (message: readonly number[] | readonly Request[]) => {
    for (const request of readValues(message, form)) work.handle(request);
    work.done();
  });
}

/** A reply waits for others at most this long: its slot is wanted. */
const gatherMs = 2;

/** Replies on their way to the engine: several go in one message, as each message wakes its thread. */
export class Replies<Reply> {
  readonly #data: DiskThreadData;
  readonly #form: FlatForm<Reply>;
  #waiting: Reply[] = [];
  #since = 0;
  /** Replies are there that the engine has not been woken for. */
  #left = false;

  constructor(data: DiskThreadData, form: FlatForm<Reply>) {
    this.#data = data;
    this.#form = form;
  }

  /** Adds one, to be sent by the next `send`, or now if others have waited for long. */
  add(reply: Reply): void {
    const now = performance.now();
    if (this.#waiting.length === 0) this.#since = now;
    this.#waiting.push(reply);
    if (now - this.#since > gatherMs) this.send();
  }

  /** Sends what has been added. */
  send(): void {
    this.leave();
    if (this.#left) wake(this.#data.engineWakeFd);
    this.#left = false;
  }

  /** Leaves what has been added where the engine finds it when it looks, and does not wake it: the next reply, which will, is probably near. */
  leave(): void {
    if (this.#waiting.length === 0) return;
    postValues(this.#data.engine, this.#waiting, this.#form);
    this.#waiting = [];
    this.#left = true;
  }
}
