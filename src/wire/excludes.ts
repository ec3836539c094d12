import { assert } from "./brand.ts";
import type { EntryType } from "./entry.ts";
import { compilePattern, matchesTail, type Pattern, tails } from "./pattern.ts";
import type { Terms } from "./terms.ts";

/** The names that do not exist for a push (PROTOCOL §10.6). Paths are relative to the base and Latin-1: one character is one byte. */
export class Excludes {
  /** What is before a path. */
  readonly #prefix: string;
  readonly #patterns: readonly Pattern[];
  /** Components of the longest pattern. */
  readonly #components: number;

  constructor({ base, excludes }: Pick<Terms, "base" | "excludes">) {
    const path = toLatin1(base);
    assert(excludes.length === 0 || path.startsWith("/"), "patterns without a base");
    this.#prefix = path.endsWith("/") ? path : `${path}/`;
    this.#patterns = excludes.map((pattern) => compilePattern(toLatin1(pattern)));
    this.#components = Math.max(0, ...this.#patterns.map((pattern) => pattern?.length ?? 0));
  }

  /** Whether there are no patterns. */
  get none(): boolean {
    return this.#patterns.length === 0;
  }

  /** Whether a pattern matches this name; what is inside of a directory that one matches is excluded as well, and not asked for here. */
  matches(path: string, type: EntryType): boolean {
    if (this.none) return false;
    const text = this.#prefix + path;
    return this.#matchesTail(text) || (type === "directory" && this.#matchesTail(`${text}/`));
  }

  /** Whether this name is excluded: a pattern matches it, or a directory on the way to it from the base. */
  covers(path: string, type: EntryType): boolean {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1))
      if (this.matches(path.slice(0, slash), "directory")) return true;
    return this.matches(path, type);
  }

  /** Whether a pattern matches a tail of `text`, which begins with a slash, that begins after one: the whole is none. */
  #matchesTail(text: string): boolean {
    const starts = tails(text, this.#components);
    return this.#patterns.some((pattern) => {
      const length = matchesTail(pattern, text, starts);
      return length !== undefined && length < text.length;
    });
  }
}

function toLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
