/** One option of a program, by its long name. */
export type OptionRow = {
  readonly name: string;
  readonly short?: string;
  /** What the value is called, if it takes one. */
  readonly value?: string;
  readonly help: string;
  /** Not for people: left out of the help, and never meant by the beginning of a name. */
  readonly hidden?: boolean;
};

export type SortedWords = {
  /** What was given, by long name, in order; "" for an option without a value. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
};

/**
 * Sorts a command line as getopt_long(3) does: short options combine (`-rn`), a value may follow directly (`-thost`, `--to=host`), options may follow
 * operands, `--` ends them, and a long name may be cut as long as it is clear. A value is never empty. A string says what is wrong.
 * node:util can do nearly the same, but loading it is a tenth of the time that msync takes.
 */
export function getopt(args: readonly string[], rows: readonly OptionRow[]): SortedWords | string {
  const options = new Map<string, string[]>();
  const operands: string[] = [];
  const rest = [...args];
  const take = (row: OptionRow, shown: string, given: string | undefined): string | undefined => {
    const value = row.value === undefined ? given : (given ?? rest.shift());
    if (row.value === undefined && given !== undefined) return `option ${shown} takes no value`;
    if (row.value !== undefined && (value === undefined || value === ""))
      return `option ${shown} needs a value`;
    options.set(row.name, [...(options.get(row.name) ?? []), value ?? ""]);
    return undefined;
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      operands.push(...rest);
      break;
    }
    let wrong: string | undefined;
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const shown = equals < 0 ? word : word.slice(0, equals);
      const row = longOption(shown.slice(2), rows);
      if (typeof row === "string") wrong = row;
      else wrong = take(row, shown, equals < 0 ? undefined : word.slice(equals + 1));
    } else if (word.startsWith("-") && word !== "-") {
      for (let at = 1; at < word.length && wrong === undefined; at++) {
        const shown = `-${word.charAt(at)}`;
        const row = rows.find(({ short }) => short === word.charAt(at));
        if (row === undefined) return `unknown option ${shown}`;
        const more = word.slice(at + 1);
        wrong = take(row, shown, row.value === undefined || more === "" ? undefined : more);
        if (row.value !== undefined) break;
      }
    } else {
      operands.push(word);
    }
    if (wrong !== undefined) return wrong;
  }
  return { options, operands };
}

function longOption(name: string, rows: readonly OptionRow[]): OptionRow | string {
  const exact = rows.find((row) => row.name === name);
  if (exact !== undefined) return exact;
  const meant = rows.filter((row) => row.hidden !== true && row.name.startsWith(name));
  const [only] = meant;
  if (only === undefined || name === "") return `unknown option --${name}`;
  if (meant.length === 1) return only;
  return `option --${name} can be ${meant.map((row) => `--${row.name}`).join(" or ")}`;
}
