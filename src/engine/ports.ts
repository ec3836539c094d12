import type { Micros, NodeId, PushId, Slot } from "../wire/brand.ts";
import type {
  PushKey,
  Selection,
  SourceReply,
  SourceRequest,
  StageReply,
  StageRequest,
  Task,
} from "../wire/disk-port.ts";
import type { SenderPhase } from "../wire/messages.ts";

/**
 * How the engine is driven. One mutation (`on…`), then drain: call `poll` until it returns undefined, take rows with `takeRows`, and come
 * back at `deadline()` at the latest. The engine never calls out, never waits, and knows the time only from arguments.
 */
export interface Engine {
  /** A control packet (any type but DATA) that passed the header checks, whole, header included. */
  onControl(packet: Uint8Array, from: Address, now: Micros): void;
  /** The packet handler has changed the receive table. */
  onReceived(now: Micros): void;
  onSource(reply: SourceReply, now: Micros): void;
  onStage(reply: StageReply, now: Micros): void;
  onCommand(command: Command, now: Micros): void;
  onTimeout(now: Micros): void;
  /** The next thing to do, oldest first. */
  poll(): Output | undefined;
  /**
   * Fills `rows` (TX_ROW_WORDS words each) with DATA to send now, as far as window and pacing allow; returns the number of rows.
   * What is taken is on its way: the caller sends it all, in order, waiting for the socket where it must.
   */
  takeRows(rows: Uint32Array, rowsMax: number, now: Micros): number;
  /** When `onTimeout` (or `takeRows`, for paced data) wants to be called next. Infinity: only after some event. */
  deadline(): Micros;
  /** Whether somebody waits for what this node says of the DATA that comes: if not, packets may lie for some milliseconds. */
  awaited(): boolean;
}

/** An IPv4 address (as one unsigned integer, network order value) and a UDP port. */
export type Address = { readonly ip: number; readonly port: number };

export type EngineConfig = {
  readonly node: NodeId;
  readonly epoch: bigint;
  readonly name: string;
  readonly version: string;
  /** `ADDRESS:PORT` of the group (PROTOCOL §2.2). */
  readonly group: string;
  /** The interface's, at the start. */
  readonly mtu: number;
  /** Bytes that the receiving socket holds. */
  readonly receiveBuffer: number;
  readonly noReceive: boolean;
  readonly noSend: boolean;
  /** Most bytes a second to send, IP packets included; undefined: no limit. */
  readonly rateLimit: number | undefined;
};

/** Memory that the engine shares with the packet handler. */
export type EngineMemory = {
  /** The receive table (RX_TABLE_WORDS words, wire/rx-table.ts). */
  readonly rx: Uint32Array;
  /** Slots of the block arena, all free at first. */
  readonly slots: readonly Slot[];
  /** Bytes of a slot. */
  readonly slotBytes: number;
};

/** 32 random bits a call, from a generator seeded from outside. */
export type Random = () => number;

export type Command =
  | {
      readonly kind: "push";
      /** The console's number for it; events carry it back. */
      readonly request: number;
      readonly selection: Selection;
      readonly dryRun: boolean;
      /** Host names; undefined: every member. */
      readonly hosts: readonly string[] | undefined;
      /** Whether lines for each entry and host are wanted (source request `names`). */
      readonly names: boolean;
      readonly task: Task;
      /** Whether `progress` events are wanted. */
      readonly progress: boolean;
    }
  | { readonly kind: "cancel"; readonly request: number }
  | { readonly kind: "members"; readonly request: number }
  | { readonly kind: "status"; readonly request: number }
  /** The interface's MTU is another one now. */
  | { readonly kind: "mtu"; readonly mtu: number }
  /** Say goodbye and stop; `stopped` follows. */
  | { readonly kind: "stop" };

export type Output =
  /** To the group if `to` is undefined. */
  | { readonly kind: "control"; readonly to: Address | undefined; readonly packet: Uint8Array }
  | { readonly kind: "source"; readonly request: SourceRequest }
  | { readonly kind: "stage"; readonly request: StageRequest }
  | { readonly kind: "event"; readonly event: EngineEvent };

