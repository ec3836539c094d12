import { dlopen, type Pointer, ptr } from "bun:ffi";
import { readFileSync, writeSync } from "node:fs";
import { abiDifference, LAYOUT } from "./abi-check.ts";
import { fsSymbols } from "./abi-fs.ts";
import { hashSymbols } from "./abi-hash.ts";
import { netSymbols } from "./abi-net.ts";
import { procSymbols } from "./abi-proc.ts";

/**
 * The only file that imports bun:ffi. It loads the shim, makes sure that both sides mean the same ABI, and hands out addresses of
 * memory that neither moves nor ends. Every worker that needs the shim imports this file for itself.
 */

export type { Pointer };

/** Memory that stays in its place as long as the process lives. All threads may share it. */
export type Memory = { readonly buffer: SharedArrayBuffer; readonly address: Pointer };

const MFD_CLOEXEC = 1;
const MFD_NOEXEC_SEAL = 8;

/** Buffers whose address was given away: never collected, as C may hold it. */
const pinned = new Set<SharedArrayBuffer>();

/** Zeroed memory for the shim, at least 1 byte. Never freed: for what a thread needs once, not for what it needs often. */
export function allocate(bytes: number): Memory {
  const buffer = new SharedArrayBuffer(bytes);
  return { buffer, address: addressOf(buffer) };
}

/**
 * The address of a buffer, for the life of the process. It takes whole shared buffers only: a small typed array may live in the
 * collected heap, which moves it, and a write to a stale address corrupts that heap.
 */
export function addressOf(buffer: SharedArrayBuffer): Pointer {
  if (buffer.growable || buffer.byteLength === 0)
    throw new Error("an address needs a buffer of a fixed size, not 0");
  pinned.add(buffer);
  return ptr(buffer);
}

/** The address `bytes` further on; the caller vouches that it lies in the same memory. */
export function addressAt(base: Pointer, bytes: number): Pointer {
  return (base + bytes) as Pointer;
}

/** Names of the two shared objects, as the bundler or the checkout has them. */
const files = await locate();

/** The functions of native/makuo*.h, by name. */
export const shim = load();

async function locate(): Promise<{ isal: string; makuo: string }> {
  try {
    // Both paths must be literals: that is how `bun build --compile` finds what to put into the executable.
    const isal = await import("../../build/libisal.so", { with: { type: "file" } });
    const makuo = await import("../../build/libmakuo.so", { with: { type: "file" } });
    return { isal: isal.default, makuo: makuo.default };
  } catch (cause) {
    throw new Error("the shim has not been built; run: make -C native", { cause });
  }
}

function load() {
  const symbols = open();
  const { buffer, address } = allocate(4 * LAYOUT.length);
  const count = symbols.mk_layout(address, LAYOUT.length);
  const difference = abiDifference(symbols.mk_abi_version(), new Uint32Array(buffer), count);
  if (difference !== undefined) {
    throw new Error(`libmakuo.so does not fit this program: ${difference}; run: make -C native`);
  }
  return symbols;
}

/** Neither library is ever closed. */
function open() {
  try {
    // The shim needs a library of ISA-L's soname. Once one is in the process the need is met, wherever it came from.
    dlopen(loadable(files.isal), { crc32_iscsi: { args: ["ptr", "i32", "u32"], returns: "u32" } });
    return dlopen(loadable(files.makuo), { ...netSymbols, ...hashSymbols, ...procSymbols, ...fsSymbols })
      .symbols;
  } catch (cause) {
    // Most likely it was built from an older source and lacks a function; the cause names it.
    throw new Error("the shim cannot be loaded; run: make -C native", { cause });
  }
}

/**
 * A path that dlopen takes. Bun would copy an embedded library to a file of a guessable name in the temporary directory: that fails where
 * the directory forbids execution, and where it does not, a daemon started by root would load what another user may have put there. So the
 * copy is an anonymous file. Its descriptor stays open, lest the next library get the same path and the loader take the two for one.
 */
export function loadable(path: string): string {
  if (!path.startsWith("/$bunfs/")) return path;
  const libc = dlopen("libc.so.6", { memfd_create: { args: ["ptr", "u32"], returns: "i32" } });
  const name = allocate(16);
  new Uint8Array(name.buffer).set(new TextEncoder().encode("makuosan"));
  // "No execution" is of the file as a program, which hardened hosts insist on. Kernels before 6.3 do not know the flag.
  const sealed = libc.symbols.memfd_create(name.address, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  const descriptor = sealed >= 0 ? sealed : libc.symbols.memfd_create(name.address, MFD_CLOEXEC);
  if (descriptor < 0) throw new Error("memfd_create failed");
  const bytes = readFileSync(path);
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
  return `/proc/self/fd/${descriptor}`;
}
