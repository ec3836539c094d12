import { EXCLUDE_BYTES_MAX, EXCLUDES_MAX } from "../wire/terms.ts";
import { displayBytes } from "./display.ts";

/** The patterns of one connection, in the order in which they came, each once. Bytes, one character each. */
export class Excludes {
  readonly #patterns = new Set<string>();

  get list(): readonly string[] {
    return [...this.#patterns];
  }

  /** Adds patterns, all of them or none. Returns why not, for people, as bytes. */
  add(patterns: readonly string[]): string | undefined {
    const fault = excludesFault([...new Set([...this.#patterns, ...patterns])]);
    if (fault !== undefined) return fault;
    for (const pattern of patterns) this.#patterns.add(pattern);
    return undefined;
  }

  /** Removes patterns, all of them or none. Returns why not, for people, as bytes. */
  remove(patterns: readonly string[]): string | undefined {
    const unknown = patterns.find((pattern) => !this.#patterns.has(pattern));
    if (unknown !== undefined) return `there is no pattern ${displayBytes(unknown)}`;
    for (const pattern of patterns) this.#patterns.delete(pattern);
    return undefined;
  }

  clear(): void {
    this.#patterns.clear();
  }
}

/** What keeps patterns from being those of one push, for people; undefined: nothing. */
export function excludesFault(patterns: readonly string[]): string | undefined {
  if (patterns.length > EXCLUDES_MAX) return `more than ${EXCLUDES_MAX} patterns`;
  if (patterns.includes("")) return "a pattern is empty";
  if (patterns.some((pattern) => pattern.length > EXCLUDE_BYTES_MAX))
    return `a pattern has more than ${EXCLUDE_BYTES_MAX} bytes`;
  return patterns.some((pattern) => pattern.includes("\0")) ? "a pattern has a NUL byte" : undefined;
}
