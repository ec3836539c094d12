import type { Failed, NodeKind, Stat } from "../disk/sys.ts";
import { StatField } from "./abi-fs.ts";

const KIND_MASK = 0o170000;
const KINDS: Readonly<Record<number, NodeKind>> = {
  32768: "file",
  16384: "directory",
  40960: "symlink",
  4096: "fifo",
  24576: "block",
  8192: "character",
  49152: "socket",
};

/** Device numbers are one number: major times this, and minor. */
export const MINORS = 0x1_0000_0000;

/** The struct mk_fs_stat at an offset. */
export function statAt(view: DataView, at: number): Stat | Failed {
  const error = view.getInt32(at + StatField.error, true);
  if (error !== 0) return -error as Failed;
  const mode = view.getUint32(at + StatField.mode, true);
  return {
    kind: KINDS[mode & KIND_MASK] ?? "unknown",
    mode: mode & 0o7777,
    uid: view.getUint32(at + StatField.uid, true),
    gid: view.getUint32(at + StatField.gid, true),
    size: Number(view.getBigUint64(at + StatField.size, true)),
    seconds: view.getBigInt64(at + StatField.seconds, true),
    nanoseconds: view.getUint32(at + StatField.nanoseconds, true),
    changedNs: view.getBigInt64(at + StatField.changedNs, true),
    mount: view.getBigUint64(at + StatField.mount, true),
    inode: view.getBigUint64(at + StatField.inode, true),
    device: view.getBigUint64(at + StatField.device, true),
    number: view.getUint32(at + StatField.major, true) * MINORS + view.getUint32(at + StatField.minor, true),
    links: view.getUint32(at + StatField.links, true),
    locked: view.getUint32(at + StatField.locked, true) !== 0,
  };
}
