import { assert } from "./brand.ts";
import { MTU_MIN, NAME_BYTES_MAX } from "./constants.ts";
import type { Hello } from "./messages.ts";
import { put8, put16, put64 } from "./put.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** Body of HELLO (PROTOCOL §4.1). */

export const HELLO_FIXED_BYTES = 16;
const VERSION_BYTES_MAX = 32;
const FLAG_SOLICIT = 1;
const FLAG_NO_RECEIVE = 2;
const FLAG_NO_SEND = 4;
const FLAGS = FLAG_SOLICIT | FLAG_NO_RECEIVE | FLAG_NO_SEND;

/** Bytes that the body at `at` says it has; its fixed part is there. */
export function statedHelloBytes(view: DataView, at: number): number {
  return HELLO_FIXED_BYTES + view.getUint8(at + 9) + view.getUint8(at + 10);
}

/** The message in a body of the right length, or undefined if a value is not allowed. */
export function readHello(packet: Uint8Array, view: DataView, at: number): Hello | undefined {
  const flags = view.getUint8(at + 8);
  const mtu = view.getUint16(at + 12);
  const nameAt = at + HELLO_FIXED_BYTES;
  const versionAt = nameAt + view.getUint8(at + 9);
  const nameBytes = packet.subarray(nameAt, versionAt);
  const versionBytes = packet.subarray(versionAt, versionAt + view.getUint8(at + 10));
  if ((flags & ~FLAGS) !== 0 || view.getUint8(at + 11) !== 0 || view.getUint16(at + 14) !== 0)
    return undefined;
  if (mtu < MTU_MIN || !isName(nameBytes) || !isVersion(versionBytes)) return undefined;
  const name = decodeUtf8(nameBytes);
  if (name === undefined) return undefined;
  return {
    type: "hello",
    epoch: view.getBigUint64(at),
    solicit: (flags & FLAG_SOLICIT) !== 0,
    noReceive: (flags & FLAG_NO_RECEIVE) !== 0,
    noSend: (flags & FLAG_NO_SEND) !== 0,
    mtu,
    name,
    version: String.fromCharCode(...versionBytes),
  };
}

/** Bytes of the body of this message. */
export function helloBodyBytes({ name, version }: Hello): number {
  return HELLO_FIXED_BYTES + encodeUtf8(name).length + encodeUtf8(version).length;
}

/** Writes the body over zeros at offset `at`. */
export function writeHello(packet: Uint8Array, view: DataView, at: number, hello: Hello): void {
  const name = encodeUtf8(hello.name);
  const version = encodeUtf8(hello.version);
  assert(isName(name), "host name that cannot be announced");
  assert(isVersion(version), "program version that cannot be announced");
  assert(hello.mtu >= MTU_MIN, "MTU out of range");
  const { solicit, noReceive, noSend } = hello;
  put64(view, at, hello.epoch);
  put8(
    view,
    at + 8,
    (solicit ? FLAG_SOLICIT : 0) | (noReceive ? FLAG_NO_RECEIVE : 0) | (noSend ? FLAG_NO_SEND : 0),
  );
  put8(view, at + 9, name.length);
  put8(view, at + 10, version.length);
  put16(view, at + 12, hello.mtu);
  packet.set(name, at + HELLO_FIXED_BYTES);
  packet.set(version, at + HELLO_FIXED_BYTES + name.length);
}

/** Whether these bytes, if they are UTF-8 at all, are a host's name: nothing that a terminal or a column of names would stumble over. */
function isName(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 1 && bytes.length <= NAME_BYTES_MAX && bytes.every((byte) => byte > 0x20 && byte !== 0x7f)
  );
}

function isVersion(bytes: Uint8Array): boolean {
  const visible = bytes.every((byte) => byte > 0x20 && byte < 0x7f);
  return bytes.length >= 1 && bytes.length <= VERSION_BYTES_MAX && visible;
}
