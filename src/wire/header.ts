import { assert, type NodeId, type PushId } from "./brand.ts";
import { HEADER_BYTES, MAGIC, PacketType, VERSION } from "./constants.ts";
import type { Drop, Origin } from "./messages.ts";
import { put8, put32, putId } from "./put.ts";

/** The header of control packets, that is of all but DATA (PROTOCOL §2). */

const CONTROL_TYPES: ReadonlySet<number> = new Set(
  Object.values(PacketType).filter((code) => code !== PacketType.data),
);

/**
 * The checks of §2.1 from the length to the fields that must be zero, except group and checksum, which the packet handler has checked.
 * DATA is no type here. Returns the type, or the reason to drop the packet.
 */
export function checkControlHeader(view: DataView): number | Drop {
  if (view.byteLength < HEADER_BYTES) return "short";
  if (view.getUint8(0) !== MAGIC) return "magic";
  if (view.getUint8(1) !== VERSION) return "version";
  if (view.getBigUint64(8) === 0n) return "node";
  const type = view.getUint8(2);
  if (!CONTROL_TYPES.has(type)) return "type";
  if (view.getUint8(3) !== 0 || view.getUint32(24) !== 0 || view.getUint32(28) !== 0) return "reserved";
  if (isOutsidePushes(type) && view.getUint32(20) !== 0) return "reserved";
  return type;
}

/** Who sent a packet whose header is good. */
export function readOrigin(view: DataView): Origin {
  return { node: view.getBigUint64(8) as NodeId, push: view.getUint32(20) as PushId };
}

/** Writes a control packet's header, its checksum 0, over zeros. */
export function writeControlHeader(view: DataView, type: number, origin: Origin, groupTag: number): void {
  assert(CONTROL_TYPES.has(type), "not a control packet");
  assert(!isOutsidePushes(type) || origin.push === 0, "packet with a push that belongs to none");
  put8(view, 0, MAGIC);
  put8(view, 1, VERSION);
  put8(view, 2, type);
  putId(view, 8, origin.node);
  put32(view, 16, groupTag);
  put32(view, 20, origin.push);
}

function isOutsidePushes(type: number): boolean {
  return type === PacketType.hello || type === PacketType.bye;
}
