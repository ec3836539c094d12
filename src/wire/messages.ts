import type { BlockIndex, NodeId, PushId } from "./brand.ts";
import type { EndReason, FailStep, RefuseReason } from "./constants.ts";

/** The control packets of PROTOCOL §3 as values: everything but DATA, which the packet handler deals with. */

/** What the header says of a control packet's sender (PROTOCOL §2). */
export type Origin = { readonly node: NodeId; readonly push: PushId };

export type Hello = {
  readonly type: "hello";
  readonly epoch: bigint;
  readonly solicit: boolean;
  readonly noReceive: boolean;
  readonly noSend: boolean;
  readonly mtu: number;
  readonly name: string;
  readonly version: string;
};
export type Bye = { readonly type: "bye"; readonly epoch: bigint };
export type Offer = {
  readonly type: "offer";
  readonly symbolSize: number;
  readonly blockSymbols: number;
  readonly dryRun: boolean;
  /** Contents are compared and nothing is changed: also a member that does not receive takes part. Implies dryRun. */
  readonly check: boolean;
  readonly statusIntervalUs: number;
  /** Number of all targets of the push. */
  readonly targets: number;
  /** Some of them, ascending. */
  readonly ids: readonly NodeId[];
};
export type Report = {
  readonly type: "report";
  readonly owner: NodeId;
  readonly first: number;
  readonly records: readonly ReportRecord[];
};
export type ReportRecord =
  | { readonly kind: "accept"; readonly receiveBuffer: number; readonly window: number }
  | { readonly kind: "refuse"; readonly reason: RefuseReason; readonly text: string }
  | {
      readonly kind: "need";
      readonly section: number;
      readonly entries: number;
      /** ⌈entries/8⌉ bytes, bits as in §6.3; undefined: none of the entries. */
      readonly update: Uint8Array | undefined;
      readonly content: Uint8Array | undefined;
    }
  | {
      readonly kind: "fail";
      readonly entry: number | undefined;
      readonly errno: number;
      readonly step: FailStep;
      /** Where no entry is to blame but a name of the receiver's own tree: its path, at most 400 bytes; else undefined. */
      readonly path: Uint8Array | undefined;
    }
  /**
   * Comes after all needs if the terms say that names are removed. `names`: a part of the stream of those names (`u16` length, path; in
   * manifest order, a directory before what is in it), which is empty unless names are wanted.
   */
  | {
      readonly kind: "removals";
      /** Names that are to be removed, in all; every record of the stream says the same. */
      readonly count: number;
      readonly last: boolean;
      readonly names: Uint8Array;
    }
  | { readonly kind: "prepared" }
  | { readonly kind: "outcome"; readonly committed: boolean };
export type ReportAck = { readonly type: "reportAck"; readonly receiver: NodeId; readonly next: number };
export type Nak = {
  readonly type: "nak";
  readonly owner: NodeId;
  /** Ascending by block; each bitmap NAK_BITMAP_BYTES long. */
  readonly blocks: readonly { readonly block: BlockIndex; readonly missing: Uint8Array }[];
};
export type Status = {
  readonly type: "status";
  readonly owner: NodeId;
  readonly next: BlockIndex;
  readonly limit: BlockIndex;
  readonly sequence: number;
  readonly state: ReceiverPhase;
  readonly received: number;
};
/** The `state` byte of STATUS, by position (PROTOCOL §7.3). */
export const RECEIVER_PHASES = ["receiving", "preparing", "prepared", "committing", "done"] as const;
export type ReceiverPhase = (typeof RECEIVER_PHASES)[number];
export type Sync = {
  readonly type: "sync";
  readonly phase: SenderPhase;
  readonly poll: boolean;
  readonly sequence: number;
  readonly edgeBlock: BlockIndex;
  readonly edgeSymbol: number;
  readonly low: BlockIndex;
  readonly roundTripUs: number;
  /** Who answers polls at once; none: everybody (PROTOCOL §7.4). */
  readonly ids: readonly NodeId[];
};
/** The `phase` byte of SYNC, by position (PROTOCOL §7.4). */
export const SENDER_PHASES = ["offer", "manifest", "need", "content", "prepare", "commit"] as const;
export type SenderPhase = (typeof SENDER_PHASES)[number];
export type Commit = { readonly type: "commit"; readonly ids: readonly NodeId[] };
export type End = { readonly type: "end"; readonly reason: EndReason; readonly ids: readonly NodeId[] };
export type Query = { readonly type: "query"; readonly owner: NodeId };
export type Vouch = { readonly type: "vouch"; readonly owner: NodeId };

export type Message =
  | Hello
  | Bye
  | Offer
  | Report
  | ReportAck
  | Nak
  | Status
  | Sync
  | Commit
  | End
  | Query
  | Vouch;

/** Why a packet was dropped, in the order of the checks (PROTOCOL §2.1). */
export const DROPS = [
  "short",
  "magic",
  "version",
  "group",
  "checksum",
  "node",
  "type",
  "reserved",
  "long",
  "range",
] as const;
export type Drop = (typeof DROPS)[number];
