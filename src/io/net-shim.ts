import type { Address } from "../engine/ports.ts";
import { assert, type NodeId } from "../wire/brand.ts";
import { PacketType } from "../wire/constants.ts";
import { RX_TABLE_WORDS } from "../wire/rx-table.ts";
import { VERDICTS } from "../wire/twin.ts";
import { TX_ROW_WORDS, TX_ROWS_MAX, TxRow } from "../wire/tx-row.ts";
import {
  COUNTER_COUNT,
  CounterIndex,
  NET_BYTES,
  NET_STEPS,
  NetField,
  NetOption,
  Offload,
  RECEIVE_SCRATCH_BYTES,
  SEND_SCRATCH_BYTES,
  Socket,
  Want,
} from "./abi-net.ts";
import { addressOf, allocate, type Pointer, shim } from "./ffi.ts";
import { RecordBuffer } from "./records.ts";

/** The member's two sockets (PROTOCOL §1.2), driven in batches through the shim. */

export type NetConfig = {
  readonly node: NodeId;
  readonly group: Address;
  /** PROTOCOL §2.2. */
  readonly groupTag: number;
  readonly interface: { readonly ip: number; readonly index: number };
  /** Bytes of buffer wanted for each socket; undefined: the system's default. */
  readonly receiveBuffer: number | undefined;
  readonly sendBuffer: number | undefined;
  readonly offload: { readonly gso: boolean; readonly gro: boolean };
};

/** The open sockets and what belongs to them: plain memory, which may be posted to the thread that will use it. */
export type OpenNet = { readonly state: SharedArrayBuffer };

/** `doing` completes "cannot …"; `errno` is positive; `advice` says what to do about it, where that is known. */
export type NetFailure = {
  readonly kind: "failed";
  readonly doing: string;
  readonly errno: number;
  readonly advice: string | undefined;
};

/** `done`: nothing is left to send. `full`: wait for Ready.send. `failed`: see the function; `errno` is positive. */
export type SendResult = "done" | "full" | { readonly kind: "failed"; readonly errno: number };

/** What the shared memory of an engine thread is. Slot s of the arena is bytes s * slotBytes and up. */
export type NetMemory = {
  /** The receive table, RX_TABLE_WORDS words. */
  readonly rx: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  readonly slotBytes: number;
};

/** By the number of the error. */
const ADVICE: Readonly<Record<number, string>> = {
  13: "ports below 1024 are for root; choose another with -p",
  19: "the interface is gone; see -i",
  22: "this is no multicast group; see -m",
  24: "the process has too many open files; raise its limit",
  98: "another program holds this UDP port and does not share it; stop that, or choose another with -p",
  99: "the address is not, or no longer, this host's; see -i",
  105: "this host has joined too many groups; raise the sysctl net.ipv4.igmp_max_memberships",
};
const LINUX_EBADF = 9;
const LINUX_EAGAIN = 11;
const LINUX_EFAULT = 14;
const NO_FD = -1;
/** Where a packet says what it is (PROTOCOL §2). */
const TYPE_AT = 2;
const ROWS_BYTES = TX_ROWS_MAX * TX_ROW_WORDS * 4;
/** Room for control packets on their way in or out; what does not fit waits. */
const RECORDS_BYTES = 1 << 20;

/** Opens both sockets and joins the group. Needs privileges only for buffers beyond the system's limit. */
export function openNet(config: NetConfig): OpenNet | NetFailure {
  const { buffer, address } = allocate(NET_BYTES);
  const words = new Uint32Array(buffer);
  const put = (field: number, value: number) => {
    words[field / 4] = value;
  };
  new BigUint64Array(buffer)[NetField.node / 8] = config.node;
  put(NetField.groupTag, config.groupTag);
  put(NetField.groupIp, config.group.ip);
  put(NetField.groupPort, config.group.port);
  put(NetField.interfaceIp, config.interface.ip);
  put(NetField.interfaceIndex, config.interface.index);
  put(NetField.receiveBuffer, config.receiveBuffer ?? 0);
  put(NetField.sendBuffer, config.sendBuffer ?? 0);
  const noGso = config.offload.gso ? 0 : NetOption.noGso;
  const noGro = config.offload.gro ? 0 : NetOption.noGro;
  put(NetField.options, noGso | noGro);
  const result = shim.mk_net_open(address);
  if (result < 0) {
    const step = words[NetField.step / 4] ?? 0;
    const doing = NET_STEPS[step] ?? "open the network";
    return { kind: "failed", doing, errno: -result, advice: ADVICE[-result] };
  }
  return { state: buffer };
}

/** Closes the sockets; the group is left. No NetShim may use them any more. */
export function closeNet(net: OpenNet): void {
  shim.mk_net_close(addressOf(net.state));
}

/** What the kernel granted, as it says; buffers are charged with its own overhead, too. */
export type NetFacts = {
  readonly unicastPort: number;
  readonly groupReceiveBuffer: number;
  readonly unicastReceiveBuffer: number;
  readonly unicastSendBuffer: number;
  /** GSO is given up when the kernel refuses it, which may be later. */
  readonly offload: { readonly gso: boolean; readonly groupGro: boolean; readonly unicastGro: boolean };
};

