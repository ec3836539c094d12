import { BlockKind } from "../wire/constants.ts";
import { CompressionPolicy, isShrunk } from "./compression.ts";
import { type Made, madeBlock, type SourcePush, type SourceTools } from "./source-push.ts";

/** Blocks up to this size go as they are: they are few packets in any form. */
const SMALL_BYTES_MAX = 8192;

/** Gives content blocks the form in which they are sent (PROTOCOL §10.3): as they are, or compressed where that pays. */
export class ContentPacker {
  readonly #tools: SourceTools;
  readonly #push: SourcePush;
  readonly #policy: CompressionPolicy;

  constructor(tools: SourceTools, push: SourcePush) {
    this.#tools = tools;
    this.#push = push;
    this.#policy = new CompressionPolicy(push.task.compressLevel);
  }

  /** The block of `raw` bytes of contents that stand at the push's target. `digest`: what it has if it is sent as it is, where that is known. */
  block(raw: number, digest?: Uint8Array): Made {
    const level = this.#policy.level(this.#push.asked);
    const { sent, compressUs } =
      level === 0 || raw <= SMALL_BYTES_MAX ? { sent: raw, compressUs: 0 } : this.#compress(raw, level);
    this.#policy.made({ raw, sent, compressUs });
    return sent < raw ? madeBlock(BlockKind.compressed, sent) : madeBlock(BlockKind.content, raw, { digest });
  }

  /** Compresses the block where it stands, if it shrinks enough. */
  #compress(raw: number, level: number): { readonly sent: number; readonly compressUs: number } {
    const { arena, zstd, clock } = this.#tools;
    const { target } = this.#push;
    const began = clock();
    const frame = zstd.compressContent(arena.bytes.subarray(target, target + raw), level);
    const shrunk = isShrunk({ raw, sent: frame.length });
    if (shrunk) arena.bytes.set(frame, target);
    // What took no time that the clock can tell took some.
    const compressUs = Math.max(1, clock() - began);
    return { sent: shrunk ? frame.length : raw, compressUs };
  }
}
