import { assert, type BlockIndex, type NodeId } from "./brand.ts";
import { BlockKind, DataFlag, HEADER_BYTES, MAGIC, PacketType, SYMBOLS_MAX, VERSION } from "./constants.ts";
import { crc32cContinue } from "./crc32c.ts";
import { DROPS, type Drop } from "./messages.ts";
import { contextAt, entryAt, NO_SLOT, RX_CONTEXTS, RxEntry, RxHead } from "./rx-table.ts";
import { TX_ROW_WORDS, TxRow } from "./tx-row.ts";

/**
 * The packet handler in TypeScript: what native/packet.c and native/send.c do with a packet, to the bit, for where there is no shim (the
 * simulator). A differential test feeds both the same packets; whoever changes one changes the other.
 */

/** Memory of the blocks: slot s is bytes s * slotBytes and up. */
export type Arena = { readonly bytes: Uint8Array; readonly slotBytes: number };

/** What a packet handler must know of its own node. `groupTag`: PROTOCOL §2.2. */
export type Self = { readonly node: NodeId; readonly groupTag: number };

/** `omitted`: packets are built with checksum 0 and taken without a look at it, to save a simulator that time. */
export type Checksums = "real" | "omitted";

/**
 * What became of a packet. `data`: DATA of a push that is being received, the table says more. `control`: any other type, its body is not
 * checked here. `own`: from this node. `stray`: DATA of a push that is not being received. Else why it was dropped (PROTOCOL §2.1).
 */
export type Verdict = "data" | "control" | "own" | "stray" | Drop;

/** All verdicts, by the number that the shim has for them. */
export const VERDICTS: readonly Verdict[] = ["data", "control", "own", "stray", ...DROPS];

/** PROTOCOL §6.1: with the header, the largest UDP payload over IPv4. */
const SYMBOL_SIZE_MAX = 65_475;
const FLAG_KIND = 0x07;
/** Beyond it no flags of a row make sense, nor ports. */
const FLAGS_MAX = 0xff;
const PORT_MAX = 0xffff;
/** What all packets of a block have in common of their flags (PROTOCOL §5.2). */
const FLAGS_OF_BLOCK = FLAG_KIND | DataFlag.lastOfKind | DataFlag.final;
/** The checksum field as it counts in the checksum. */
const ZEROS = new Uint8Array(4);

/**
 * Takes one packet: checks it, and puts DATA into table and arena. A table that leads out of the arena, or symbols that do not
 * fit into a slot, are a mistake of the table's owner and stop the process.
 */
export function receivePacket(
  table: Uint32Array,
  arena: Arena,
  self: Self,
  packet: Uint8Array,
  checksums: Checksums = "real",
): Verdict {
  if (packet.length < HEADER_BYTES) return "short";
  if (packet[0] !== MAGIC) return "magic";
  if (packet[1] !== VERSION) return "version";
  const header = new DataView(packet.buffer, packet.byteOffset, HEADER_BYTES);
  if (header.getUint32(16) !== self.groupTag) return "group";
  const node = header.getBigUint64(8);
  // Before the checksum, which is the dear one: a node hears all it sends to the group.
  if (node === self.node) return "own";
  const context = packet[2] === PacketType.data ? findContext(table, header) : -1;
  // Before its checksum is known, as the shim does both in one pass.
  const place = context < 0 ? undefined : bodyPlace(table, arena, context, packet);
  if (place !== undefined) arena.bytes.set(packet.subarray(HEADER_BYTES), place);
  if (checksums === "real" && header.getUint32(4) !== checksumOf(packet)) return "checksum";
  if (node === 0n) return "node";
  if (packet[2] !== PacketType.data) return "control";
  const drop = refuseData(header, packet.length);
  if (drop !== undefined) return drop;
  if (context < 0) return "stray";
  takeData(table, arena, context, header, packet);
  return "data";
}

/**
 * The DATA packets of one send row, in order, each in memory of its own. A row that leads out of the arena or contradicts itself is a
 * mistake of the engine's and stops the process.
 */
export function buildPackets(
  row: Uint32Array,
  arena: Arena,
  self: Self,
  checksums: Checksums = "real",
): Uint8Array[] {
  const { slot, first, count, symbols, symbolSize, lastBytes, flags, block, push, sequence } = readRow(
    row,
    arena,
  );
  const packets: Uint8Array[] = [];
  for (let symbol = first; symbol < first + count; symbol++) {
    const bytes = symbol === symbols - 1 ? lastBytes : symbolSize;
    const from = slot * arena.slotBytes + symbol * symbolSize;
    const packet = new Uint8Array(HEADER_BYTES + bytes);
    const header = new DataView(packet.buffer);
    const isLast = symbol === first + count - 1;
    packet[0] = MAGIC;
    packet[1] = VERSION;
    packet[2] = PacketType.data;
    packet[3] = isLast ? flags : flags & ~DataFlag.poll;
    header.setBigUint64(8, self.node);
    header.setUint32(16, self.groupTag);
    header.setUint32(20, push);
    header.setUint32(24, block);
    packet[28] = symbol;
    packet[29] = symbols;
    if ((flags & DataFlag.direct) === 0) header.setUint16(30, sequence + (symbol - first));
    packet.set(arena.bytes.subarray(from, from + bytes), HEADER_BYTES);
    if (checksums === "real") sealControl(packet);
    packets.push(packet);
  }
  return packets;
}

