import { HEADER_BYTES, SYMBOLS_MAX } from "../wire/constants.ts";
import {
  NO_SLOT,
  RX_CONTEXTS,
  RX_ENTRY_WORDS,
  RX_HEAD_WORDS,
  RX_RING,
  RX_TABLE_WORDS,
  RxEntry,
  RxHead,
} from "../wire/rx-table.ts";
import { TX_ROW_WORDS, TX_ROWS_MAX, TxRow } from "../wire/tx-row.ts";

/** The sections "Receive table" to "Receiving" of native/makuo.h, for bun:ffi. Plain data: ffi.ts loads it. */

export const ABI_VERSION = 1;

export const netSymbols = {
  mk_interfaces: { args: ["ptr", "u32"], returns: "i32" },
  mk_route_source: { args: ["u32", "ptr"], returns: "i32" },
  mk_is_own_address: { args: ["u32"], returns: "i32" },
  mk_wake_open: { args: [], returns: "i32" },
  mk_wake: { args: ["i32"], returns: "i32" },
  mk_close: { args: ["i32"], returns: "i32" },
  mk_net_open: { args: ["ptr"], returns: "i32" },
  mk_net_close: { args: ["ptr"], returns: "i32" },
  mk_net_mtu: { args: ["ptr"], returns: "i32" },
  mk_wait: { args: ["ptr", "i32", "i64", "u32"], returns: "i32" },
  mk_send_data: { args: ["ptr", "ptr", "u32", "ptr", "ptr"], returns: "i32" },
  mk_send_control: { args: ["ptr", "ptr", "u32", "ptr", "ptr"], returns: "i32" },
  mk_build_data: { args: ["ptr", "ptr", "u32", "ptr", "u32"], returns: "i32" },
  mk_receive: { args: ["ptr", "u32", "ptr", "ptr", "u32"], returns: "i32" },
  mk_packet: { args: ["ptr", "ptr", "u32"], returns: "i32" },
} as const;

/** Bytes of the head of a control record, then its fields' offsets. */
export const RECORD_HEAD_BYTES = 8;
export const RecordField = { ip: 0, port: 4, bytes: 6 } as const;

/** Bytes of a row of mk_interfaces, then its fields' offsets. */
export const INTERFACE_BYTES = 40;
export const InterfaceField = { index: 0, ip: 4, netmask: 8, mtu: 12, flags: 16, name: 20 } as const;
export const INTERFACE_NAME_BYTES = 20;
export const InterfaceFlag = { up: 1, loopback: 2, multicast: 4 } as const;

/** What mk_wait waits for besides a wake-up and the time. */
export const Want = { packets: 1, send: 2 } as const;
/** Bytes of struct mk_net, then its fields' offsets. */
export const NET_BYTES = 264;
export const NetField = {
  node: 0,
  table: 8,
  arena: 16,
  arenaBytes: 24,
  slotBytes: 32,
  groupTag: 36,
  groupIp: 40,
  groupPort: 44,
  interfaceIp: 48,
  interfaceIndex: 52,
  receiveBuffer: 56,
  sendBuffer: 60,
  options: 64,
  groupFd: 68,
  unicastFd: 72,
  unicastPort: 76,
  groupReceiveBuffer: 80,
  unicastReceiveBuffer: 84,
  unicastSendBuffer: 88,
  offload: 92,
  step: 96,
  outBytes: 100,
  more: 104,
  touched: 108,
  counters: 112,
} as const;

export const NetOption = { noGso: 1, noGro: 2, noLoop: 4 } as const;
export const Offload = { gso: 1, groupGro: 2, unicastGro: 4 } as const;
export const Ready = { group: 1, unicast: 2, send: 4, wake: 8 } as const;
export const Socket = { group: 0, unicast: 1 } as const;

/** Verdicts come first among the counters, in the order of wire/twin.ts; then these. */
export const VERDICT_COUNT = 14;
export const CounterIndex = {
  sentPackets: 14,
  sentBytes: 15,
  sentBursts: 16,
  receivedBytes: 17,
  receivedBursts: 18,
} as const;
export const COUNTER_COUNT = 19;

export const SEND_SCRATCH_BYTES = 131_072;
export const RECEIVE_SCRATCH_BYTES = 2_228_224;
export const RECORDS_BYTES_MIN = 65_544;

/** `step` of struct mk_net, by number: the part of opening the network that failed. */
export const NET_STEPS = [
  "nothing",
  "create the group socket",
  "share the group's port",
  "bind the group socket",
  "join the group",
  "limit the group socket to its group",
  "create the unicast socket",
  "bind the unicast socket",
  "choose the interface for multicast",
  "set the time-to-live",
  "loop multicast back to this host",
  "forbid fragments",
  "read the unicast socket's port",
] as const;

function fields(prefix: string, table: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(table).map(([name, value]) => [`${prefix}.${name}`, value]);
}

/** What mk_layout must say, by name, in the order of native/abi.c. */
export const netLayout: readonly (readonly [name: string, value: number])[] = [
  ["HEADER_BYTES", HEADER_BYTES],
  ["SYMBOLS_MAX", SYMBOLS_MAX],
  ["RX_CONTEXTS", RX_CONTEXTS],
  ["RX_RING", RX_RING],
  ["RX_HEAD_WORDS", RX_HEAD_WORDS],
  ["RX_ENTRY_WORDS", RX_ENTRY_WORDS],
  ["RX_TABLE_WORDS", RX_TABLE_WORDS],
  ["NO_SLOT", NO_SLOT],
  ...fields("RxHead", RxHead),
  ...fields("RxEntry", RxEntry),
  ["TX_ROW_WORDS", TX_ROW_WORDS],
  ["TX_ROWS_MAX", TX_ROWS_MAX],
  ...fields("TxRow", TxRow),
  ["RECORD_HEAD_BYTES", RECORD_HEAD_BYTES],
  ["INTERFACE_BYTES", INTERFACE_BYTES],
  ...fields("InterfaceField", InterfaceField),
  ["NET_BYTES", NET_BYTES],
  ...fields("NetField", NetField),
  ["VERDICT_COUNT", VERDICT_COUNT],
  ["COUNTER_COUNT", COUNTER_COUNT],
  ["SEND_SCRATCH_BYTES", SEND_SCRATCH_BYTES],
  ["RECEIVE_SCRATCH_BYTES", RECEIVE_SCRATCH_BYTES],
  ["RECORDS_BYTES_MIN", RECORDS_BYTES_MIN],
];
