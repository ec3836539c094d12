/**
 * A second decoder of packets, written from PROTOCOL.md alone; it shares no code with src/, and goes about it in another way: a packet is a
 * string of hexadecimal digits, layouts are in the page's own notation and are interpreted, and rules are predicates. It is slow.
 */
import {
  Digits,
  type Fields,
  must,
  mustBeZero,
  num,
  type Plain,
  Refusal,
  readLayout,
  str,
  textOf,
} from "./second-notation.ts";
import { recordOf } from "./second-report.ts";

export type Decoded = { readonly node: string; readonly push: number; readonly message: Plain };

/** Layouts of the bodies, as on the page but for the remarks; `count ×` repeats what follows. */
export const BODIES = {
  HELLO: "u64 epoch, u8 flags, u8 nameLength, u8 versionLength, u8 0, u16 mtu, u16 0, name, version",
  BYE: "u64 epoch",
  OFFER:
    "u16 symbolSize, u8 blockSymbols, u8 options, u32 statusIntervalUs, u32 targets, u16 count, u16 0, count × u64 node id",
  REPORT: "u64 owner, u32 first, u16 count, u16 0, count records",
  REPORT_ACK: "u64 receiver, u32 next",
  NAK: "u64 owner, u16 count, u16 0, count × (u32 block, 28 bytes",
  STATUS: "u64 owner, u32 next, u32 limit, u16 sequence, u8 state, u8 0, u32 received",
  SYNC: "u8 phase, u8 flags, u16 sequence, u32 edgeBlock, u8 edgeSymbol, u8 0, u16 count, u32 low, u32 roundTripUs, count × u64 node id",
  COMMIT: "u16 count, u16 0, count × u64 node id",
  END: "u16 reason, u16 count, count × u64 node id",
  QUERY: "u64 owner",
  VOUCH: "u64 owner",
} as const;

/** Types by number, §3. */
export const TYPES: { readonly [value: number]: keyof typeof BODIES | "DATA" } = {
  1: "HELLO",
  2: "BYE",
  16: "OFFER",
  17: "REPORT",
  18: "REPORT_ACK",
  19: "DATA",
  20: "NAK",
  21: "STATUS",
  22: "SYNC",
  23: "COMMIT",
  24: "END",
  25: "QUERY",
  26: "VOUCH",
};

/** Decodes one packet of the group whose tag is `groupTag`, all checks of §2.1 in their order. Returns the reason of a drop as text. */
export function decodePacket(packet: string, groupTag: number): Decoded | string {
  try {
    return packetOf(packet, groupTag);
  } catch (refusal) {
    if (refusal instanceof Refusal) return refusal.message;
    throw refusal;
  }
}

