import type { Extent } from "./sys.ts";

/** XXH3-128 in canonical (big-endian) form over arena memory, as an interface; the shim computes it. */
export interface Digest {
  /** Digest of an extent with a 64-bit seed, of which `seed` is the value (PROTOCOL §5.3). 16 bytes, the caller's. */
  block(extent: Extent, seed: number): Uint8Array;
  /** A digest with seed 0 over several pieces (PROTOCOL §10.1, §10.4), empty at first. Give it back with `close`. */
  open(): FileDigest;
}

export interface FileDigest {
  /** Forgets what was added. */
  reset(): void;
  update(extent: Extent): void;
  /** Adds the 16 bytes of another digest. */
  add(digest: Uint8Array): void;
  /** Digest of what was added since the last `reset`. 16 bytes, the caller's. */
  finish(): Uint8Array;
  close(): void;
}
