import { bytesToText, displayBytes, textToBytes } from "./display.ts";
import { getopt } from "./getopt.ts";
import { parseHosts } from "./host-list.ts";
import { MSYNC_OPTIONS, type MsyncOptionName, msyncHelp } from "./msync-table.ts";
import { type Parsed, type ParsedExit, usageError } from "./parsed.ts";

/** Where a daemon's console is. */
export type Target =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** Bytes, one character each. */
  | { readonly kind: "unix"; readonly path: string };

/** A push, as the command line describes it. Paths, patterns and names of files are bytes, one character each; other names are text. */
export type MsyncPush = {
  readonly kind: "push";
  readonly paths: readonly string[];
  readonly recursive: boolean;
  readonly dryRun: boolean;
  readonly mode: "send" | "check";
  readonly removes: "nothing" | "missing" | "extra";
  readonly removesMax: number | undefined;
  /** undefined: every member. */
  readonly hosts: readonly string[] | undefined;
  readonly group: string | undefined;
  readonly excludes: readonly string[];
  /** Files with more patterns, one a line; `-` is stdin. */
  readonly excludeFiles: readonly string[];
  readonly json: boolean;
  /** "auto": on a terminal. */
  readonly progress: "auto" | "always" | "never";
};

export type MsyncAction =
  | MsyncPush
  | { readonly kind: "members" | "status"; readonly json: boolean }
  /** Console commands of a file, one a line; `-` is stdin. */
  | { readonly kind: "script"; readonly file: string }
  /** Names of members for a shell's completion. */
  | { readonly kind: "hosts" };

/** What the command line asks of msync. */
export type MsyncOptions = {
  readonly target: Target;
  /** How much is said, 0 to 9. */
  readonly level: number;
  /** File with the console's password. */
  readonly passwordFile: string | undefined;
  readonly action: MsyncAction;
};

/** "version": the program's version is wanted on stdout, and nothing else. */
export type MsyncParsed = Parsed<MsyncOptions> | { readonly kind: "version" };

const DEFAULT_TARGET = "tcp:127.0.0.1:5000";
const levelMax = 9;
/** The largest number that a request can carry. */
const removesMaxLimit = 0xffff_fffe;

/** Reads msync's command line. No arguments at all: the usage on stderr, status 1. */
export function parseMsyncArguments(args: readonly string[]): MsyncParsed {
  if (args.length === 0) return usage();
  const words = readWords(args);
  if (typeof words === "string") return wrong(words);
  if (words.has("help")) return { kind: "exit", status: 0, stdout: msyncHelp(), stderr: "" };
  if (words.has("version")) return { kind: "version" };
  const targetText = words.last("target") ?? environmentTarget() ?? DEFAULT_TARGET;
  const target = parseTarget(targetText);
  if (target === undefined)
    return wrong(`'${targetText}' is no console: tcp:HOST:PORT, unix:PATH or a path is needed`);
  const loglevel = numberOf(words, "loglevel", levelMax);
  if (typeof loglevel === "string") return wrong(loglevel);
  const action = readAction(words);
  if (typeof action === "string") return wrong(action);
  if (action.kind === "exit") return action;
  const level = Math.min(levelMax, (loglevel ?? 0) + words.count("verbose"));
  return { kind: "run", options: { target, level, passwordFile: words.last("password-file"), action } };
}

