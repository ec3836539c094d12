import type { Task } from "../wire/disk-port.ts";
import { parseHosts } from "./host-list.ts";
import { parseShortOptions, percentDecode, splitWords } from "./words.ts";

/** A push as the console was asked for it. Paths and the group's name are bytes, one character each; host names are text. */
export type PushCommand = {
  readonly kind: "push";
  readonly verb: "send" | "sync" | "dsync" | "check";
  readonly paths: readonly string[];
  readonly recursive: boolean;
  readonly dryRun: boolean;
  /** undefined: every member. */
  readonly hosts: readonly string[] | undefined;
  readonly task: Pick<Task, "mode" | "removes" | "removesMax">;
  readonly group: string | undefined;
};

/** One line of the console, understood. */
export type ConsoleCommand =
  | { readonly kind: "nothing" }
  | PushCommand
  | { readonly kind: "members" }
  | { readonly kind: "status" }
  /** Patterns are bytes, one character each. */
  | { readonly kind: "exclude"; readonly action: "add" | "del"; readonly patterns: readonly string[] }
  | { readonly kind: "exclude"; readonly action: "list" }
  | { readonly kind: "exclude"; readonly action: "clear" }
  /** undefined: tell the level. */
  | { readonly kind: "loglevel"; readonly level: number | undefined }
  /** undefined: tell whether it is on. */
  | { readonly kind: "alive"; readonly on: boolean | undefined }
  | { readonly kind: "echo"; readonly text: string }
  | { readonly kind: "json" }
  | { readonly kind: "help" }
  | { readonly kind: "quit" }
  /** A known command with wrong words; `text` says what is wrong. */
  | { readonly kind: "invalid"; readonly text: string }
  | { readonly kind: "unknown"; readonly word: string };

/** Most paths that one push names. */
export const PATHS_MAX = 65_536;
/** Most hosts that one push names: a group has no more members. */
export const HOSTS_MAX = 4_096;
/** Largest number of `-m`. */
export const REMOVES_MAX_LIMIT = 0xffff_fffe;

/** Short options of each command that pushes. */
const PUSH_OPTIONS = {
  send: { flags: "rnxD", values: "tgm" },
  sync: { flags: "rnxD", values: "tgm" },
  dsync: { flags: "rnx", values: "tm" },
  // It changes nothing anyway: -n is taken, so that it can be added to anything.
  check: { flags: "rnx", values: "t" },
} as const;

/** Understands one line without its end. Never fails: what is wrong is a command, too. */
export function parseConsoleLine(line: string): ConsoleCommand {
  const [word, ...rest] = splitWords(line);
  switch (word) {
    case undefined:
      return { kind: "nothing" };
    case "send":
    case "sync":
    case "dsync":
    case "check":
      return parsePush(word, rest);
    case "md5":
      return parsePush("check", rest, word);
    case "exclude":
      return parseExclude(rest);
    case "loglevel":
      return parseLogLevel(rest);
    case "alive":
      return parseAlive(rest);
    case "echo":
      return { kind: "echo", text: rest.join(" ") };
    case "members":
    case "status":
    case "json":
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

/** `called`: what the command was called, for what is said about it. */
function parsePush(
  verb: PushCommand["verb"],
  words: readonly string[],
  called: string = verb,
): ConsoleCommand {
  const invalid = (text: string): ConsoleCommand => ({ kind: "invalid", text: `${called}: ${text}` });
  const parsed = parseShortOptions(words, PUSH_OPTIONS[verb]);
  if (typeof parsed === "string") return invalid(parsed);
  const recursive = parsed.flags.has("r");
  if (parsed.operands.length > PATHS_MAX) return invalid(`more than ${PATHS_MAX} paths`);
  const paths = decodeWords(parsed.operands, parsed.flags.has("x"));
  if (paths === undefined) return invalid("bad path");
  if (paths.length === 0 && !recursive) return invalid("a path or -r is needed");
  const list = parsed.values.get("t");
  const hosts = list === undefined ? undefined : parseHosts(list);
  if (hosts?.length === 0) return invalid("option -t names no host");
  if (hosts !== undefined && hosts.length > HOSTS_MAX)
    return invalid(`option -t names more than ${HOSTS_MAX} hosts`);
  const group = parsed.values.get("g");
  if (group === "") return invalid("option -g names no group");
  const mode = verb === "check" ? "check" : verb === "dsync" ? "prune" : "send";
  const extra = mode === "prune" || parsed.flags.has("D");
  const removes = extra ? "extra" : verb === "sync" ? "missing" : "nothing";
  const most = parsed.values.get("m");
  if (most !== undefined && removes === "nothing") return invalid("option -m needs -D");
  const removesMax = most === undefined ? undefined : parseRemovesMax(most);
  if (Number.isNaN(removesMax)) return invalid(`option -m needs a number from 0 to ${REMOVES_MAX_LIMIT}`);
  const task = { mode, removes, removesMax } as const;
  return { kind: "push", verb, paths, recursive, dryRun: parsed.flags.has("n"), hosts, task, group };
}

/** NaN: it is no such number. */
function parseRemovesMax(word: string): number {
  const number = /^[0-9]{1,10}$/.test(word) ? Number(word) : Number.NaN;
  return number <= REMOVES_MAX_LIMIT ? number : Number.NaN;
}

/** Words as paths or patterns; undefined: one of them is none. */
function decodeWords(words: readonly string[], encoded: boolean): string[] | undefined {
  const decoded: string[] = [];
  for (const word of words) {
    const path = encoded ? percentDecode(word) : word;
    if (path === undefined || path === "" || path.includes("\0")) return undefined;
    decoded.push(path);
  }
  return decoded;
}

function parseExclude([action, ...words]: readonly string[]): ConsoleCommand {
  const invalid = (text: string): ConsoleCommand => ({ kind: "invalid", text: `exclude: ${text}` });
  if (action === "list" || action === "clear")
    return words.length === 0 ? { kind: "exclude", action } : invalid(`${action} takes no words`);
  if (action !== "add" && action !== "del") return invalid("add, del, list or clear is needed");
  // A pattern may start with anything: -x alone is one.
  const encoded = words[0] === "-x" && words.length > 1;
  const patterns = decodeWords(encoded ? words.slice(1) : words, encoded);
  if (patterns === undefined) return invalid("bad pattern");
  return patterns.length === 0 ? invalid("a pattern is needed") : { kind: "exclude", action, patterns };
}

function parseLogLevel(words: readonly string[]): ConsoleCommand {
  const [word] = words;
  if (word === undefined) return { kind: "loglevel", level: undefined };
  if (words.length > 1 || !/^[0-9]$/.test(word))
    return { kind: "invalid", text: "loglevel: a number from 0 to 9 is needed" };
  return { kind: "loglevel", level: Number(word) };
}

function parseAlive(words: readonly string[]): ConsoleCommand {
  const [word] = words;
  if (word === undefined) return { kind: "alive", on: undefined };
  if (words.length > 1 || (word !== "on" && word !== "off"))
    return { kind: "invalid", text: "alive: on or off is needed" };
  return { kind: "alive", on: word === "on" };
}
