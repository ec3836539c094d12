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
  /** One frame of `from` at a level of 1..19, which may be longer than it. The memory is reused by the next call. */
  compressContent(from: Uint8Array, level: number): Uint8Array;
  /**
   * Puts what the frame in the first `frameBytes` bytes of `block` expands to in its place, all of `block`. False, with anything in `block`, if those are
   * not exactly one frame that states that size and has it. Never throws, and never writes elsewhere.
   */
  expandContent(block: Uint8Array, frameBytes: number): boolean;
}

/** The fastest level: manifests are text-like and shrink well at any, and blocks must not wait for them. */
const LEVEL = 1;

/** Contexts and memory for one thread. What content needs grows with the largest block that came, and stays: nothing is allocated per block. */
export function createZstd(): Zstd {
  const compressor = new binding.CCtx();
  const decompressor = new binding.DCtx();
  const expanded = new Uint8Array(EXPANDED_BYTES_MAX);
  let scratch = new Uint8Array(0);

  /** Memory of at least that size. */
  function room(bytes: number): Uint8Array {
    if (scratch.length < bytes) scratch = new Uint8Array(bytes);
    return scratch;
  }

  /** Whether `frame` is one whole frame that held exactly `into.length` bytes, which are there now. */
  function fill(into: Uint8Array, frame: Uint8Array): boolean {
    if (binding.findFrameCompressedSize(frame) !== frame.length) return false;
    return decompressor.decompress(into, frame) === into.length;
  }

  return {
    compress: (from, into) => compressor.compress(into, from, LEVEL),
    expand(frame) {
      try {
        // The size is looked at before anything is expanded: a hostile frame may state any.
        const size = binding.getFrameContentSize(frame);
        if (size === null || size > EXPANDED_BYTES_MAX) return undefined;
        const into = expanded.subarray(0, size);
        return fill(into, frame) ? into : undefined;
      } catch {
        return undefined;
      }
    },
    compressContent(from, level) {
      // With room for the worst case the compressor need not look where it ends.
      const into = room(binding.compressBound(from.length));
      return into.subarray(0, compressor.compress(into, from, level));
    },
    expandContent(block, frameBytes) {
      if (frameBytes > block.length) return false;
      const frame = room(block.length).subarray(0, frameBytes);
      frame.set(block.subarray(0, frameBytes));
      try {
        return binding.getFrameContentSize(frame) === block.length && fill(block, frame);
      } catch {
        return false;
      }
    },
  };
}