/** Reads `tcp:HOST:PORT`, `tcp:[HOST]:PORT`, `unix:PATH` or a plain path; undefined: none of them. */
export function parseTarget(text: string): Target | undefined {
  if (text.startsWith("unix:")) return text.length > 5 ? { kind: "unix", path: text.slice(5) } : undefined;
  if (!text.startsWith("tcp:")) return text === "" ? undefined : { kind: "unix", path: text };
  const tcp = /^tcp:(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(tcp?.[3]);
  return port >= 1 && port <= 65_535 ? { kind: "tcp", host: tcp?.[1] ?? tcp?.[2] ?? "", port } : undefined;
}

/** The command line's words, sorted. */
type Words = {
  readonly paths: readonly string[];
  has(name: MsyncOptionName): boolean;
  count(name: MsyncOptionName): number;
  all(name: MsyncOptionName): readonly string[];
  last(name: MsyncOptionName): string | undefined;
};

/** Options that say what a push is to be: they go with no other action. */
const PUSH_OPTIONS: readonly MsyncOptionName[] = [
  "recursive",
  "dry-run",
  "to",
  "sync",
  "max-delete",
  "exclude",
  "exclude-from",
];

function readAction(words: Words): MsyncAction | ParsedExit | string {
  if (words.has("complete-hosts")) return { kind: "hosts" };
  const asked = (["members", "status", "check", "file"] as const).filter((name) => words.has(name));
  if (asked.length > 1) return `${asked.map((name) => `--${name}`).join(" and ")} exclude each other`;
  const [other] = asked;
  // The original answers these with its usage and status 1.
  if (other !== undefined && other !== "file" && (words.has("delete") || words.has("group"))) return usage();
  if (other === undefined || other === "check") return readPush(words);
  const also = [...PUSH_OPTIONS, "delete" as const, "group" as const].find((name) => words.has(name));
  if (also !== undefined || words.paths.length > 0)
    return `--${other} does not go with ${also === undefined ? "a path" : `--${also}`}`;
  if (other !== "file") return { kind: other, json: words.has("json") };
  if (words.has("json")) return "--file does not go with --json";
  return { kind: "script", file: words.last("file") ?? "" };
}

function readPush(words: Words): MsyncPush | string {
  const { paths } = words;
  if (paths.length === 0 && !words.has("recursive")) return "a path or -r is needed";
  if (paths.includes("")) return "a path is empty";
  const to = words.last("to");
  const hosts = to === undefined ? undefined : parseHosts(to);
  if (hosts?.length === 0) return "option -t names no host";
  const check = words.has("check");
  if (check && words.has("sync")) return "--check and --sync exclude each other";
  const removes = words.has("delete") ? "extra" : words.has("sync") ? "missing" : "nothing";
  const removesMax = numberOf(words, "max-delete", removesMaxLimit);
  if (typeof removesMax === "string") return removesMax;
  if (removesMax !== undefined && removes === "nothing") return "--max-delete needs --delete or --sync";
  if (words.has("progress") && words.has("no-progress"))
    return "--progress and --no-progress exclude each other";
  const group = words.last("group");
  return {
    kind: "push",
    paths,
    recursive: words.has("recursive"),
    dryRun: words.has("dry-run"),
    mode: check ? "check" : "send",
    removes,
    removesMax,
    hosts,
    group: group === undefined ? undefined : bytesToText(group),
    excludes: words.all("exclude"),
    excludeFiles: words.all("exclude-from"),
    json: words.has("json"),
    progress: words.has("progress") ? "always" : words.has("no-progress") ? "never" : "auto",
  };
}

function numberOf(words: Words, name: MsyncOptionName, most: number): number | undefined | string {
  const value = words.last(name);
  if (value === undefined) return undefined;
  const number = /^[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (number <= most) return number;
  return `--${name} '${value}': a whole number from 0 to ${most} is needed`;
}

function readWords(args: readonly string[]): Words | string {
  const sorted = getopt(args, MSYNC_OPTIONS);
  if (typeof sorted === "string") return sorted;
  const { options, operands: paths } = sorted;
  return {
    paths,
    has: (name) => options.has(name),
    count: (name) => options.get(name)?.length ?? 0,
    all: (name) => options.get(name) ?? [],
    last: (name) => options.get(name)?.at(-1),
  };
}

function environmentTarget(): string | undefined {
  const text = process.env.MSYNC_TARGET;
  return text === undefined || text === "" ? undefined : textToBytes(text);
}

function usage(): ParsedExit {
  return { kind: "exit", status: 1, stdout: "", stderr: msyncHelp() };
}

function wrong(text: string): ParsedExit {
  return usageError("msync", displayBytes(text));
}