/** Writes a packet's checksum into it (PROTOCOL §2); at least HEADER_BYTES long. */
export function sealControl(packet: Uint8Array): void {
  assert(packet.length >= HEADER_BYTES, "a packet without a header cannot be sealed");
  new DataView(packet.buffer, packet.byteOffset).setUint32(4, checksumOf(packet));
}

function checksumOf(packet: Uint8Array): number {
  let crc = crc32cContinue(-1, packet, 0, 4);
  crc = crc32cContinue(crc, ZEROS, 0, 4);
  return ~crc32cContinue(crc, packet, 8, packet.length) >>> 0;
}

/** The checks of PROTOCOL §2.1 that come after the node's, for DATA (§5.2). */
function refuseData(header: DataView, bytes: number): Drop | undefined {
  const flags = header.getUint8(3);
  const symbols = header.getUint8(29);
  if (!isFormOfDirect(flags, header.getUint16(30))) return "reserved";
  if (bytes === HEADER_BYTES) return "short";
  if (bytes > HEADER_BYTES + SYMBOL_SIZE_MAX) return "long";
  if ((flags & FLAG_KIND) > BlockKind.compressed) return "range";
  if (symbols === 0 || symbols > SYMBOLS_MAX || header.getUint8(28) >= symbols) return "range";
  return undefined;
}

/** Whether a packet is not direct, or has all that direct ones have (PROTOCOL §5.2). */
function isFormOfDirect(flags: number, sequence: number): boolean {
  if ((flags & DataFlag.direct) === 0) return true;
  return (flags & DataFlag.repair) !== 0 && (flags & DataFlag.poll) === 0 && sequence === 0;
}

/** Index of the context that receives this packet's push, or -1. */
function findContext(table: Uint32Array, header: DataView): number {
  const high = header.getUint32(8);
  const low = header.getUint32(12);
  const push = header.getUint32(20);
  for (let index = 0; index < RX_CONTEXTS; index++) {
    const at = contextAt(index);
    if (
      table[at + RxHead.active] === 1 &&
      table[at + RxHead.push] === push &&
      table[at + RxHead.ownerLow] === low &&
      table[at + RxHead.ownerHigh] === high
    ) {
      return index;
    }
  }
  return -1;
}

/** Where the body of a DATA packet goes in the arena if it is right; undefined: its symbol is not wanted, or there already. */
function bodyPlace(table: Uint32Array, arena: Arena, index: number, packet: Uint8Array): number | undefined {
  const head = contextAt(index);
  const header = new DataView(packet.buffer, packet.byteOffset);
  const block = header.getUint32(24);
  const symbol = header.getUint8(28);
  const symbolSize = word(table, head + RxHead.symbolSize);
  if (packet.length - HEADER_BYTES > symbolSize) return undefined;
  if (block < word(table, head + RxHead.base) || block >= word(table, head + RxHead.limit)) return undefined;
  const entry = entryAt(index, block as BlockIndex);
  const slot = word(table, entry + RxEntry.slot);
  const blockSymbols = word(table, head + RxHead.blockSymbols);
  if (slot === NO_SLOT || !fitsArena(arena, { slot, symbols: blockSymbols, symbolSize })) return undefined;
  const known = word(table, entry + RxEntry.symbols);
  if (symbol >= Math.min(SYMBOLS_MAX, blockSymbols, known === 0 ? blockSymbols : known)) return undefined;
  const there = (word(table, entry + RxEntry.bitmap + (symbol >>> 5)) >>> (symbol & 31)) & 1;
  return there === 1 ? undefined : slot * arena.slotBytes + symbol * symbolSize;
}

/** Whether a slot lies in the arena, and so many symbols in it. */
function fitsArena(arena: Arena, of: { slot: number; symbols: number; symbolSize: number }): boolean {
  const { slot, symbols, symbolSize } = of;
  return (
    symbolSize > 0 &&
    symbols * symbolSize <= arena.slotBytes &&
    slot < Math.floor(arena.bytes.length / arena.slotBytes)
  );
}

