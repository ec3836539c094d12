/** Numbers that PROTOCOL.md fixes. Tuning values live where they are used. */

export const MAGIC = 0x4d;
export const VERSION = 1;
/** Bytes of the header of every packet (PROTOCOL §2). */
export const HEADER_BYTES = 32;
/** IPv4 and UDP headers, which the MTU includes. */
export const IP_UDP_BYTES = 28;
export const MTU_MIN = 576;
export const MTU_MAX = 65_535;
export const SYMBOLS_MAX = 224;
/** Bytes of a NAK's bitmap: one bit a symbol (PROTOCOL §7.1). */
export const NAK_BITMAP_BYTES = SYMBOLS_MAX / 8;
/** Bytes of the digest at the end of each block (PROTOCOL §5.3). */
export const DIGEST_BYTES = 16;
/** Most entries of one manifest section (PROTOCOL §10.1). */
export const SECTION_ENTRIES_MAX = 1024;
/** Most bytes of a compressed block's contents once expanded (PROTOCOL §10). */
export const EXPANDED_BYTES_MAX = 262_144;
/** Most amendment rounds of one push (PROTOCOL §5.5). */
export const AMENDMENTS_MAX = 3;
/** Longest path and link target in bytes (PROTOCOL §10.1). */
export const PATH_BYTES_MAX = 4095;
export const NAME_BYTES_MAX = 255;

export const PacketType = {
  hello: 1,
  bye: 2,
  offer: 16,
  report: 17,
  reportAck: 18,
  data: 19,
  nak: 20,
  status: 21,
  sync: 22,
  commit: 23,
  end: 24,
  query: 25,
  vouch: 26,
} as const;

/** Kinds of a block, bits 0..2 of a DATA packet's flags (PROTOCOL §5.2). */
export const BlockKind = {
  manifest: 0,
  plan: 1,
  content: 2,
  verdict: 3,
  amendment: 4,
  /** A content block in a shorter form (PROTOCOL §10.3). */
  compressed: 5,
} as const;
export type BlockKind = (typeof BlockKind)[keyof typeof BlockKind];

/** Whether a block is a part of the content stream, in either form. */
export function isContent(kind: BlockKind): boolean {
  return kind === BlockKind.content || kind === BlockKind.compressed;
}

/** Other bits of a DATA packet's flags (PROTOCOL §5.2). */
export const DataFlag = { lastOfKind: 0x08, final: 0x10, repair: 0x20, poll: 0x40, direct: 0x80 } as const;

export const RefuseReason = {
  readOnly: 1,
  busy: 2,
  outOfSpace: 3,
  permission: 4,
  baseMissing: 5,
  other: 6,
} as const;
export type RefuseReason = (typeof RefuseReason)[keyof typeof RefuseReason];

export const FailStep = {
  compare: 0,
  stage: 1,
  write: 2,
  metadata: 3,
  flush: 4,
  rename: 5,
  manifest: 6,
  digest: 7,
  /** Names that are to be removed: one cannot be, or there are too many. */
  remove: 8,
} as const;
export type FailStep = (typeof FailStep)[keyof typeof FailStep];

export const EndReason = { done: 0, cancelled: 1, dropped: 2, unknown: 3 } as const;
export type EndReason = (typeof EndReason)[keyof typeof EndReason];
