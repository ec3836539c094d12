import { assert, type NodeId } from "./brand.ts";
import { putId } from "./put.ts";

/** Lists of node ids in OFFER, SYNC, COMMIT and END (PROTOCOL §6.1, §7.4, §8.2, §8.3): not 0, strictly ascending. */

/** The `count` ids at offset `at`, or undefined if they break the order. */
export function readIds(view: DataView, at: number, count: number): NodeId[] | undefined {
  const ids: NodeId[] = [];
  let last = 0n;
  for (let i = 0; i < count; i++) {
    const id = view.getBigUint64(at + i * 8);
    if (id <= last) return undefined;
    ids.push(id as NodeId);
    last = id;
  }
  return ids;
}

/** Writes ids from offset `at` on. */
export function writeIds(view: DataView, at: number, ids: readonly NodeId[]): void {
  let last = 0n;
  ids.forEach((id, i) => {
    assert(id > last, "node ids out of order");
    putId(view, at + i * 8, id);
    last = id;
  });
}
