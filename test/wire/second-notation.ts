/**
 * The means of the second decoder: a packet is a string of hexadecimal digits, a layout is a line in PROTOCOL.md's own notation.
 *
 * Values are plain: numbers up to 32 bits as numbers, 64-bit ones as "0x" and 16 digits, bytes as digits, what is absent as null.
 */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };
/** Thrown in here only: the packet is dropped for this reason. */
export class Refusal extends Error {}

/** Reads digits from the front. */
export class Digits {
  #rest: string;

  constructor(digits: string) {
    this.#rest = digits;
  }

  get rest(): string {
    return this.#rest;
  }

  take(bytes: number): string {
    if (this.#rest.length < bytes * 2) throw new Refusal("short");
    const taken = this.#rest.slice(0, bytes * 2);
    this.#rest = this.#rest.slice(bytes * 2);
    return taken;
  }

  uint(bytes: number): number {
    return Number.parseInt(this.take(bytes), 16);
  }
}

export type Fields = { readonly [name: string]: Plain };

/** Reads what a layout says, fields named "0" as `zero…`; the words that are no integers are left to `tail`. */
export function readLayout(
  layout: string,
  digits: Digits,
  tail: (item: string, so: Fields) => Fields,
): Fields {
  const fields: { [name: string]: Plain } = {};
  for (const item of layout.split(/, (?!28)/)) {
    const [, bits, name] = /^u(8|16|32|64) (\w+)$/.exec(item) ?? [];
    if (bits === undefined || name === undefined) Object.assign(fields, tail(item, fields));
    else if (name === "0") fields[`zero${Object.keys(fields).length}`] = digits.uint(Number(bits) / 8);
    else fields[name] = bits === "64" ? `0x${digits.take(8)}` : digits.uint(Number(bits) / 8);
  }
  return fields;
}

/** Refuses the packet for `reason` unless the condition holds. */
export function must(condition: boolean, reason = "range"): void {
  if (!condition) throw new Refusal(reason);
}

/** The number in a field; throws at a mistake of the caller. */
export function num(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") throw new Error(`no number ${name}`);
  return value;
}

/** The text in a field; throws at a mistake of the caller. */
export function str(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new Error(`no string ${name}`);
  return value;
}

/** Fields that must be zero are, §2.4. */
export function mustBeZero(fields: Fields): void {
  for (const [name, value] of Object.entries(fields)) must(!name.startsWith("zero") || value === 0);
}

/** The text of UTF-8 digits, without a match of `forbidden`. */
export function textOf(digits: string, forbidden: RegExp): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(digits, "hex"));
  } catch {
    throw new Refusal("range");
  }
  must(!forbidden.test(text));
  return text;
}

/** A bitmap as a string of bits; bits beyond `entries` must be 0. */
export function setOf(bitmap: string, entries: number): string {
  const bits = (bitmap.match(/../g) ?? [])
    .map((byte) => [...Number.parseInt(byte, 16).toString(2).padStart(8, "0")].reverse().join(""))
    .join("");
  must(!bits.slice(entries).includes("1"));
  return bits.slice(0, entries);
}

/** The bitmap of a string of bits; null for no bit set. */
export function digitsOf(set: string): string | null {
  if (!set.includes("1")) return null;
  const bytes = set.match(/.{1,8}/g) ?? [];
  return bytes
    .map((bits) =>
      Number.parseInt([...bits.padEnd(8, "0")].reverse().join(""), 2)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("");
}