/** Of sockets that are open. */
export function netFacts(net: OpenNet): NetFacts {
  const words = new Uint32Array(net.state);
  const word = (field: number) => words[field / 4] as number;
  const offload = word(NetField.offload);
  return {
    unicastPort: word(NetField.unicastPort),
    groupReceiveBuffer: word(NetField.groupReceiveBuffer),
    unicastReceiveBuffer: word(NetField.unicastReceiveBuffer),
    unicastSendBuffer: word(NetField.unicastSendBuffer),
    offload: {
      gso: (offload & Offload.gso) !== 0,
      groupGro: (offload & Offload.groupGro) !== 0,
      unicastGro: (offload & Offload.unicastGro) !== 0,
    },
  };
}

/** The sockets as one thread uses them, which also owns the receive table. */
export class NetShim {
  /** Send rows (wire/tx-row.ts), for the caller to fill in when none are pending. */
  readonly rows: Uint32Array;
  readonly #net: Pointer;
  readonly #words: Uint32Array;
  readonly #counters: BigUint64Array;
  readonly #wakeFd: number;
  readonly #rowsAt: Pointer;
  #rowCount = 0;
  /** Rows done and symbols done of the next; then bytes done of the outgoing records. */
  readonly #cursors: Uint32Array;
  readonly #rowCursorAt: Pointer;
  readonly #recordCursor: Uint32Array;
  readonly #recordCursorAt: Pointer;
  readonly #outgoing: RecordBuffer;
  readonly #outgoingAt: Pointer;
  readonly #incoming: RecordBuffer;
  readonly #incomingAt: Pointer;
  readonly #sendScratch = allocate(SEND_SCRATCH_BYTES).address;
  readonly #receiveScratch = allocate(RECEIVE_SCRATCH_BYTES).address;

  /** Whether an address is this host's, as long as no other member is known to be on it. */
  #isOwn: ((ip: number) => boolean) | undefined;
  readonly #lookForFellow = (packet: Uint8Array, from: Address): void => {
    if (packet[TYPE_AT] !== PacketType.hello || this.#isOwn?.(from.ip) !== true) return;
    this.#isOwn = undefined;
    this.#setOption(NetOption.noLoop, false);
  };

  /**
   * `wakeFd` is of `openWake`; another thread's `wake` ends a `wait` here. With `isOwn`, which tells whether an address is this host's, DATA to the group does not
   * come back to this host, to be thrown away there, until a HELLO has come from a member on it.
   */
  constructor(net: OpenNet, memory: NetMemory, wakeFd: number, isOwn?: (ip: number) => boolean) {
    assert(memory.rx.byteLength === RX_TABLE_WORDS * 4, "the receive table has a fixed size");
    const rows = allocate(ROWS_BYTES);
    const rowCursor = allocate(8);
    const recordCursor = allocate(4);
    const outgoing = allocate(RECORDS_BYTES);
    const incoming = allocate(RECORDS_BYTES);
    this.rows = new Uint32Array(rows.buffer);
    this.#rowsAt = rows.address;
    this.#cursors = new Uint32Array(rowCursor.buffer);
    this.#rowCursorAt = rowCursor.address;
    this.#recordCursor = new Uint32Array(recordCursor.buffer);
    this.#recordCursorAt = recordCursor.address;
    this.#outgoing = new RecordBuffer(outgoing.buffer);
    this.#outgoingAt = outgoing.address;
    this.#incoming = new RecordBuffer(incoming.buffer);
    this.#incomingAt = incoming.address;
    this.#net = addressOf(net.state);
    this.#words = new Uint32Array(net.state);
    this.#counters = new BigUint64Array(net.state, NetField.counters, COUNTER_COUNT);
    this.#wakeFd = wakeFd;
    const longs = new BigUint64Array(net.state);
    longs[NetField.table / 8] = BigInt(addressOf(memory.rx));
    longs[NetField.arena / 8] = BigInt(addressOf(memory.arena));
    longs[NetField.arenaBytes / 8] = BigInt(memory.arena.byteLength);
    this.#words[NetField.slotBytes / 4] = memory.slotBytes;
    this.#isOwn = isOwn;
    if (isOwn !== undefined) this.#setOption(NetOption.noLoop, true);
  }

  /**
   * Blocks until something can be done, at most `timeoutUs` microseconds (Infinity: without limit). `forSend`: also until there is room
   * to send. `deaf`: neither packets that come nor `wake` end it. Returns bits of `Ready`; 0 when the time is over.
   */
  wait(timeoutUs: number, want: { readonly forSend: boolean; readonly deaf?: boolean }): number {
    const limit = timeoutUs === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(timeoutUs));
    const bits = (want.deaf === true ? 0 : Want.packets) | (want.forSend ? Want.send : 0);
    const wakeFd = want.deaf === true ? NO_FD : this.#wakeFd;
    const mask = shim.mk_wait(this.#net, wakeFd, limit, bits);
    assert(mask >= 0, "cannot wait for the sockets");
    return mask;
  }

