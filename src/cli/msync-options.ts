import { COMPRESS_LEVEL_USUAL } from "../wire/disk-port.ts";
import { bytesToText, displayBytes, textToBytes } from "./display.ts";
import { parseHosts } from "./host-list.ts";
import type { MsyncValues } from "./msync-table.ts";
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
  /** What is received is flushed to the disk. */
  readonly fsync: boolean;
  /** undefined: every member. */
  readonly hosts: readonly string[] | undefined;
  readonly group: string | undefined;
  /** 0: contents go as they are; undefined: as the daemon does it. */
  readonly compressLevel: number | undefined;
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

const DEFAULT_TARGET = { kind: "tcp", host: "127.0.0.1", port: 5_000 } as const satisfies Target;
/** How much can be said. */
export const levelMax = 9;

/** The words of a command line, by option. */
export type MsyncWords = Omit<MsyncValues, "verbose" | "fsync"> & {
  /** False if it was said that it is not wanted. */
  readonly fsync?: boolean;
  /** How often it was said. */
  readonly verbose: number | boolean;
  readonly paths: readonly string[];
};

/** What the words of a command line ask for; "usage": the original would answer with its usage. */
export function readWords(words: MsyncWords): MsyncParsed | "usage" {
  if (words.version) return { kind: "version" };
  const target = words.target === undefined ? usualTarget() : parseTarget(words.target);
  if (target === undefined) {
    const targetText = words.target ?? environmentTarget();
    return wrong(`'${targetText}' is no console: tcp:HOST:PORT, unix:PATH or a path is needed`);
  }
  const action = readAction(words);
  if (action === "usage") return action;
  if ("text" in action) return wrong(action.text);
  const level = Math.min(levelMax, words.loglevel + Number(words.verbose));
  return { kind: "run", options: { target, level, passwordFile: words.passwordFile, action } };
}

/** The console that is meant where none is named; undefined: the environment names what is none. */
export function usualTarget(): Target | undefined {
  const named = environmentTarget();
  return named === undefined ? DEFAULT_TARGET : parseTarget(named);
}

/** Reads `tcp:HOST:PORT`, `tcp:[HOST]:PORT`, `unix:PATH` or a plain path; undefined: none of them. */
export function parseTarget(text: string): Target | undefined {
  if (text.startsWith("unix:")) return text.length > 5 ? { kind: "unix", path: text.slice(5) } : undefined;
  if (!text.startsWith("tcp:")) return text === "" ? undefined : { kind: "unix", path: text };
  const tcp = /^tcp:(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(tcp?.[3]);
  return port >= 1 && port <= 65_535 ? { kind: "tcp", host: tcp?.[1] ?? tcp?.[2] ?? "", port } : undefined;
}

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
  ["compressLevel", "--compress-level"],
] as const satisfies readonly (readonly [keyof MsyncWords, string])[];

/** Why the words cannot be meant so; bytes. */
type Fault = { readonly text: string };

function readAction(words: MsyncWords): MsyncAction | Fault | "usage" {
  if (words.completeHosts) return { kind: "hosts" };
  const asked = (["members", "status", "check", "file"] as const).filter((name) => words[name] !== undefined);
  if (asked.length > 1)
    return { text: `${asked.map((name) => `--${name}`).join(" and ")} exclude each other` };
  const [other] = asked;
  // The original answers these with its usage and status 1.
  if (other !== undefined && other !== "file" && (words.delete || words.group !== undefined)) return "usage";
  if (other === undefined || other === "check") return readPush(words);
  const also = PUSH_OPTIONS.find(([name]) => words[name] !== undefined)?.[1];
  const negated =
    words.fsync === false ? "--no-fsync" : words.compress === false ? "--no-compress" : undefined;
  const flag = also ?? negated ?? (words.compress ? "--compress" : undefined);
  if (flag !== undefined || words.paths.length > 0)
    return { text: `--${other} does not go with ${flag ?? "a path"}` };
  const json = words.json ?? false;
  if (other !== "file") return { kind: other, json };
  if (json) return { text: "--file does not go with --json" };
  return { kind: "script", file: words.file ?? "" };
}

/** A push or a check, or why the words cannot be meant so. */
export function readPush(words: MsyncWords): MsyncPush | Fault {
  const { paths, recursive = false, dryRun = false, check = false, group } = words;
  if (paths.length === 0 && !recursive) return { text: "a path or -r is needed" };
  if (paths.includes("")) return { text: "a path is empty" };
  const hosts = words.to === undefined ? undefined : parseHosts(words.to);
  if (hosts?.length === 0) return { text: "option -t names no host" };
  if (check && words.sync) return { text: "--check and --sync exclude each other" };
  const removes = words.delete ? "extra" : words.sync ? "missing" : "nothing";
  const removesMax = words.maxDelete;
  if (removesMax !== undefined && removes === "nothing")
    return { text: "--max-delete needs --delete or --sync" };
  if (words.compress === false && words.compressLevel !== undefined)
    return { text: "--no-compress and --compress-level exclude each other" };
  return {
    kind: "push",
    paths,
    recursive,
    dryRun,
    mode: check ? "check" : "send",
    removes,
    removesMax,
    fsync: words.fsync ?? true,
    hosts,
    group: group === undefined ? undefined : bytesToText(group),
    compressLevel: compressLevel(words),
    excludes: words.exclude ?? [],
    excludeFiles: words.excludeFrom ?? [],
    json: words.json ?? false,
    progress: words.progress === undefined ? "auto" : words.progress ? "always" : "never",
  };
}

function compressLevel({ compress, compressLevel: level }: MsyncWords): number | undefined {
  if (compress === false) return 0;
  return level ?? (compress ? COMPRESS_LEVEL_USUAL : undefined);
}

function environmentTarget(): string | undefined {
  const text = process.env.MSYNC_TARGET;
  return text === undefined || text === "" ? undefined : textToBytes(text);
}

function wrong(text: string): ParsedExit {
  return usageError("msync", displayBytes(text));
}