/** CRC32C, bit by bit. */
export function crc32c(digits: string): number {
  let crc = 0xffff_ffff;
  for (const byte of Buffer.from(digits, "hex")) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** The checksum that a packet should have, §2. */
export function checksumOf(packet: string): number {
  return crc32c(`${packet.slice(0, 8)}00000000${packet.slice(16)}`);
}

function packetOf(packet: string, groupTag: number): Decoded {
  must(packet.length >= 64, "short");
  const header = readLayout(
    "u8 magic, u8 version, u8 type, u8 flags, u32 checksum, u64 node, u32 group, u32 push, u32 block, u8 symbol, u8 symbols, u16 sequence",
    new Digits(packet.slice(0, 64)),
    () => ({}),
  );
  must(header.magic === 0x4d, "magic");
  must(header.version === 1, "version");
  must(header.group === groupTag, "group");
  must(header.checksum === checksumOf(packet), "checksum");
  must(header.node !== NO_ID, "node");
  const type = TYPES[num(header, "type")];
  if (type === undefined) throw new Refusal("type");
  const dataOnly = ["flags", "block", "symbol", "symbols", "sequence"];
  if (type === "DATA") must(directIsSound(num(header, "flags"), num(header, "sequence")), "reserved");
  else
    must(
      dataOnly.every((name) => header[name] === 0),
      "reserved",
    );
  if (type === "HELLO" || type === "BYE") must(header.push === 0, "reserved");
  const body = packet.slice(64);
  const message = type === "DATA" ? dataOf(header, body) : bodyOf(type, body);
  return { node: str(header, "node"), push: num(header, "push"), message };
}

/** §5.2, bit 7. */
function directIsSound(flags: number, sequence: number): boolean {
  const [repair, poll] = [Math.floor(flags / 32) % 2 === 1, Math.floor(flags / 64) % 2 === 1];
  return flags < 128 || (repair && !poll && sequence === 0);
}

const NO_ID = "0x0000000000000000";

/** §5.1, §5.2. */
function dataOf(header: Fields, payload: string): Plain {
  const flags = num(header, "flags");
  const kind = ["manifest", "plan", "content", "verdict", "amendment", "compressed"][flags % 8];
  const [symbol, symbols] = [num(header, "symbol"), num(header, "symbols")];
  must(payload.length > 0, "short");
  must(payload.length <= 65_475 * 2, "long");
  must(kind !== undefined && symbols >= 1 && symbols <= 224 && symbol < symbols);
  const bit = (n: number): boolean => Math.floor(flags / 2 ** n) % 2 === 1;
  const { block = 0, sequence = 0 } = header;
  const marks = { lastOfKind: bit(3), final: bit(4), repair: bit(5), poll: bit(6), direct: bit(7) };
  return { type: "data", kind: kind ?? "", ...marks, block, symbol, symbols, sequence, payload };
}

function bodyOf(type: keyof typeof BODIES, body: string): Plain {
  const digits = new Digits(body);
  const fields = readLayout(BODIES[type], digits, (item, so) => tailOf(item, digits, so));
  must(digits.rest === "", "long");
  mustBeZero(fields);
  return SHAPES[type](fields);
}

/** What follows the integers of a body, read as far as lengths go. */
function tailOf(item: string, digits: Digits, so: Fields): Fields {
  if (item === "name" || item === "version") return { [item]: digits.take(num(so, `${item}Length`)) };
  const list = Array.from({ length: num(so, "count") });
  if (item === "count × u64 node id") return { ids: list.map(() => `0x${digits.take(8)}`) };
  if (item === "count records") {
    return {
      records: list.map(() => ({
        kind: digits.uint(1),
        zero: digits.uint(1),
        payload: digits.take(digits.uint(2)),
      })),
    };
  }
  if (item !== "count × (u32 block, 28 bytes") throw new Error(`no idea what ${item} is`);
  return { blocks: list.map(() => ({ block: digits.uint(4), missing: digits.take(28) })) };
}

const isId = (id: Plain | undefined): boolean => id !== NO_ID;
/** Hexadecimal of one length is in order of value when it is in order of text. */
const ascends = (list: readonly string[]): boolean =>
  list.every((one, i) => i === 0 || one > (list[i - 1] ?? ""));
const idsOf = (fields: Fields): readonly string[] => fields.ids as readonly string[];

/** The rules for the values, and the message as Message in the code names its parts. */
const SHAPES: { readonly [type in keyof typeof BODIES]: (fields: Fields) => Plain } = {
  HELLO: (f) => {
    const flags = num(f, "flags");
    must(flags < 8 && num(f, "mtu") >= 576);
    must(num(f, "nameLength") >= 1 && num(f, "versionLength") >= 1 && num(f, "versionLength") <= 32);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what the page forbids
    const name = textOf(str(f, "name"), /[\x00-\x20\x7f]/);
    const version = textOf(str(f, "version"), /[^\x21-\x7e]/);
    const [solicit, noReceive, noSend] = [flags % 2 === 1, (flags >> 1) % 2 === 1, flags >> 2 === 1];
    return {
      type: "hello",
      epoch: str(f, "epoch"),
      solicit,
      noReceive,
      noSend,
      mtu: num(f, "mtu"),
      name,
      version,
    };
  },
  BYE: (f) => ({ type: "bye", epoch: str(f, "epoch") }),
  OFFER: (f) => {
    const [symbolSize, blockSymbols] = [num(f, "symbolSize"), num(f, "blockSymbols")];
    const [options, statusIntervalUs, targets] = [
      num(f, "options"),
      num(f, "statusIntervalUs"),
      num(f, "targets"),
    ];
    must(
      symbolSize >= 256 && symbolSize <= 65_475 && blockSymbols >= 1 && blockSymbols <= 224 && options <= 3,
    );
    const ids = idsOf(f);
    must(ids.length >= 1 && ids.length <= targets && isId(ids[0]) && ascends(ids));
    must(options !== 2);
    const [dryRun, check] = [options !== 0, options === 3];
    return { type: "offer", symbolSize, blockSymbols, dryRun, check, statusIntervalUs, targets, ids };
  },
  REPORT: (f) => {
    must(isId(f.owner));
    const first = num(f, "first");
    const records = (f.records as readonly Fields[]).map(recordOf);
    must(records.length >= 1 && first + records.length <= 2 ** 32);
    records.forEach(({ kind }, i) => {
      must(first + i === 0 ? kind === "accept" || kind === "refuse" : kind !== "accept");
      must(kind !== "refuse" || i + 1 === records.length);
    });
    return { type: "report", owner: str(f, "owner"), first, records };
  },
  REPORT_ACK: (f) => {
    must(isId(f.receiver));
    return { type: "reportAck", receiver: str(f, "receiver"), next: num(f, "next") };
  },
  NAK: (f) => {
    const blocks = f.blocks as readonly { readonly block: number; readonly missing: string }[];
    must(isId(f.owner) && blocks.length >= 1 && blocks.length <= 255);
    must(blocks.every(({ block }, i) => i === 0 || block > (blocks[i - 1]?.block ?? 0)));
    must(blocks.every(({ missing }) => /[^0]/.test(missing)));
    return { type: "nak", owner: str(f, "owner"), blocks };
  },
  STATUS: (f) => {
    const state = ["receiving", "preparing", "prepared", "committing", "done"][num(f, "state")];
    must(isId(f.owner) && num(f, "limit") >= num(f, "next") && state !== undefined);
    const { owner = "", next = 0, limit = 0, sequence = 0, received = 0 } = f;
    return { type: "status", owner, next, limit, sequence, state: state ?? "", received };
  },
  SYNC: (f) => {
    const phase = ["offer", "manifest", "need", "content", "prepare", "commit"][num(f, "phase")];
    must(phase !== undefined && num(f, "flags") <= 1 && num(f, "edgeSymbol") <= 224);
    const { sequence = 0, edgeBlock = 0, edgeSymbol = 0, low = 0, roundTripUs = 0 } = f;
    const ids = idsOf(f);
    must((ids.length === 0 || isId(ids[0])) && ascends(ids));
    return {
      type: "sync",
      phase: phase ?? "",
      poll: f.flags === 1,
      sequence,
      edgeBlock,
      edgeSymbol,
      low,
      roundTripUs,
      ids,
    };
  },
  COMMIT: (f) => {
    const ids = idsOf(f);
    must(ids.length >= 1 && isId(ids[0]) && ascends(ids));
    return { type: "commit", ids };
  },
  END: (f) => {
    const ids = idsOf(f);
    must(num(f, "reason") <= 3 && isId(ids[0]) && ascends(ids));
    return { type: "end", reason: num(f, "reason"), ids };
  },
  QUERY: (f) => {
    must(isId(f.owner));
    return { type: "query", owner: str(f, "owner") };
  },
  VOUCH: (f) => {
    must(isId(f.owner));
    return { type: "vouch", owner: str(f, "owner") };
  },
};
