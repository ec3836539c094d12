import { bytesToText, displayBytes, textToBytes } from "./display.ts";
import { parseHosts } from "./host-list.ts";
import { type MsyncValues, msyncCommand } from "./msync-table.ts";
import { parseWith } from "./parse.ts";
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

/** Reads msync's command line. No arguments at all: the usage on stderr, status 1. */
export function parseMsyncArguments(args: readonly string[]): MsyncParsed {
  if (args.length === 0) return usage();
  const command = msyncCommand();
  const parsed = parseWith(command, args, () => ({ ...command.opts(), paths: command.args }));
  if (parsed.kind === "exit") return parsed;
  const words = parsed.options;
  if (words.version) return { kind: "version" };
  const targetText = words.target ?? environmentTarget() ?? DEFAULT_TARGET;
  const target = parseTarget(targetText);
  if (target === undefined)
    return wrong(`'${targetText}' is no console: tcp:HOST:PORT, unix:PATH or a path is needed`);
  const action = readAction(words);
  if (typeof action === "string") return wrong(action);
  if (action.kind === "exit") return action;
  const level = Math.min(levelMax, words.loglevel + Number(words.verbose));
  return { kind: "run", options: { target, level, passwordFile: words.passwordFile, action } };
}

/** Reads `tcp:HOST:PORT`, `tcp:[HOST]:PORT`, `unix:PATH` or a plain path; undefined: none of them. */
export function parseTarget(text: string): Target | undefined {
  if (text.startsWith("unix:")) return text.length > 5 ? { kind: "unix", path: text.slice(5) } : undefined;
  if (!text.startsWith("tcp:")) return text === "" ? undefined : { kind: "unix", path: text };
  const tcp = /^tcp:(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(tcp?.[3]);
  return port >= 1 && port <= 65_535 ? { kind: "tcp", host: tcp?.[1] ?? tcp?.[2] ?? "", port } : undefined;
}

/** The command line, read. */
type Words = MsyncValues & { readonly paths: readonly string[] };

/** Options that say what a push is to be: they go with no other action. */
const PUSH_OPTIONS = [
  ["recursive", "--recursive"],
  ["dryRun", "--dry-run"],
  ["to", "--to"],
  ["sync", "--sync"],
  ["maxDelete", "--max-delete"],
  ["exclude", "--exclude"],
  ["excludeFrom", "--exclude-from"],
  ["delete", "--delete"],
  ["group", "--group"],
] as const satisfies readonly (readonly [keyof Words, string])[];

function readAction(words: Words): MsyncAction | ParsedExit | string {
  if (words.completeHosts) return { kind: "hosts" };
  const asked = (["members", "status", "check", "file"] as const).filter((name) => words[name] !== undefined);
  if (asked.length > 1) return `${asked.map((name) => `--${name}`).join(" and ")} exclude each other`;
  const [other] = asked;
  // The original answers these with its usage and status 1.
  if (other !== undefined && other !== "file" && (words.delete || words.group !== undefined)) return usage();
  if (other === undefined || other === "check") return readPush(words);
  const also = PUSH_OPTIONS.find(([name]) => words[name] !== undefined);
  if (also !== undefined || words.paths.length > 0)
    return `--${other} does not go with ${also === undefined ? "a path" : also[1]}`;
  const json = words.json ?? false;
  if (other !== "file") return { kind: other, json };
  if (json) return "--file does not go with --json";
  return { kind: "script", file: words.file ?? "" };
}

function readPush(words: Words): MsyncPush | string {
  const { paths, recursive = false, dryRun = false, check = false, group } = words;
  if (paths.length === 0 && !recursive) return "a path or -r is needed";
  if (paths.includes("")) return "a path is empty";
  const hosts = words.to === undefined ? undefined : parseHosts(words.to);
  if (hosts?.length === 0) return "option -t names no host";
  if (check && words.sync) return "--check and --sync exclude each other";
  const removes = words.delete ? "extra" : words.sync ? "missing" : "nothing";
  const removesMax = words.maxDelete;
  if (removesMax !== undefined && removes === "nothing") return "--max-delete needs --delete or --sync";
  return {
    kind: "push",
    paths,
    recursive,
    dryRun,
    mode: check ? "check" : "send",
    removes,
    removesMax,
    hosts,
    group: group === undefined ? undefined : bytesToText(group),
    excludes: words.exclude ?? [],
    excludeFiles: words.excludeFrom ?? [],
    json: words.json ?? false,
    progress: words.progress === undefined ? "auto" : words.progress ? "always" : "never",
  };
}

function environmentTarget(): string | undefined {
  const text = process.env.MSYNC_TARGET;
  return text === undefined || text === "" ? undefined : textToBytes(text);
}

function usage(): ParsedExit {
  return { kind: "exit", status: 1, stdout: "", stderr: msyncCommand().helpInformation() };
}

function wrong(text: string): ParsedExit {
  return usageError("msync", displayBytes(text));
}
