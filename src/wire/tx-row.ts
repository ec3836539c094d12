/**
 * A send row: a run of symbols of one block, to be sent as DATA packets, to the group or to one member. Rows are flat 32-bit words in the
 * machine's byte order, written by the engine and read by the packet handler. native/makuo.h repeats this layout.
 */
export const TX_ROW_WORDS = 12;

export const TxRow = {
  slot: 0, // slot that holds the block
  block: 1,
  first: 2, // first symbol
  count: 3, // number of symbols, 1..K-first
  symbols: 4, // K
  lastBytes: 5, // bytes of symbol K-1
  flags: 6, // DATA flags (PROTOCOL §5.2); poll, where set, goes on the row's last packet only
  push: 7,
  symbolSize: 8, // bytes
  sequence: 9, // of the row's first packet; the following count up modulo 65,536; 0 in direct packets
  ip: 10, // to whom direct packets (PROTOCOL §5.2) go; 0 for the group
  port: 11, // 0 for the group
} as const;

/** Most rows of one call. */
export const TX_ROWS_MAX = 64;
