import { setBit } from "../wire/bitmap.ts";
import type { BlockKind } from "../wire/constants.ts";
import type { PushKey, Selection, Task } from "../wire/disk-port.ts";
import type { ReadColumns } from "../wire/entry-columns.ts";
import { rawBytesMax } from "../wire/manifest.ts";
import type { Arena } from "./arena.ts";
import type { Asked } from "./compression.ts";
import type { Digest } from "./digest.ts";
import type { Directories } from "./directories.ts";
import type { SourceLine } from "./lines.ts";
import type { Seen } from "./scan.ts";
import type { Sections } from "./sections.ts";
import type { Fd, Latin1, Sys } from "./sys.ts";
import type { Zstd } from "./zstd.ts";

/** What the parts of the source share while a push's blocks are made. */

export type SourceTools = {
  readonly sys: Sys;
  readonly arena: Arena;
  readonly digest: Digest;
  readonly zstd: Zstd;
  /** As of `SectionsTools`. */
  readonly readColumns?: ReadColumns | undefined;
  /** Called in the middle of long work: much that nobody uses any more may be there. */
  readonly freeMemory: () => void;
  /** The base directory's absolute path as users know it, which a chroot does not change. */
  readonly shownBase: Latin1;
  /** Only files that belong to this process's user are sent, and all directories. */
  readonly ownerMatch: boolean;
  readonly tell: (line: SourceLine) => void;
  /** Microseconds since any moment, for what a thing takes. */
  readonly clock: () => number;
};

export type SourcePush = {
  readonly key: PushKey;
  readonly selection: Selection;
  readonly task: Task;
  /** Nothing is changed, here neither. */
  readonly dryRun: boolean;
  /** Whether the names that receivers remove are wanted. */
  readonly names: boolean;
  /** Bytes of a full block without its digest (PROTOCOL §5.4). */
  readonly capacity: number;
  readonly base: Fd;
  readonly directories: Directories;
  readonly sections: Sections;
  /** Offset in the arena at which the block that is being made goes, and its number. */
  target: number;
  block: number;
  /** How that block was asked for. */
  asked: Asked;
  /** Bytes of the content stream, once known; amendments add to it. */
  contentBytes: number;
};

/** A block that has been put at the push's target, without its digest; or the end of the push; or a wait before it goes on with the same block. */
export type Made =
  | {
      readonly kind: "block";
      readonly blockKind: BlockKind;
      readonly bytes: number;
      readonly lastOfKind: boolean;
      readonly final: boolean;
      readonly entries: number;
      /** Its digest (PROTOCOL §5.3), where that is known already. */
      readonly digest: Uint8Array | undefined;
    }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "pause"; readonly ms: number };

/** Makes blocks: each `next` makes one, at the target of that moment. Returning early closes what is open. */
export type Maker<Result = void> = Generator<Made, Result, undefined>;

/** A block of `bytes` bytes at the target; what is not said of it is not so. */
export function madeBlock(
  blockKind: BlockKind,
  bytes: number,
  more: { lastOfKind?: boolean; final?: boolean; entries?: number; digest?: Uint8Array | undefined } = {},
): Made {
  const { lastOfKind = false, final = false, entries = 0, digest } = more;
  return { kind: "block", blockKind, bytes, lastOfKind, final, entries, digest };
}

/** Compresses to the target; returns the frame's bytes. `raw` has at most `rawBytesMax(capacity)` bytes, so that it fits. */
export function putCompressed({ zstd, arena }: SourceTools, push: SourcePush, raw: Uint8Array): number {
  return zstd.compress(raw, arena.bytes.subarray(push.target, push.target + push.capacity));
}

/** The only user whose files are sent; undefined: everybody's are. */
export function ownerOf({ ownerMatch, sys }: SourceTools): number | undefined {
  return ownerMatch ? sys.uid : undefined;
}

/** Number of records of `bytes` bytes each that one block takes; at least 1. */
export function recordsPerBlock(push: SourcePush, bytes: number): number {
  return Math.max(1, Math.floor(rawBytesMax(push.capacity) / bytes));
}

/** Tells the user of something that is not sent, or not as it should be. */
export function tellProblem(
  tools: SourceTools,
  push: SourcePush,
  found: Omit<Extract<Seen, { kind: "problem" }>, "kind">,
): void {
  const { problem, errno } = found;
  tools.tell({ kind: "problem", key: push.key, path: Buffer.from(found.path, "latin1"), problem, errno });
}

/** Of a section's content needs those that are of files: a stream has nothing else in it (PROTOCOL §10.3). Undefined: none. */
export function filesOnly(sections: Sections, section: number, content: Uint8Array): Uint8Array | undefined {
  const files = new Uint8Array(content.length);
  let any = false;
  for (let index = 0; index < sections.length(section); index++) {
    const wanted = ((content[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0;
    if (!wanted || sections.size(section, index) < 0) continue;
    setBit(files, index);
    any = true;
  }
  return any ? files : undefined;
}
