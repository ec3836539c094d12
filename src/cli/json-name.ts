import type { JsonName } from "./json-protocol.ts";

/** Bytes as a name of the JSON console: text if that is what they are. */
export function toJsonName(bytes: Uint8Array): JsonName {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Not imported above: msync starts without it.
  const { isUtf8 } = process.getBuiltinModule("node:buffer");
  return isUtf8(buffer) ? buffer.toString("utf8") : { base64: buffer.toString("base64") };
}

/** The same for bytes that come as text, one character each. */
export function latin1ToJsonName(bytes: string): JsonName {
  return toJsonName(Buffer.from(bytes, "latin1"));
}

/** A name's bytes; undefined: it has none, has a NUL byte, or is no text that UTF-8 can say. */
export function fromJsonName(name: JsonName): Uint8Array | undefined {
  if (typeof name === "string" && !name.isWellFormed()) return undefined;
  const bytes = typeof name === "string" ? Buffer.from(name, "utf8") : Buffer.from(name.base64, "base64");
  return bytes.length === 0 || bytes.includes(0) ? undefined : new Uint8Array(bytes);
}
