import type { Digest, FileDigest } from "../disk/digest.ts";
import type { Extent } from "../disk/sys.ts";
import { assert } from "../wire/brand.ts";
import { XXH3_128_BYTES, XXH3_STATE_BYTES } from "./abi-hash.ts";
import { addressAt, allocate, type Memory, type Pointer, shim } from "./ffi.ts";

/** The digests of `disk/digest.ts`, by the shim, over extents of `arena`. Each thread makes its own, once. */
export function createDigest(arena: Memory): Digest {
  const out = allocate(XXH3_128_BYTES);
  const result = new Uint8Array(out.buffer);
  /** States that were given back: the shim's memory is never freed, so it is used again. */
  const idle: Memory[] = [];

  const at = ({ at, bytes }: Extent): Pointer => {
    assert(at >= 0 && bytes >= 0 && bytes <= arena.buffer.byteLength - at, "extent outside the arena");
    return addressAt(arena.address, at);
  };

  function open(): FileDigest {
    const state = idle.pop() ?? allocate(XXH3_STATE_BYTES);
    let closed = false;
    shim.mk_xxh3_128_reset(state.address);
    return {
      reset: () => shim.mk_xxh3_128_reset(state.address),
      update: (extent) => shim.mk_xxh3_128_update(state.address, at(extent), extent.bytes),
      add(digest) {
        result.set(digest);
        shim.mk_xxh3_128_update(state.address, out.address, XXH3_128_BYTES);
      },
      finish() {
        shim.mk_xxh3_128_digest(state.address, out.address);
        return result.slice();
      },
      close() {
        assert(!closed, "digest closed twice");
        closed = true;
        idle.push(state);
      },
    };
  }

  return {
    block(extent, seed) {
      shim.mk_xxh3_128(at(extent), extent.bytes, seed, out.address);
      return result.slice();
    },
    open,
  };
}
