import binding from "zstd-napi/binding";
import { EXPANDED_BYTES_MAX } from "../wire/constants.ts";

/** Zstandard frames of PROTOCOL §10. */
export interface Zstd {
  /** Compresses into `into`, which is large enough for the worst case (`rawBytesMax`); returns the frame's bytes. */
  compress(from: Uint8Array, into: Uint8Array): number;
  /**
   * What one frame holds, or undefined if it is not exactly one frame that states a content size of at most EXPANDED_BYTES_MAX. Never throws.
   * The memory is reused by the next call.
   */
  expand(frame: Uint8Array): Uint8Array | undefined;
}

/** The fastest level: manifests are text-like and shrink well at any, and blocks must not wait for them. */
const LEVEL = 1;

/** Contexts and memory for one thread. */
export function createZstd(): Zstd {
  const compressor = new binding.CCtx();
  const decompressor = new binding.DCtx();
  const expanded = new Uint8Array(EXPANDED_BYTES_MAX);
  return {
    compress: (from, into) => compressor.compress(into, from, LEVEL),
    expand(frame) {
      try {
        // The size is looked at before anything is expanded: a hostile frame may state any.
        const size = binding.getFrameContentSize(frame);
        if (size === null || size > EXPANDED_BYTES_MAX) return undefined;
        if (binding.findFrameCompressedSize(frame) !== frame.length) return undefined;
        const bytes = decompressor.decompress(expanded.subarray(0, size), frame);
        return bytes === size ? expanded.subarray(0, size) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