/** The final word for one target. `text` says why, for people. */
export type Outcome =
  | { readonly kind: "complete"; readonly updates: number }
  | { readonly kind: "refused"; readonly text: string }
  | { readonly kind: "failed"; readonly text: string }
  | { readonly kind: "lost"; readonly text: string };

export type MemberInfo = {
  readonly node: NodeId;
  readonly name: string;
  readonly address: Address;
  readonly version: string;
  readonly noReceive: boolean;
  readonly noSend: boolean;
};

export type EngineEvent =
  /** The push has begun; its key names it in what the source tells the console. */
  | {
      readonly kind: "started";
      readonly request: number;
      readonly key: PushKey;
      readonly hosts: readonly string[];
      /** Members that do not receive, and were not asked for by name: they are no targets. */
      readonly readOnly: readonly string[];
    }
  /** What one host needs is known, all of it. */
  | {
      readonly kind: "need";
      readonly request: number;
      readonly host: string;
      /** Entries that change, or would change, and names that are, or would be, removed. */
      readonly updates: number;
      readonly removals: number;
    }
  /** Names that are, or would be, removed at a host; in parts, if names are wanted, before its `need`. */
  | {
      readonly kind: "removals";
      readonly request: number;
      readonly host: string;
      readonly paths: readonly Uint8Array[];
    }
  /** The push cannot begin or go on: nothing was changed anywhere. Last event of a push. */
  | { readonly kind: "rejected"; readonly request: number; readonly text: string }
  /** One target's final word; once for each. */
  | {
      readonly kind: "outcome";
      readonly request: number;
      readonly host: string;
      readonly address: Address;
      readonly outcome: Outcome;
    }
  | {
      readonly kind: "progress";
      readonly request: number;
      readonly phase: SenderPhase;
      /** Bytes of the content stream: sent for the first time, and in all (0 while unknown). */
      readonly sentBytes: number;
      readonly contentBytes: number;
      /** Every target: bytes of the content stream that it is done with (has, or does not need), and whether it is doing well. */
      readonly hosts: readonly {
        readonly host: string;
        /** "silent": nothing has been heard of it for a while. */
        readonly state: "offered" | "live" | "silent" | "prepared" | "ended";
        readonly doneBytes: number;
      }[];
    }
  /** Every target has its outcome. Last event of a push. Entries that the owner could not read are told by its source. */
  | { readonly kind: "finished"; readonly request: number }
  | { readonly kind: "members"; readonly request: number; readonly members: readonly MemberInfo[] }
  | { readonly kind: "status"; readonly request: number; readonly status: EngineStatus }
  | { readonly kind: "log"; readonly level: number; readonly text: string }
  | { readonly kind: "stopped" };

/**
 * What holds a push back: the disk that reads, receivers that have no room, their socket buffers, the limit of -T, a window that still looks for the speed of the
 * network, or one that has found it.
 */
export type FlowLimit = "source" | "receivers" | "buffers" | "rate limit" | "start" | "network";

/** How fast a push sends, and why not faster. */
export type FlowStatus = {
  /** Bytes a second, IP packets, over the last tenth of a second or more. */
  readonly rate: number;
  /** What may be under way. */
  readonly windowPackets: number;
  readonly windowBytes: number;
  /** Of the slowest host that paces the flow. */
  readonly roundTripUs: number;
  /** Share of the packets (0 to 1) that the worst of these hosts is taken to lose by chance. */
  readonly chanceLoss: number;
  readonly limitedBy: FlowLimit;
};

export type EngineStatus = {
  readonly sending: readonly ({
    readonly push: PushId;
    readonly phase: string;
    readonly hosts: number;
    readonly blocks: number;
  } & FlowStatus)[];
  readonly receiving: readonly {
    readonly owner: string;
    readonly push: PushId;
    readonly state: string;
    readonly blocks: number;
  }[];
  /** Counters since the start, by name: packets, blocks by kind sent and received, repairs, NAKs, drops by reason, … */
  readonly counters: Readonly<Record<string, number>>;
};

export type { PushKey };
