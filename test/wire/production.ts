import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { decode } from "../../src/wire/codec.ts";
import type { Drop, Message, Origin } from "../../src/wire/messages.ts";
import {
  contextAt,
  entryAt,
  openContext,
  RX_TABLE_WORDS,
  RxEntry,
  RxHead,
  resetEntry,
} from "../../src/wire/rx-table.ts";
import { type Arena, buildPackets, receivePacket, type Self } from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";

/** The production path of a packet: the packet handler (its TypeScript form), then the codec. */

/** No node of any vector. */
const SELF = 0x5e1f_5e1f_5e1f_5e1fn as NodeId;
const NOTHING: Arena = { bytes: new Uint8Array(0), slotBytes: 0 };

/** A control packet's value, the reason of a drop, or "data" for DATA that nothing is wrong with. */
export function receive(
  packet: Uint8Array,
  groupTag: number,
): { origin: Origin; message: Message } | Drop | "data" {
  const verdict = receivePacket(new Uint32Array(RX_TABLE_WORDS), NOTHING, { node: SELF, groupTag }, packet);
  if (verdict === "control") return decode(packet);
  if (verdict === "own" || verdict === "data") throw new Error("no push is open, and nothing is ours");
  return verdict === "stray" ? "data" : verdict;
}

/** What the vectors say of a DATA packet. */
export type Data = {
  readonly kind: string;
  readonly lastOfKind: boolean;
  readonly final: boolean;
  readonly repair: boolean;
  readonly poll: boolean;
  readonly direct: boolean;
  readonly block: number;
  readonly symbol: number;
  readonly symbols: number;
  readonly sequence: number;
  readonly payload: string;
};

const SYMBOL_SIZE = 1440;
const BLOCK_SYMBOLS = 224;

/** Puts a DATA packet into an open push and an empty slot; what table and arena say of it then, flags as a byte. */
export function place(packet: Uint8Array, self: Self, data: Data, owner: NodeId, push: PushId) {
  const table = new Uint32Array(RX_TABLE_WORDS);
  const arena = {
    bytes: new Uint8Array(SYMBOL_SIZE * BLOCK_SYMBOLS),
    slotBytes: SYMBOL_SIZE * BLOCK_SYMBOLS,
  };
  const payload = data.payload.length / 2;
  const isLast = data.symbol === data.symbols - 1;
  openContext(table, 0, {
    owner,
    push,
    symbolSize: isLast ? SYMBOL_SIZE : payload,
    blockSymbols: BLOCK_SYMBOLS,
  });
  table[contextAt(0) + RxHead.base] = data.block;
  table[contextAt(0) + RxHead.limit] = data.block + 1;
  resetEntry(table, 0, data.block as BlockIndex, 0 as Slot);
  const verdict = receivePacket(table, arena, self, packet);
  const head = (word: number): number => table[contextAt(0) + word] ?? -1;
  const entry = (word: number): number => table[entryAt(0, data.block as BlockIndex) + word] ?? -1;
  const from = data.symbol * (isLast ? SYMBOL_SIZE : payload);
  return {
    verdict,
    symbols: entry(RxEntry.symbols),
    flags: entry(RxEntry.flags),
    present: (entry(RxEntry.bitmap + (data.symbol >>> 5)) >>> (data.symbol & 31)) & 1,
    polled: head(RxHead.polled) === 1,
    edgeSymbol: head(RxHead.edgeSymbol),
    sequence: head(RxHead.sequence),
    received: head(RxHead.received),
    payload: Buffer.from(arena.bytes.subarray(from, from + payload)).toString("hex"),
  };
}

/** The packet that the packet handler makes for this symbol, alone in its row. */
export function build(data: Data, flags: number, self: Self, push: PushId): Uint8Array | undefined {
  const payload = Buffer.from(data.payload, "hex");
  const isLast = data.symbol === data.symbols - 1;
  const symbolSize = isLast ? SYMBOL_SIZE : payload.length;
  const arena = { bytes: new Uint8Array(symbolSize * BLOCK_SYMBOLS), slotBytes: symbolSize * BLOCK_SYMBOLS };
  arena.bytes.set(payload, data.symbol * symbolSize);
  const row = new Uint32Array(TX_ROW_WORDS);
  row[TxRow.block] = data.block;
  row[TxRow.first] = data.symbol;
  row[TxRow.count] = 1;
  row[TxRow.symbols] = data.symbols;
  row[TxRow.lastBytes] = isLast ? payload.length : symbolSize;
  row[TxRow.flags] = flags;
  row[TxRow.push] = push;
  row[TxRow.symbolSize] = symbolSize;
  row[TxRow.sequence] = data.sequence;
  if (data.direct) row.set([0x0a4d_0002, 40_000], TxRow.ip);
  return buildPackets(row, arena, self)[0];
}
