import { assert } from "../wire/brand.ts";
import { INTERFACE_BYTES, INTERFACE_NAME_BYTES, InterfaceField, InterfaceFlag } from "./abi-net.ts";
import { allocate, shim } from "./ffi.ts";
import type { Host, Interface } from "./interfaces.ts";

/** The smaller parts of the shim: interfaces, wake-ups, and what the process does to itself. Errors are positive errno values. */

export type Failed = { readonly kind: "failed"; readonly errno: number };

const LINUX_ENOENT = 2;
const LINUX_EINVAL = 22;
const INTERFACES_MAX = 1024;
const NAME_BYTES = 256;
const GROUPS_MAX = 256;

/** This thread's memory for names that go to the shim, and for numbers that come from it. */
const text = allocate(NAME_BYTES);
const numbers = allocate(4 * GROUPS_MAX);
const numberWords = new Uint32Array(numbers.buffer);

/** This host's IPv4 addresses, and the one from which it would send to `groupIp`. */
export function readHost(groupIp: number): Host | Failed {
  const { buffer, address } = allocate(INTERFACES_MAX * INTERFACE_BYTES);
  const count = shim.mk_interfaces(address, INTERFACES_MAX);
  if (count < 0) return { kind: "failed", errno: -count };
  const interfaces = Array.from({ length: Math.min(count, INTERFACES_MAX) }, (_, row) =>
    readInterface(buffer, row * INTERFACE_BYTES),
  );
  const found = shim.mk_route_source(groupIp, numbers.address) === 0;
  return { interfaces, groupSource: found ? numberWords[0] : undefined };
}

/** Whether an address is one of this host's. If that cannot be found out it counts as one. */
export function isOwnAddress(ip: number): boolean {
  return shim.mk_is_own_address(ip) !== 0;
}

function readInterface(buffer: SharedArrayBuffer, at: number): Interface {
  const words = new Uint32Array(buffer, at, INTERFACE_BYTES / 4);
  const word = (field: number) => words[field / 4] as number;
  // A copy, since TextDecoder takes no shared memory.
  const bytes = new Uint8Array(buffer).slice(
    at + InterfaceField.name,
    at + InterfaceField.name + INTERFACE_NAME_BYTES,
  );
  const flags = word(InterfaceField.flags);
  return {
    name: new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))),
    index: word(InterfaceField.index),
    ip: word(InterfaceField.ip),
    netmask: word(InterfaceField.netmask),
    mtu: word(InterfaceField.mtu),
    up: (flags & InterfaceFlag.up) !== 0,
    loopback: (flags & InterfaceFlag.loopback) !== 0,
    multicast: (flags & InterfaceFlag.multicast) !== 0,
  };
}

/** Opens an eventfd: what a thread waits on in NetShim.wait, for others to end that. Its number may be posted to them. */
export function openWake(): number {
  const fd = shim.mk_wake_open();
  assert(fd >= 0, "cannot create an eventfd");
  return fd;
}

/** Ends the present or the next `wait` of the thread with this eventfd. */
export function wake(fd: number): void {
  const result = shim.mk_wake(fd);
  assert(result === 0, "cannot wake another thread");
}

/** Names the calling thread; from the main thread, the process (as `pkill` and `ps` see it). 15 bytes count. */
export function setProcessName(name: string): void {
  assert(putText(name), "this is no process name");
  shim.mk_set_name(text.address);
}

/** A user's ids, by name or by decimal number; a number needs no entry in the user database, its group is then undefined. */
export function findUser(user: string): { uid: number; gid: number | undefined } | Failed {
  const uid = parseId(user);
  if (uid === undefined) {
    if (!putText(user)) return { kind: "failed", errno: LINUX_ENOENT };
    const result = shim.mk_user(text.address, numbers.address);
    if (result < 0) return { kind: "failed", errno: -result };
    return { uid: numberWords[0] as number, gid: numberWords[1] as number };
  }
  const known = shim.mk_user_by_id(uid, numbers.address) === 0;
  return { uid, gid: known ? numberWords[1] : undefined };
}

/** A group's id, by name or by decimal number. */
export function findGroup(group: string): { gid: number } | Failed {
  const gid = parseId(group);
  if (gid !== undefined) return { gid };
  if (!putText(group)) return { kind: "failed", errno: LINUX_ENOENT };
  const result = shim.mk_group(text.address, numbers.address);
  return result < 0 ? { kind: "failed", errno: -result } : { gid: numberWords[0] as number };
}

/**
 * Gives up privileges in all threads of the process, for good: `groups` become the supplementary groups, then gid and uid change (real,
 * effective and saved). Returns undefined when that is proved; after a failure the process must not go on.
 */
export function dropPrivileges(to: {
  uid: number;
  gid: number;
  groups: readonly number[];
}): Failed | undefined {
  if (to.groups.length > GROUPS_MAX) return { kind: "failed", errno: LINUX_EINVAL };
  numberWords.set(to.groups);
  const result = shim.mk_drop_privileges(to.uid, to.gid, numbers.address, to.groups.length);
  return result < 0 ? { kind: "failed", errno: -result } : undefined;
}

/** Puts NUL-terminated text into the memory for it; false if it cannot be a name. */
function putText(value: string): boolean {
  const bytes = new TextEncoder().encode(value);
  if (bytes.length >= NAME_BYTES || bytes.includes(0)) return false;
  const memory = new Uint8Array(text.buffer);
  memory.set(bytes);
  memory[bytes.length] = 0;
  return true;
}

/** A uid or gid; 4,294,967,295 means "leave as it is" to the kernel and is none. */
function parseId(value: string): number | undefined {
  if (!/^\d{1,10}$/.test(value)) return undefined;
  const id = Number(value);
  return id < 0xffff_ffff ? id : undefined;
}
