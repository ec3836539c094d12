import type { BlockIndex, NodeId, PushId, Slot } from "./brand.ts";
import type { BlockKind, FailStep, RefuseReason } from "./constants.ts";

/**
 * The values that cross between the engine and the disk workers. Blocks are passed by slot number: whoever gets a slot in a
 * message may use its memory until it answers. Every request is answered once, in order within a push and side, except
 * where said otherwise.
 *
 * Two sides that share nothing: *source* (the owner's: scan and read) and *stage* (a receiver's: compare, stage, apply).
 */

/** Names a push: its owner and its number there (PROTOCOL §1.5). */
export type PushKey = { readonly owner: NodeId; readonly push: PushId };

/** What is to be sent: paths relative to the base as raw bytes; none with `recursive` is the whole base. */
export type Selection = { readonly paths: readonly Uint8Array[]; readonly recursive: boolean };

/** What a push does with what was selected. */
export type Task = {
  /** As in the terms (wire/terms.ts). */
  readonly mode: "send" | "check" | "prune";
  /**
   * What is removed there: "nothing"; "missing": selected paths that do not exist here; "extra": those, and, where the selection is recursive, every
   * name below it that does not exist here.
   */
  readonly removes: "nothing" | "missing" | "extra";
  /** A receiver that would remove more names fails; undefined: no limit. */
  readonly removesMax: number | undefined;
  /** Receivers flush nothing to the disk. */
  readonly unflushed: boolean;
  /** Patterns of fnmatch(3) with FNM_PATHNAME. */
  readonly excludes: readonly Uint8Array[];
  /** The files that are sent get this group first, here. */
  readonly gid: number | undefined;
  /** The highest level of Zstandard, 1 to 19, that contents are compressed at where that makes the push faster; 0: not at all. */
  readonly compressLevel: number;
};

/** As of zstd(1): beyond it, blocks hardly get smaller, but take several times as long. */
export const COMPRESS_LEVEL_USUAL = 3;
export const COMPRESS_LEVEL_MAX = 19;

/** Sends, and that is all. */
export const SEND_TASK: Task = {
  mode: "send",
  removes: "nothing",
  removesMax: undefined,
  unflushed: false,
  excludes: [],
  gid: undefined,
  compressLevel: COMPRESS_LEVEL_USUAL,
};

/** What went wrong, where, and at which entry, if at one. */
export type DiskFailure = {
  readonly errno: number;
  readonly step: FailStep;
  readonly entry: number | undefined;
  /** The name of the receiver's own tree that is to blame instead of an entry, if one is. */
  readonly path?: Uint8Array | undefined;
};

export type SourceRequest =
  /** Starts a push's source. No answer of its own; bad selections are answered to the first `next` by `failed`. */
  | {
      readonly kind: "open";
      readonly key: PushKey;
      readonly selection: Selection;
      readonly task: Task;
      /** Nothing is changed, here neither. */
      readonly dryRun: boolean;
      /** Whether the names that receivers remove are wanted (`Terms.namesWanted`). */
      readonly names: boolean;
      readonly capacity: number;
    }
  /**
   * Asks for the next block, to be put into `slot`, digest included. Answered by `block` or `failed`. Beyond the manifest several may be asked for before
   * the first has come; of these, what lies behind the final block, or a failure, has no answer.
   */
  | {
      readonly kind: "next";
      readonly key: PushKey;
      readonly slot: Slot;
      readonly block: BlockIndex;
      /** Whether blocks that were made before wait for the wire, and not for receivers. */
      readonly waiting?: boolean;
    }
  /** The union of content needs of one section (PROTOCOL §6.3; undefined: none). Sent for every section, after the last manifest block. No answer. */
  | {
      readonly kind: "union";
      readonly key: PushKey;
      readonly section: number;
      readonly content: Uint8Array | undefined;
    }
  /** Asks for output lines: the entries of `section` in `update` (undefined: none), for one host. The answer goes to the console, not to the engine. */
  | {
      readonly kind: "names";
      readonly key: PushKey;
      readonly section: number;
      readonly host: string;
      readonly update: Uint8Array | undefined;
    }
  /** Asks the console to be told of a receiver's failure, by entry name. The answer goes to the console. */
  | { readonly kind: "explain"; readonly key: PushKey; readonly host: string; readonly failure: DiskFailure }
  /** Forgets the push. Answered by `closed`; a `next` that is under way is not answered any more. The engine may reuse the slots only after that. */
  | { readonly kind: "close"; readonly key: PushKey };

