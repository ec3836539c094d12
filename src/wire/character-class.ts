/** Sets of bytes, 1 for each that is in it, for the bracket expressions of patterns (PROTOCOL §10.6). */

/** Size of a set. */
export const BYTES = 256;

type Range = readonly [low: string, high: string];
const DIGIT: readonly Range[] = [["0", "9"]];
const LOWER: readonly Range[] = [["a", "z"]];
const UPPER: readonly Range[] = [["A", "Z"]];
const PUNCT: readonly Range[] = [
  ["!", "/"],
  [":", "@"],
  ["[", "`"],
  ["{", "~"],
];

/** The classes of the locale "C": nothing above 0x7f is in any. */
const CLASSES: ReadonlyMap<string, readonly Range[]> = new Map([
  ["alnum", [...DIGIT, ...LOWER, ...UPPER]],
  ["alpha", [...LOWER, ...UPPER]],
  ["blank", [" ", "\t"].map((char): Range => [char, char])],
  [
    "cntrl",
    [
      ["\0", "\x1f"],
      ["\x7f", "\x7f"],
    ],
  ],
  ["digit", DIGIT],
  ["graph", [["!", "~"]]],
  ["lower", LOWER],
  ["print", [[" ", "~"]]],
  ["punct", PUNCT],
  [
    "space",
    [
      ["\t", "\r"],
      [" ", " "],
    ],
  ],
  ["upper", UPPER],
  ["xdigit", [...DIGIT, ["a", "f"], ["A", "F"]]],
]);

/** Adds a class by its name; false: there is none of that name. */
export function addClass(name: string, set: Uint8Array): boolean {
  const ranges = CLASSES.get(name);
  for (const [low, high] of ranges ?? []) setRange(set, low.charCodeAt(0), high.charCodeAt(0));
  return ranges !== undefined;
}

/** Adds the bytes from `low` to `high`, both included; none if they are the wrong way round. */
export function setRange(set: Uint8Array, low: number, high: number): void {
  for (let byte = low; byte <= high; byte++) set[byte] = 1;
}
