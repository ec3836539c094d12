import { FsWay } from "./abi-fs.ts";
import { READY_FD } from "./abi-proc.ts";
import { allocate, type Pointer, shim } from "./ffi.ts";
import type { Failed } from "./shim.ts";

/** What a process does through the shim to become a daemon. Errors are positive errno values; text is bytes where a name says so. */

const GROUPS_BYTES = 1 << 20;

/** Makes a directory (bytes, one character each) the process's root and working directory. */
export function changeRoot(path: string): Failed | undefined {
  return failure(shim.mk_chroot(putBytes(Buffer.from(`${path}\0`, "latin1"))));
}

/** Allows core dumps as far as the system does, or forbids them for good. After a change of user, allowing them must be said again. */
export function setCoreDumps(core: { readonly allowed: boolean }): Failed | undefined {
  return failure(shim.mk_core_dumps(core.allowed ? 1 : 0));
}

/** All groups that the system can list: their numbers by name. */
export function listGroups(): ReadonlyMap<string, number> | Failed {
  const { buffer, address } = allocate(GROUPS_BYTES);
  const bytes = shim.mk_groups(address, GROUPS_BYTES);
  if (bytes < 0) return { kind: "failed", errno: -bytes };
  const rows = Buffer.from(new Uint8Array(buffer).slice(0, bytes)).toString().split("\0").slice(0, -1);
  return new Map(
    rows.map((row) => {
      const at = row.indexOf(" ");
      return [row.slice(at + 1), Number(row.slice(0, at))] as const;
    }),
  );
}

/** Connects to the system's log, or anew; after an error an earlier connection stays. */
export function openSyslog(): Failed | undefined {
  return failure(shim.mk_syslog_open());
}

/** Writes a line to the system's log; `priority` is that of syslog(3). */
export function writeSyslog(priority: number, line: string): void {
  shim.mk_syslog(priority, putBytes(Buffer.from(`${line}\0`)));
}

/** A socket connected to a service manager's: a path, or an abstract name after `@`. */
export function openNotify(path: string): number | Failed {
  const bytes = Buffer.from(path);
  return value(shim.mk_notify_open(putBytes(bytes), bytes.length));
}

/** Sends one message (sd_notify(3)). */
export function sendNotify(fd: number, message: string): Failed | undefined {
  const bytes = Buffer.from(message);
  return failure(shim.mk_notify(fd, putBytes(bytes), bytes.length));
}

/** Opens a file below a directory's descriptor for reading, through no link (ASCII name). */
export function openBelow(directory: number, name: string): number | Failed {
  return value(shim.mk_fs_open(directory, putBytes(Buffer.from(`${name}\0`, "latin1")), FsWay.read));
}

/** A descriptor of /dev/null. */
export function openNull(): number | Failed {
  return value(shim.mk_null_open());
}

/** Makes a descriptor standard input, output and error. */
export function replaceStandard(fd: number): Failed | undefined {
  return failure(shim.mk_standard(fd));
}

/** How a process ended. */
export type Ending = { readonly status: number; readonly signal: number };

/** This program, started again: what it has written to READY_FD when it closed that or ended, and how it ended, for whoever wants to wait. */
export type Spawned = { readonly readFd: number; wait(): Ending };

/**
 * Starts this program again in a session of its own; its READY_FD is the other end of `readFd`. Arguments and variables are bytes, each
 * with a NUL at its end.
 */
export function spawnSelf(args: Uint8Array, variables: Uint8Array): Spawned | Failed {
  const ends = allocate(8);
  const piped = shim.mk_pipe(ends.address);
  if (piped < 0) return { kind: "failed", errno: -piped };
  const [readFd = -1, writeFd = -1] = new Int32Array(ends.buffer);
  const { strings, bytes, argc, envc, table } = putLists(args, variables);
  const pid = shim.mk_spawn(strings, bytes, argc, envc, table, writeFd);
  shim.mk_close(writeFd);
  if (pid < 0) {
    shim.mk_close(readFd);
    return { kind: "failed", errno: -pid };
  }
  return { readFd, wait: () => waitFor(pid) };
}

/** Starts this program anew in this process (lists as for `spawnSelf`). Returns only if that failed. */
export function execSelf(args: Uint8Array, variables: Uint8Array): Failed {
  const { strings, bytes, argc, envc, table } = putLists(args, variables);
  return { kind: "failed", errno: -shim.mk_exec(strings, bytes, argc, envc, table) };
}

function putLists(args: Uint8Array, variables: Uint8Array) {
  const [argc, envc] = [count(args), count(variables)];
  const both = Buffer.concat([args, variables]);
  const table = allocate(8 * (argc + envc + 2)).address;
  return { strings: putBytes(both), bytes: both.length, argc, envc, table };
}

function waitFor(pid: number): Ending {
  const { buffer, address } = allocate(8);
  shim.mk_wait_child(pid, address);
  const [status = 0, signal = 0] = new Uint32Array(buffer);
  return { status, signal };
}

function count(strings: Uint8Array): number {
  return strings.reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0);
}

/** Memory for bytes on their way to the shim: it grows to the longest and stays, as memory of the shim is never given back. */
let memory = allocate(4096);

function putBytes(bytes: Uint8Array): Pointer {
  if (bytes.length > memory.buffer.byteLength) memory = allocate(2 * bytes.length);
  new Uint8Array(memory.buffer).set(bytes);
  return memory.address;
}

function value(result: number): number | Failed {
  return result < 0 ? { kind: "failed", errno: -result } : result;
}

function failure(result: number): Failed | undefined {
  return result < 0 ? { kind: "failed", errno: -result } : undefined;
}

export { READY_FD };
