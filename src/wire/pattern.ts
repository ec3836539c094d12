import { assert } from "./brand.ts";
import { addClass, BYTES, setRange } from "./character-class.ts";

/**
 * Patterns as of fnmatch(3) with FNM_PATHNAME in the locale "C" (PROTOCOL §10.6). Text is Latin-1 here: one character is one byte. A pattern is
 * compiled to its components, which are compared with those of a path one by one, because nothing in a pattern but `/` matches a `/`. So the
 * time of a comparison is at most the product of the lengths, whatever the pattern.
 */

/** A compiled pattern; undefined: one that matches nothing, as it is malformed. */
export type Pattern = readonly Component[] | undefined;

/** What a part between two `/` has to be: characters, and ANY, STAR, or a set of `sets` by its number below both. */
type Component = { readonly tokens: Int16Array; readonly sets: readonly Uint8Array[] };

const ANY = -1;
const STAR = -2;
const FIRST_SET = -3;
const SLASH = 0x2f;
const NOT_LATIN1 = /[^\0-\xff]/;

/** Compiles a pattern. */
export function compilePattern(pattern: string): Pattern {
  assert(!pattern.includes("\0") && !NOT_LATIN1.test(pattern), "pattern with a NUL, or not in Latin-1");
  const components: Component[] = [];
  let tokens: number[] = [];
  let sets: Uint8Array[] = [];
  const end = (): void => {
    components.push({ tokens: Int16Array.from(tokens), sets });
    tokens = [];
    sets = [];
  };
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === "/") end();
    else if (char === "?") tokens.push(ANY);
    else if (char === "*") tokens.push(STAR);
    else if (char === "\\") {
      // It is the next one that counts, and a last one makes the pattern match nothing.
      at++;
      if (at === pattern.length) return undefined;
      if (pattern[at] === "/") end();
      else tokens.push(pattern.charCodeAt(at));
    } else {
      const bracket = char === "[" ? readBracket(pattern, at + 1) : undefined;
      if (bracket === "broken") return undefined;
      if (bracket === undefined) tokens.push(pattern.charCodeAt(at));
      else {
        tokens.push(FIRST_SET - sets.length);
        sets.push(bracket.set);
        at = bracket.end - 1;
      }
    }
  }
  end();
  return components;
}

/** Whether a pattern matches the whole of a text. */
export function matchesText(pattern: Pattern, text: string): boolean {
  return matchesTail(pattern, text, tails(text, text.length + 1)) === text.length;
}

/**
 * Where the components of `text` start, as distances from its end, the last component first; no more than `limit` of them.
 */
export function tails(text: string, limit: number): readonly number[] {
  const starts: number[] = [];
  for (let at = text.length - 1; at >= 0 && starts.length < limit; at--)
    if (text.charCodeAt(at) === SLASH) starts.push(text.length - at - 1);
  if (starts.length < limit) starts.push(text.length);
  return starts;
}

/**
 * How many characters the tail of `text` has that the pattern matches; undefined: none. (Only one tail comes into question, that with as many
 * components as the pattern.) `starts`: of `tails`, with as many components at least as the pattern, or all of them.
 */
export function matchesTail(pattern: Pattern, text: string, starts: readonly number[]): number | undefined {
  if (pattern === undefined || pattern.length > starts.length) return undefined;
  let end = text.length;
  for (let i = 0; i < pattern.length; i++) {
    const component = pattern[pattern.length - 1 - i];
    const start = text.length - (starts[i] ?? 0);
    if (component === undefined || !matchesComponent(component, text, start, end)) return undefined;
    end = start - 1;
  }
  return text.length - end - 1;
}

/** Whether a component matches text[start..end). After a mismatch only the last star before it can take more: the others have what they need. */
function matchesComponent({ tokens, sets }: Component, text: string, start: number, end: number): boolean {
  let at = start;
  let token = 0;
  let star = -1;
  let starAt = 0;
  while (at < end || token < tokens.length) {
    const wanted = tokens[token];
    if (wanted === STAR) {
      star = ++token;
      starAt = at;
    } else if (wanted !== undefined && at < end && isOne(wanted, text.charCodeAt(at), sets)) {
      token++;
      at++;
    } else {
      if (star < 0 || starAt >= end) return false;
      token = star;
      at = ++starAt;
    }
  }
  return true;
}

function isOne(wanted: number, char: number, sets: readonly Uint8Array[]): boolean {
  if (wanted >= 0) return wanted === char;
  return wanted === ANY || sets[FIRST_SET - wanted]?.[char] === 1;
}

/** A bracket expression: 1 for each byte that it matches, and where the pattern goes on. */
type Bracket = { readonly set: Uint8Array; readonly end: number };

/** The bracket expression whose inside starts at `from`; undefined: it does not end, and the `[` is one like others; "broken": nothing matches. */
function readBracket(pattern: string, from: number): Bracket | "broken" | undefined {
  const set = new Uint8Array(BYTES);
  const negated = pattern[from] === "!" || pattern[from] === "^";
  const first = negated ? from + 1 : from;
  let at = first;
  let broken = false;
  while (at === first || pattern[at] !== "]") {
    const item = readItem(pattern, at, set);
    if (item === undefined) return undefined;
    broken ||= item.broken;
    at = item.end;
  }
  if (broken) return "broken";
  if (negated) for (let byte = 0; byte < BYTES; byte++) set[byte] = 1 - (set[byte] ?? 0);
  return { set, end: at + 1 };
}

/** Where an item of a bracket expression ends, and whether it is one that there is not: a class without a set, a symbol of several characters. */
type Item = { readonly end: number; readonly broken: boolean };

/** Adds to `set` what is at `at` inside of a bracket expression; undefined: the pattern ends in it. */
function readItem(pattern: string, at: number, set: Uint8Array): Item | undefined {
  const name = pattern.startsWith("[:", at) ? CLASS.exec(pattern.slice(at, at + CLASS_MAX))?.[1] : undefined;
  if (name !== undefined) return { end: at + name.length + 4, broken: !addClass(name, set) };
  if (pattern.startsWith("[=", at) && pattern.startsWith("=]", at + 3)) {
    set[pattern.charCodeAt(at + 2)] = 1;
    return { end: at + 5, broken: false };
  }
  const low = readElement(pattern, at);
  if (low === undefined) return undefined;
  const isRange = pattern[low.end] === "-" && pattern[low.end + 1] !== "]";
  const high = isRange ? readElement(pattern, low.end + 1) : low;
  if (high === undefined) return undefined;
  if (low.char === undefined || high.char === undefined) return { end: high.end, broken: true };
  setRange(set, low.char, high.char);
  return { end: high.end, broken: false };
}

const CLASS = /^\[:([a-z]*):\]/;
/** A class whose name is longer is none. */
const CLASS_MAX = 40;

type Element = { readonly char: number | undefined; readonly end: number };

/** A character of a bracket expression, as it is, behind `\`, or as `[.x.]`. Undefined: the pattern ends in it. */
function readElement(pattern: string, at: number): Element | undefined {
  if (pattern.startsWith("[.", at)) {
    const close = pattern.indexOf(".]", at + 3);
    if (close < 0) return undefined;
    const char = close === at + 3 ? pattern.charCodeAt(at + 2) : undefined;
    return { char, end: close + 2 };
  }
  const place = pattern[at] === "\\" ? at + 1 : at;
  if (place >= pattern.length) return undefined;
  return { char: pattern.charCodeAt(place), end: place + 1 };
}
