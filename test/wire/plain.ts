import type { Message, Origin } from "../../src/wire/messages.ts";
import type { Decoded } from "./second.ts";
import type { Plain } from "./second-notation.ts";

/** The production codec's values in the plain form of the vectors and of the second decoder. */

/** A decoded packet, ids as hexadecimal text. */
export function plainPacket(decoded: { readonly origin: Origin; readonly message: Message }): Decoded {
  const { origin, message } = decoded;
  return { node: hex64(origin.node), push: origin.push, message: plain(message) };
}

/** 64-bit integers are unsigned, but for those under the name `seconds`. */
export function plain(value: unknown, name = ""): Plain {
  if (value === undefined) return null;
  if (typeof value === "bigint") return name === "seconds" ? value.toString() : hex64(value);
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map((one) => plain(one));
  if (typeof value !== "object") return value as boolean | number | string;
  return Object.fromEntries(Object.entries(value ?? {}).map(([key, one]) => [key, plain(one, key)]));
}

/** Bytes of hexadecimal digits, between which there may be blanks. */
export function fromHex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replaceAll(" ", ""), "hex"));
}

/** Lower-case hexadecimal digits, two a byte. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function hex64(value: bigint): string {
  return `0x${value.toString(16).padStart(16, "0")}`;
}
