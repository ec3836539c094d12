import { assert, type NodeId } from "./brand.ts";

/** Big-endian writes that stop at a value which the field cannot hold: such a value is our own mistake, and no packet may lie. */

/** An unsigned integer of 8 bits at byte `at`. */
export function put8(view: DataView, at: number, value: number): void {
  assert(isUint(value, 0xff), "value does not fit 8 bits");
  view.setUint8(at, value);
}

/** An unsigned integer of 16 bits at byte `at`. */
export function put16(view: DataView, at: number, value: number): void {
  assert(isUint(value, 0xffff), "value does not fit 16 bits");
  view.setUint16(at, value);
}

/** An unsigned integer of 32 bits at byte `at`. */
export function put32(view: DataView, at: number, value: number): void {
  assert(isUint(value, 0xffff_ffff), "value does not fit 32 bits");
  view.setUint32(at, value);
}

/** An unsigned integer of 64 bits at byte `at`. */
export function put64(view: DataView, at: number, value: bigint): void {
  assert(BigInt.asUintN(64, value) === value, "value does not fit 64 bits");
  view.setBigUint64(at, value);
}

/** Writes a node id, which is never 0 (PROTOCOL §1.4). */
export function putId(view: DataView, at: number, id: NodeId): void {
  assert(id !== 0n, "node id is 0");
  put64(view, at, id);
}

/** Whether `value` is an integer of 0..max. */
export function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
