import { BlockList, isIP, isIPv4 } from "node:net";
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** Readers of option values for the option tables. Each throws commander's InvalidArgumentError, whose text says what is wanted. */

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw new InvalidArgumentError(`A whole number from ${least} to ${most} is needed.`);
    }
    return number;
  };
}

/** A rate in megabits a second, fractions allowed; returns bytes a second. */
export function megabits(value: string): number {
  const number = /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : 0;
  if (!(number >= 0.1 && number <= 1_000_000)) {
    throw new InvalidArgumentError("A number of megabits a second, 0.1 to 1000000, is needed.");
  }
  return Math.round((number * 1_000_000) / 8);
}

/** An IPv4 multicast address in dotted decimal. */
export function multicastAddress(value: string): string {
  const first = isIPv4(value) ? Number(value.split(".")[0]) : 0;
  if (first < 224 || first > 239)
    throw new InvalidArgumentError("A multicast address (224.0.0.0 to 239.255.255.255) is needed.");
  return value;
}

/** An IP address to listen at. */
export function listenAddress(value: string): string {
  if (isIP(value) === 0) throw new InvalidArgumentError("An IP address is needed.");
  return value;
}

const local = new BlockList();
local.addSubnet("127.0.0.0", 8, "ipv4");
local.addAddress("::1", "ipv6");

/** Whether only this host reaches an IP address. */
export function isLocalAddress(address: string): boolean {
  return local.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/**
 * A node's name (PROTOCOL §4.1): 1..255 bytes of UTF-8 without blanks and control characters; also without a comma, which separates names in `-t`.
 * The argument is bytes, one character each.
 */
export function nodeName(value: string): string {
  const text = Buffer.from(value, "latin1").toString("utf8");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (value.length < 1 || value.length > 255 || /[\x00-\x20\x7f,\ufffd]/.test(text)) {
    throw new InvalidArgumentError(
      "A name of 1 to 255 bytes without blanks, commas and control characters is needed.",
    );
  }
  return text;
}

/** Text that is not empty. */
export function notEmpty(value: string): string {
  if (value === "") throw new InvalidArgumentError("It must not be empty.");
  return value;
}