/** A whole block in a slot, on its way between the engine and the disk. */
export type BlockInSlot = {
  readonly slot: Slot;
  readonly block: BlockIndex;
  readonly blockKind: BlockKind;
  /** Bytes of the block, digest included. */
  readonly bytes: number;
  readonly lastOfKind: boolean;
  readonly final: boolean;
};

export type SourceReply =
  | (BlockInSlot & {
      readonly kind: "block";
      readonly key: PushKey;
      /** Entries of the section (manifest blocks only, else 0). */
      readonly entries: number;
      /** Content bytes in all, known from the last plan block on (else 0). */
      readonly contentBytes: number;
    })
  /** The push cannot go on (base unreadable, path missing, …). `message` is complete and shown to the user. */
  | { readonly kind: "failed"; readonly key: PushKey; readonly message: string }
  | { readonly kind: "closed"; readonly key: PushKey };

export type StageRequest =
  /** Starts staging. Answered by `opened` or `refused`. */
  | {
      readonly kind: "open";
      readonly key: PushKey;
      readonly dryRun: boolean;
      /** Only a comparison of contents: the base need not be writable. */
      readonly check: boolean;
      /** Bytes of a full block without its digest (PROTOCOL §5.4). */
      readonly capacity: number;
    }
  /**
   * A complete block, in order. Answered by `used`. Blocks that were announced as unneeded are not passed, unless that was before
   * they were. A manifest block comes alone; of others several may be passed before the first is answered.
   */
  | (BlockInSlot & { readonly kind: "block"; readonly key: PushKey })
  /**
   * Metadata and flush. Follows the final block, before that has been answered. Answered by `prepared` or `failed`; not at all if a block before it was
   * broken: it is asked for again with the final block.
   */
  | { readonly kind: "prepare"; readonly key: PushKey }
  /** Renames. Answered by `committed` or `failed`. */
  | { readonly kind: "commit"; readonly key: PushKey }
  /** Removes all that is staged. Answered by `closed`. Allowed at any time. */
  | { readonly kind: "abort"; readonly key: PushKey };

export type NeedAnswer = {
  readonly section: number;
  readonly entries: number;
  /** One bit an entry (PROTOCOL §6.3), ⌈entries/8⌉ bytes; undefined: none. */
  readonly update: Uint8Array | undefined;
  readonly content: Uint8Array | undefined;
};

export type StageReply =
  | { readonly kind: "opened"; readonly key: PushKey }
  | { readonly kind: "refused"; readonly key: PushKey; readonly reason: RefuseReason; readonly text: string }
  | {
      readonly kind: "used";
      readonly key: PushKey;
      readonly slot: Slot;
      readonly block: BlockIndex;
      /** False: the digest is wrong; the block is forgotten and must be received again. */
      readonly good: boolean;
      /** Not looked at (and not good), because one before it was broken: it is to be passed again, after that one. */
      readonly skipped?: true;
      /** The answer to a manifest block. */
      readonly need?: NeedAnswer;
      /** With the last manifest block, if the terms say that names are removed: how many, and the stream of their names (messages.ts, "removals"). */
      readonly removals?: { readonly count: number; readonly names: Uint8Array };
      /**
       * From the last plan block on: which of the blocks that follow are wanted. Block `first + i` is wanted if bit i (as in PROTOCOL §6.3) is set;
       * blocks after the bitmap's end are all wanted.
       */
      readonly wanted?: { readonly first: BlockIndex; readonly bits: Uint8Array };
      /** What went wrong in this block, if anything: the push fails here, the tree stays as it is. */
      readonly failure?: DiskFailure;
    }
  | { readonly kind: "prepared"; readonly key: PushKey }
  | { readonly kind: "committed"; readonly key: PushKey }
  | { readonly kind: "failed"; readonly key: PushKey; readonly failure: DiskFailure }
  | { readonly kind: "closed"; readonly key: PushKey };