/** Enters a symbol whose body lies in its place already, if it has one. */
function takeData(
  table: Uint32Array,
  arena: Arena,
  index: number,
  header: DataView,
  packet: Uint8Array,
): void {
  const head = contextAt(index);
  const block = header.getUint32(24);
  const symbol = header.getUint8(28);
  const flags = header.getUint8(3);
  noteProgress(table, head, { block, symbol, flags, sequence: header.getUint16(30) });
  if (block < word(table, head + RxHead.base) || block >= word(table, head + RxHead.limit)) {
    add(table, head + RxHead.outside);
    return;
  }
  const entry = entryAt(index, block as BlockIndex);
  const slot = word(table, entry + RxEntry.slot);
  if (slot === NO_SLOT) {
    add(table, head + RxHead.duplicates);
    return;
  }
  const symbolSize = word(table, head + RxHead.symbolSize);
  const blockSymbols = word(table, head + RxHead.blockSymbols);
  assert(fitsArena(arena, { slot, symbols: blockSymbols, symbolSize }), "receive slot out of the arena");
  const symbols = header.getUint8(29);
  const bytes = packet.length - HEADER_BYTES;
  const isLast = symbol === symbols - 1;
  const lengthFits = isLast ? bytes <= symbolSize : bytes === symbolSize;
  const shared = flags & FLAGS_OF_BLOCK;
  const known = word(table, entry + RxEntry.symbols);
  const agrees = known === 0 || (known === symbols && word(table, entry + RxEntry.flags) === shared);
  if (symbols > blockSymbols || !lengthFits || !agrees) {
    add(table, head + RxHead.mismatched);
    return;
  }
  const bitmap = entry + RxEntry.bitmap + (symbol >>> 5);
  const bit = (1 << (symbol & 31)) >>> 0;
  if ((word(table, bitmap) & bit) !== 0) {
    add(table, head + RxHead.duplicates);
    return;
  }
  table[entry + RxEntry.symbols] = symbols;
  table[entry + RxEntry.flags] = shared;
  table[bitmap] = word(table, bitmap) | bit;
  add(table, entry + RxEntry.have);
  if (isLast) table[entry + RxEntry.lastBytes] = bytes;
}

/** What every packet to the group tells, wanted or not: sequence, poll and edge. */
function noteProgress(
  table: Uint32Array,
  head: number,
  seen: { block: number; symbol: number; flags: number; sequence: number },
): void {
  table[head + RxHead.touched] = 1;
  // The others do not see it: it is no part of the flow.
  if ((seen.flags & DataFlag.direct) !== 0) return;
  const ahead = (seen.sequence - word(table, head + RxHead.sequence)) & 0xffff;
  // Serial numbers: what is in the half before the newest known one is older.
  if (table[head + RxHead.received] === 0 || ahead < 0x8000) table[head + RxHead.sequence] = seen.sequence;
  add(table, head + RxHead.received);
  if ((seen.flags & DataFlag.poll) !== 0) table[head + RxHead.polled] = 1;
  if ((seen.flags & DataFlag.repair) !== 0) return;
  const edgeBlock = word(table, head + RxHead.edgeBlock);
  const edgeSymbol = word(table, head + RxHead.edgeSymbol);
  if (seen.block > edgeBlock || (seen.block === edgeBlock && seen.symbol + 1 > edgeSymbol)) {
    table[head + RxHead.edgeBlock] = seen.block;
    table[head + RxHead.edgeSymbol] = seen.symbol + 1;
  }
}

function readRow(row: Uint32Array, arena: Arena): Record<keyof typeof TxRow, number> {
  assert(row.length === TX_ROW_WORDS, "a send row has a fixed size");
  const slot = word(row, TxRow.slot);
  const first = word(row, TxRow.first);
  const count = word(row, TxRow.count);
  const symbols = word(row, TxRow.symbols);
  const lastBytes = word(row, TxRow.lastBytes);
  const flags = word(row, TxRow.flags);
  const symbolSize = word(row, TxRow.symbolSize);
  const sequence = word(row, TxRow.sequence);
  const ip = word(row, TxRow.ip);
  const port = word(row, TxRow.port);
  assert(symbols >= 1 && symbols <= SYMBOLS_MAX, "send row: symbols");
  assert(first < symbols && count >= 1 && count <= symbols - first, "send row: run of symbols");
  assert(symbolSize >= 1 && symbolSize <= SYMBOL_SIZE_MAX, "send row: symbol size");
  assert(symbols * symbolSize <= arena.slotBytes, "send row: block larger than a slot");
  assert(lastBytes >= 1 && lastBytes <= symbolSize, "send row: last symbol");
  assert(flags <= FLAGS_MAX && isFormOfDirect(flags, sequence), "send row: flags");
  const direct = (flags & DataFlag.direct) !== 0;
  assert(direct ? ip > 0 && port > 0 && port <= PORT_MAX : ip === 0 && port === 0, "send row: address");
  assert(slot < Math.floor(arena.bytes.length / arena.slotBytes), "send row: slot");
  const block = word(row, TxRow.block);
  return {
    slot,
    block,
    first,
    count,
    symbols,
    lastBytes,
    flags,
    push: word(row, TxRow.push),
    symbolSize,
    sequence,
    ip,
    port,
  };
}

function word(words: Uint32Array, at: number): number {
  return words[at] as number;
}

function add(table: Uint32Array, at: number): void {
  table[at] = word(table, at) + 1;
}