  /**
   * Takes one batch from a socket. DATA goes into the table and the arena, control packets to `onControl`; their bytes are valid only
   * during that call. `touched`: DATA packets of pushes that are being received. `more`: call again before waiting.
   */
  receive(
    socket: keyof typeof Socket,
    onControl: (packet: Uint8Array, from: Address) => void,
  ): { readonly touched: number; readonly more: boolean } {
    const result = shim.mk_receive(
      this.#net,
      Socket[socket],
      this.#receiveScratch,
      this.#incomingAt,
      RECORDS_BYTES,
    );
    // An error of the network comes once and leaves the socket usable; these are mistakes of our own.
    assert(result !== -LINUX_EFAULT && result !== -LINUX_EBADF, "the receive table or socket is broken");
    this.#incoming.filled(this.#word(NetField.outBytes));
    if (this.#isOwn !== undefined) this.#incoming.each(this.#lookForFellow);
    this.#incoming.each(onControl);
    return { touched: this.#word(NetField.touched), more: this.#word(NetField.more) === 1 };
  }

  /** Whether rows that were started have not been sent yet. */
  get rowsPending(): boolean {
    return this.#rowCount > 0;
  }

  /** Takes the first `count` of `rows` to be sent by `sendRows`. */
  startRows(count: number): void {
    assert(this.#rowCount === 0, "rows are still being sent");
    this.#rowCount = count;
    this.#cursors.fill(0);
  }

  /**
   * Sends started rows as far as the socket takes them. `failed`: what is left of the row that it befell is given up, like packets lost on the way, and of all the
   * others if it goes to the group.
   */
  sendRows(): SendResult {
    let failed: SendResult = "done";
    while (this.rowsPending) {
      const sent = shim.mk_send_data(
        this.#net,
        this.#rowsAt,
        this.#rowCount,
        this.#rowCursorAt,
        this.#sendScratch,
      );
      assert(sent !== -LINUX_EFAULT, "a send row is not sound");
      if (this.#cursors[0] === this.#rowCount) this.#rowCount = 0;
      else if (sent === -LINUX_EAGAIN) return "full";
      else if (sent < 0) {
        failed = { kind: "failed", errno: -sent };
        this.#giveUpRow();
      }
    }
    return failed;
  }

  /** What befalls a row to one member need not befall the next. */
  #giveUpRow(): void {
    const row = this.#cursors[0] ?? 0;
    const toOne = this.rows[row * TX_ROW_WORDS + TxRow.port] !== 0;
    this.#cursors.set([row + 1, 0]);
    if (!toOne || row + 1 === this.#rowCount) this.#rowCount = 0;
  }

  /** Adds a control packet to be sent by `sendControl`, to the group if `to` is undefined. False: no room; send first. */
  addControl(packet: Uint8Array, to: Address | undefined): boolean {
    return this.#outgoing.add(packet, to);
  }

  /**
   * Sends control packets as far as the socket takes them. `failed`: the last error; the packet that it befell was given up, and the others
   * were sent.
   */
  sendControl(): SendResult {
    let failed: SendResult = "done";
    const used = this.#outgoing.used;
    while (this.#sentRecords() < used) {
      const sent = shim.mk_send_control(
        this.#net,
        this.#outgoingAt,
        used,
        this.#recordCursorAt,
        this.#sendScratch,
      );
      if (sent === -LINUX_EAGAIN) return "full";
      if (sent >= 0) continue;
      assert(sent !== -LINUX_EFAULT, "a control record is not sound");
      this.#recordCursor[0] = this.#sentRecords() + this.#outgoing.bytesAt(this.#sentRecords());
      failed = { kind: "failed", errno: -sent };
    }
    this.#outgoing.clear();
    this.#recordCursor[0] = 0;
    return failed;
  }

  /** The interface's MTU, which can change at any time; undefined: it has none now. */
  mtu(): number | undefined {
    const mtu = shim.mk_net_mtu(this.#net);
    return mtu > 0 ? mtu : undefined;
  }

  /** Counters since the sockets were opened, by name: verdicts of wire/twin.ts, and what went in and out. */
  counters(): Readonly<Record<string, number>> {
    const named: Record<string, number> = {};
    VERDICTS.forEach((verdict, at) => {
      if (verdict !== "own") named[verdict] = Number(this.#counters[at]);
    });
    for (const [name, at] of Object.entries(CounterIndex)) named[name] = Number(this.#counters[at]);
    return named;
  }

  #sentRecords(): number {
    return this.#recordCursor[0] as number;
  }

  #setOption(option: number, on: boolean): void {
    const others = this.#word(NetField.options) & ~option;
    this.#words[NetField.options / 4] = on ? others | option : others;
  }

  #word(field: number): number {
    return this.#words[field / 4] as number;
  }
}
