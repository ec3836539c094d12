/**
 * Words of the console's text protocol. Console text is bytes, one character each ("latin1"), so that names that are not UTF-8
 * pass unharmed.
 */

/** Splits a line at blanks and tabs; a backslash before one makes it part of the word. Other backslashes are plain characters. */
export function splitWords(line: string): string[] {
  const words = line.match(/(?:\\[ \t]|[^ \t])+/g) ?? [];
  return words.map((word) => word.replace(/\\([ \t])/g, "$1"));
}

/** The bytes that a word stands for in which some are `%HH`; undefined if a `%` is not followed by two hexadecimal digits. */
export function percentDecode(word: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(word)) return undefined;
  return word.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

export type ParsedWords = {
  readonly flags: ReadonlySet<string>;
  /** The last value of each option that takes one. */
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
};

/**
 * Reads short options as getopt does: they combine (`-rn`), a value may follow directly (`-thost`), options may follow operands, and
 * `--` ends them. `takes` names the options without and with a value. A string is an error text.
 */
export function parseShortOptions(
  words: readonly string[],
  takes: { readonly flags: string; readonly values: string },
): ParsedWords | string {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      operands.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const letter = word.charAt(i);
      if (takes.flags.includes(letter)) {
        flags.add(letter);
        continue;
      }
      if (!takes.values.includes(letter)) return `unknown option -${letter}`;
      const value = i + 1 < word.length ? word.slice(i + 1) : words[++at];
      if (value === undefined) return `option -${letter} needs a value`;
      values.set(letter, value);
      break;
    }
  }
  return { flags, values, operands };
}
