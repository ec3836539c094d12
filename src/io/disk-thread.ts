import type { Arena } from "../disk/arena.ts";
import type { Digest } from "../disk/digest.ts";
import type { Sys } from "../disk/sys.ts";
import { createZstd, type Zstd } from "../disk/zstd.ts";
import { createDigest } from "./digest.ts";
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
    // The collector counts the arena as this thread's own, and would wait for as much garbage again.
    freeMemory,
  };
}

/** Takes the engine's requests, in order, and answers the main thread when it wants to see this one live. */
export function takeRequests<Request>(data: DiskThreadData, handle: (request: Request) => void): void {
  data.main.on("message", () =>
    data.main.postMessage({ kind: "alive" } satisfies StageNotice & SourceNotice),
  );
  data.engine.on("message", (requests: readonly Request[]) => {
    for (const request of requests) handle(request);
  });
}

/** Sends one reply to the engine, at once: other blocks may wait for its slot. */
export function reply(data: DiskThreadData, message: unknown): void {
  data.engine.postMessage([message]);
  wake(data.engineWakeFd);
}
