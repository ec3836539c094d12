import { parseShortOptions, percentDecode, splitWords } from "./words.ts";

/** One line of the console, understood. Paths are bytes, one character each; host names are text. */
export type ConsoleCommand =
  | { readonly kind: "nothing" }
  | {
      readonly kind: "send";
      readonly paths: readonly string[];
      readonly recursive: boolean;
      readonly dryRun: boolean;
      /** undefined: every member. */
      readonly hosts: readonly string[] | undefined;
    }
  | { readonly kind: "members" }
  | { readonly kind: "status" }
  /** undefined: tell the level. */
  | { readonly kind: "loglevel"; readonly level: number | undefined }
  | { readonly kind: "echo"; readonly text: string }
  | { readonly kind: "help" }
  | { readonly kind: "quit" }
  /** A known command with wrong words; `text` says what is wrong. */
  | { readonly kind: "invalid"; readonly text: string }
  /** A command of the protocol that this version does not have yet. */
  | { readonly kind: "unsupported"; readonly word: string }
  | { readonly kind: "unknown"; readonly word: string };

/** What `help` answers, a line each. */
export const CONSOLE_HELP: readonly string[] = [
  "send [-r] [-n] [-t HOST[,HOST]] [-x] [PATH...]   send PATH, or with -r all below it (or below the base)",
  "     -n  only say what would change    -x  each PATH is percent-encoded",
  "     in answers \\n, \\t, \\r and \\xHH stand for control characters in names, \\\\ for a backslash",
  "members                                          the other members of the group",
  "status                                           what this daemon is doing, and its counters",
  "loglevel [N]                                     lines that a send prints: 0 errors, 1 updates, 2 skipped",
  "echo WORD...                                     print the words",
  "help                                             this text",
  "quit                                             close the console",
];

const UNSUPPORTED: ReadonlySet<string> = new Set(["sync", "dsync", "check", "md5", "exclude", "alive"]);

/** Understands one line without its end. Never fails: what is wrong is a command, too. */
export function parseConsoleLine(line: string): ConsoleCommand {
  const [word, ...rest] = splitWords(line);
  if (word === undefined) return { kind: "nothing" };
  if (UNSUPPORTED.has(word)) return { kind: "unsupported", word };
  switch (word) {
    case "send":
      return parseSend(rest);
    case "loglevel":
      return parseLogLevel(rest);
    case "echo":
      return { kind: "echo", text: rest.join(" ") };
    case "members":
    case "status":
    case "help":
      return rest.length === 0 ? { kind: word } : { kind: "invalid", text: `${word} takes no words` };
    case "quit":
    case "exit":
    case "bye":
      return { kind: "quit" };
    default:
      return { kind: "unknown", word };
  }
}

/** Splits the list of `-t`: names between commas, empty ones left out, doubles once. Bytes to text. */
export function parseHosts(list: string): string[] {
  const names = Buffer.from(list, "latin1").toString("utf8").split(",");
  return [...new Set(names.filter((name) => name !== ""))];
}

function parseSend(words: readonly string[]): ConsoleCommand {
  const parsed = parseShortOptions(words, { flags: "rnx", values: "tg" });
  if (typeof parsed === "string") return { kind: "invalid", text: `send: ${parsed}` };
  if (parsed.values.has("g")) return { kind: "invalid", text: "send: option -g is not supported yet" };
  const recursive = parsed.flags.has("r");
  const paths: string[] = [];
  for (const operand of parsed.operands) {
    const path = parsed.flags.has("x") ? percentDecode(operand) : operand;
    if (path === undefined || path === "") return { kind: "invalid", text: "send: bad path" };
    paths.push(path);
  }
  if (paths.length === 0 && !recursive) return { kind: "invalid", text: "send: a path or -r is needed" };
  const list = parsed.values.get("t");
  const hosts = list === undefined ? undefined : parseHosts(list);
  if (hosts?.length === 0) return { kind: "invalid", text: "send: option -t names no host" };
  return { kind: "send", paths, recursive, dryRun: parsed.flags.has("n"), hosts };
}

function parseLogLevel(words: readonly string[]): ConsoleCommand {
  const [word] = words;
  if (word === undefined) return { kind: "loglevel", level: undefined };
  if (words.length > 1 || !/^[0-9]$/.test(word))
    return { kind: "invalid", text: "loglevel: a number from 0 to 9 is needed" };
  return { kind: "loglevel", level: Number(word) };
}
