import { EXCLUDE_BYTES_MAX, EXCLUDES_MAX } from "../wire/terms.ts";
import { PATHS_MAX } from "./console-command.ts";

/** Bytes that a line of the console may have: a command names many paths. */
export const CONSOLE_LINE_BYTES_MAX = 4 << 20;

/** What `help` answers, a line each. */
export const CONSOLE_HELP: readonly string[] = [
  "send [-r] [-n] [-D] [-m N] [-t HOST[,HOST]] [-g GROUP] [-x] [PATH...]",
  "                             send PATH, or with -r all below it (or below the base)",
  "sync ...                     the same, but a PATH that is missing here is removed there",
  "dsync [-r] [-n] [-m N] [-t HOST[,HOST]] [-x] [PATH...]",
  "                             send nothing, only remove there what is missing here",
  "check [-r] [-t HOST[,HOST]] [-x] [PATH...]",
  "                             compare contents, change nothing; also: md5",
  "     -n  only say what would change        -t  only to these hosts",
  "     -g  give the sent files this group first, here",
  "     -D  also remove there what is missing here below each PATH of -r",
  "     -m  a host that would remove more than N names changes nothing",
  "     -x  each PATH is percent-encoded, which paths that are not UTF-8 need",
  "exclude add PATTERN...       leave out, for this connection, names that match; del PATTERN..., list, clear",
  `                             (add -x, del -x: percent-encoded; ${EXCLUDES_MAX} patterns, ${EXCLUDE_BYTES_MAX} bytes each)`,
  "members                      the other members of the group",
  "status                       what this daemon is doing, and its counters",
  "loglevel [N]                 lines to print: 0 errors, 1 updates, 2 skipped, 3 skipped by read-only hosts",
  "alive [on|off]               say alive once a second while a command runs",
  "echo WORD...                 print the words",
  "json                         go on in JSON, one object a line: see console.schema.json",
  "help                         this text",
  "quit                         close the console; also: exit, bye",
  `a line is UTF-8 and has ${CONSOLE_LINE_BYTES_MAX} bytes, and ${PATHS_MAX} paths, at most`,
  "words are split at blanks, backslash-blank is a blank",
  "in answers \\n, \\t, \\r and \\xHH stand for control characters in names; \\\\ is one backslash",
];
