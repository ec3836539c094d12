/** The sections "Handshake" and "Hashes" of native/makuo.h, for bun:ffi. Plain data: ffi.ts loads it. */

export const hashSymbols = {
  mk_abi_version: { args: [], returns: "u32" },
  mk_layout: { args: ["ptr", "u32"], returns: "u32" },
  mk_crc32c: { args: ["ptr", "u32"], returns: "u32" },
  mk_xxh3_128: { args: ["ptr", "u32", "u64", "ptr"], returns: "void" },
  mk_xxh3_128_reset: { args: ["ptr"], returns: "void" },
  mk_xxh3_128_update: { args: ["ptr", "ptr", "u32"], returns: "void" },
  mk_xxh3_128_digest: { args: ["ptr", "ptr"], returns: "void" },
} as const;

export const XXH3_STATE_BYTES = 640;
/** Bytes of a digest. */
export const XXH3_128_BYTES = 16;

export const hashLayout: readonly (readonly [name: string, value: number])[] = [
  ["XXH3_STATE_BYTES", XXH3_STATE_BYTES],
];
