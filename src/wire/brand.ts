/** A number or bigint with a kind: `Brand<number, "BlockIndex">` takes no plain number by accident. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** Microseconds on the monotonic clock of one process (engine time; never wall-clock time). */
export type Micros = Brand<number, "Micros">;

/** Index of a block in a push, from 0 (PROTOCOL §5.1). */
export type BlockIndex = Brand<number, "BlockIndex">;

/** Index of a slot in the block arena; a slot holds one block. */
export type Slot = Brand<number, "Slot">;

/** A node's random 64-bit id, not 0 (PROTOCOL §1.4). */
export type NodeId = Brand<bigint, "NodeId">;

/** A push's 32-bit number, unique for its owner (PROTOCOL §1.5). */
export type PushId = Brand<number, "PushId">;

/** Stops the process at a broken invariant of our own. The message is constant text. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
