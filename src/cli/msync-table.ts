import type { OptionRow } from "./getopt.ts";

/** msync's options: what reads the command line and what `--help` prints. */
export const MSYNC_OPTIONS = [
  { name: "recursive", short: "r", help: "all below each PATH, or the whole base directory" },
  { name: "dry-run", short: "n", help: "only say what would change" },
  { name: "to", short: "t", value: "HOST[,HOST]", help: "only to these hosts" },
  { name: "group", short: "g", value: "GROUP", help: "first give the sent files to this group, here" },
  { name: "delete", help: "also delete there what does not exist here" },
  { name: "sync", help: "delete there a given PATH that does not exist here" },
  { name: "max-delete", value: "N", help: "a host that would lose more than N names changes nothing" },
  { name: "check", help: "compare contents, change nothing" },
  { name: "exclude", value: "PATTERN", help: "neither send nor delete what matches (repeatable)" },
  { name: "exclude-from", value: "FILE", help: "patterns from a file, one a line; - is stdin" },
  { name: "verbose", short: "v", help: "one level more: -v updated files, -vv skipped ones" },
  { name: "loglevel", short: "l", value: "LEVEL", help: "the level as a number, 0 to 9 (default: 0)" },
  { name: "json", help: "print the daemon's events as JSON, one a line" },
  { name: "progress", help: "show progress even if stderr is no terminal" },
  { name: "no-progress", help: "show no progress" },
  { name: "members", help: "list the other members of the group" },
  { name: "status", help: "what the daemon is doing, and its counters" },
  { name: "file", short: "f", value: "SCRIPT", help: "run console commands, one a line; - is stdin" },
  {
    name: "target",
    short: "c",
    value: "TARGET",
    help: "console: tcp:HOST:PORT, unix:PATH or a path (default: $MSYNC_TARGET, else tcp:127.0.0.1:5000)",
  },
  { name: "password-file", short: "K", value: "FILE", help: "password of the console" },
  { name: "help", short: "h", help: "print this text" },
  { name: "version", short: "V", help: "print the version" },
  { name: "complete-hosts", help: "names of members, for a shell; quiet without a daemon", hidden: true },
] as const satisfies readonly OptionRow[];

export type MsyncOptionName = (typeof MSYNC_OPTIONS)[number]["name"];

const INTRODUCTION = `Usage: msync [options] [PATH...]

Sends paths below the base directory to all other makuosan daemons at once.
Paths are relative to the daemon's base directory.

Options:
`;
const helpColumns = 80;

/** The text of `--help`. */
export function msyncHelp(): string {
  const rows: readonly OptionRow[] = MSYNC_OPTIONS;
  const shown = rows.filter((row) => row.hidden !== true).map((row) => ({ head: headOf(row), row }));
  const headColumns = Math.max(...shown.map(({ head }) => head.length)) + 2;
  const lines = shown.flatMap(({ head, row }) =>
    folded(row.help, helpColumns - headColumns).map(
      (part, i) => (i === 0 ? head : "").padEnd(headColumns) + part,
    ),
  );
  return `${INTRODUCTION}${lines.map((line) => `${line}\n`).join("")}`;
}

function headOf(row: OptionRow): string {
  const short = row.short === undefined ? "    " : `-${row.short}, `;
  return `  ${short}--${row.name}${row.value === undefined ? "" : ` ${row.value}`}`;
}

/** Words in lines of at most `columns`, where they can be. */
function folded(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
