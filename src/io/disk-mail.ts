import type { MessagePort } from "node:worker_threads";
import type { BlockIndex, NodeId, PushId, Slot } from "../wire/brand.ts";
import type { BlockKind } from "../wire/constants.ts";
import type {
  BlockInSlot,
  PushKey,
  SourceReply,
  SourceRequest,
  StageReply,
  StageRequest,
} from "../wire/disk-port.ts";

/**
 * Messages between the engine and the disk threads: arrays of the requests and replies of wire/disk-port.ts, in order. What goes with every block
 * is posted as plain numbers: copying objects from thread to thread took more time than all else that JavaScript does for a block.
 */

/** How the most frequent of some values go: as `size` numbers each. */
export type FlatForm<Value> = {
  readonly size: number;
  /** Adds the numbers of a value; false, and nothing is added, if it has to go as it is. */
  put(to: number[], value: Value): boolean;
  /** The value whose numbers begin at `at`. */
  get(from: readonly number[], at: number): Value;
};

/** Posts values in as few messages as their order allows. */
export function postValues<Value>(
  port: Pick<MessagePort, "postMessage">,
  values: readonly Value[],
  form: FlatForm<Value>,
): void {
  let numbers: number[] = [];
  let others: Value[] = [];
  for (const value of values) {
    const flat = form.put(numbers, value);
    if (flat && others.length > 0) {
      port.postMessage(others);
      others = [];
    } else if (!flat) {
      if (numbers.length > 0) port.postMessage(numbers);
      numbers = [];
      others.push(value);
    }
  }
  if (others.length > 0) port.postMessage(others);
  if (numbers.length > 0) port.postMessage(numbers);
}

/** The values of one message. */
export function readValues<Value>(
  message: readonly number[] | readonly Value[],
  form: FlatForm<Value>,
): readonly Value[] {
  if (!isFlat(message)) return message;
  const values: Value[] = [];
  for (let at = 0; at < message.length; at += form.size) values.push(form.get(message, at));
  return values;
}

function isFlat<Value>(message: readonly number[] | readonly Value[]): message is readonly number[] {
  return typeof message[0] === "number";
}

const KEY = 3;
/** Of a block: slot, block, kind, bytes, flags. */
const BLOCK = 5;
const Flag = { lastOfKind: 1, final: 2 } as const;

/** Stands where a slot would. */
const NO_SLOT = -1;

/** Blocks to be used: slot, block, kind, bytes, flags; and what follows the last one, in the same message. */
export const stageRequestForm: FlatForm<StageRequest> = {
  size: KEY + BLOCK,
  put(to, request) {
    if (request.kind !== "block" && request.kind !== "prepare") return false;
    putKey(to, request.key);
    if (request.kind === "prepare") to.push(NO_SLOT, 0, 0, 0, 0);
    else putBlock(to, request);
    return true;
  },
  get(from, at) {
    const key = keyAt(from, at);
    const slot = number(from, at + KEY);
    if (slot === NO_SLOT) return { kind: "prepare", key };
    return { kind: "block", key, ...blockAt(from, at + KEY) };
  },
};

const State = { good: 0, broken: 1, skipped: 2 } as const;

/** Blocks that have been used, where there is no more to say: slot, block, state. */
export const stageReplyForm: FlatForm<StageReply> = {
  size: KEY + 3,
  put(to, reply) {
    if (reply.kind !== "used" || reply.need || reply.removals || reply.wanted || reply.failure) return false;
    putKey(to, reply.key);
    const bad = reply.skipped === true ? State.skipped : State.broken;
    to.push(reply.slot, reply.block, reply.good ? State.good : bad);
    return true;
  },
  get(from, at) {
    const state = number(from, at + KEY + 2);
    return {
      kind: "used",
      key: keyAt(from, at),
      slot: number(from, at + KEY) as Slot,
      block: number(from, at + KEY + 1) as BlockIndex,
      good: state === State.good,
      ...(state === State.skipped ? { skipped: true } : {}),
    };
  },
};

/** The next block: slot, block, whether others wait. */
export const sourceRequestForm: FlatForm<SourceRequest> = {
  size: KEY + 3,
  put(to, request) {
    if (request.kind !== "next") return false;
    putKey(to, request.key);
    to.push(request.slot, request.block, request.waiting === true ? 1 : 0);
    return true;
  },
  get: (from, at) => ({
    kind: "next",
    key: keyAt(from, at),
    slot: number(from, at + KEY) as Slot,
    block: number(from, at + KEY + 1) as BlockIndex,
    waiting: number(from, at + KEY + 2) === 1,
  }),
};

/** Blocks that have been read: slot, block, kind, bytes, flags, entries, content bytes. */
export const sourceReplyForm: FlatForm<SourceReply> = {
  size: KEY + BLOCK + 2,
  put(to, reply) {
    if (reply.kind !== "block") return false;
    putKey(to, reply.key);
    putBlock(to, reply);
    to.push(reply.entries, reply.contentBytes);
    return true;
  },
  get: (from, at) => ({
    kind: "block",
    key: keyAt(from, at),
    ...blockAt(from, at + KEY),
    entries: number(from, at + KEY + BLOCK),
    contentBytes: number(from, at + KEY + BLOCK + 1),
  }),
};

function putBlock(to: number[], { slot, block, blockKind, bytes, lastOfKind, final }: BlockInSlot): void {
  const flags = (lastOfKind ? Flag.lastOfKind : 0) | (final ? Flag.final : 0);
  to.push(slot, block, blockKind, bytes, flags);
}

function blockAt(from: readonly number[], at: number): BlockInSlot {
  const flags = number(from, at + 4);
  return {
    slot: number(from, at) as Slot,
    block: number(from, at + 1) as BlockIndex,
    blockKind: number(from, at + 2) as BlockKind,
    bytes: number(from, at + 3),
    lastOfKind: (flags & Flag.lastOfKind) !== 0,
    final: (flags & Flag.final) !== 0,
  };
}

/** The last key that went or came, and its numbers: most messages are of one push, and a node id is dear to take apart and to put together. */
let last: Numbered = { key: { owner: 0n as NodeId, push: 0 as PushId }, high: 0, low: 0 };
type Numbered = { readonly key: PushKey; readonly high: number; readonly low: number };

function putKey(to: number[], key: PushKey): void {
  const { owner, push } = key;
  if (last.key.owner !== owner) last = { key, high: Number(owner >> 32n), low: Number(owner & 0xffff_ffffn) };
  to.push(last.high, last.low, push);
}

function keyAt(from: readonly number[], at: number): PushKey {
  const [high, low, push] = [number(from, at), number(from, at + 1), number(from, at + 2)];
  if (last.high === high && last.low === low && last.key.push === push) return last.key;
  const owner = ((BigInt(high) << 32n) | BigInt(low)) as NodeId;
  last = { key: { owner, push: push as PushId }, high, low };
  return last.key;
}

function number(from: readonly number[], at: number): number {
  return from[at] as number;
}
