import { Command, Option } from "@commander-js/extra-typings";
import { parseHosts } from "./console-command.ts";
import { notEmpty, wholeNumber } from "./option-values.ts";
import { type Parsed, parseWith, usageError } from "./parse.ts";
import { version } from "./version.ts";

/** Where a daemon's console is. */
export type Target =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** Bytes, one character each. */
  | { readonly kind: "unix"; readonly path: string };

export type MsyncAction =
  | {
      readonly kind: "send";
      readonly paths: readonly string[];
      readonly recursive: boolean;
      readonly dryRun: boolean;
      readonly hosts: string | undefined;
    }
  | { readonly kind: "members" }
  | { readonly kind: "status" };

/** What the command line asks of msync. Paths and hosts are bytes, one character each. */
export type MsyncOptions = { readonly target: Target; readonly level: number; readonly action: MsyncAction };

const DEFAULT_TARGET = "tcp:127.0.0.1:5000";

/** Reads msync's command line. No arguments at all: the usage on stderr, status 1. */
export function parseMsyncArguments(args: readonly string[]): Parsed<MsyncOptions> {
  const command = msyncCommand();
  if (args.length === 0) return { kind: "exit", status: 1, stdout: "", stderr: command.helpInformation() };
  const parsed = parseWith(command, args, () => ({ paths: command.args, ...command.opts() }));
  if (parsed.kind === "exit") return parsed;
  const { paths, target: targetText, ...options } = parsed.options;
  const wrong = (text: string) => usageError("msync", text);
  const target = parseTarget(targetText);
  if (target === undefined)
    return wrong(`'${targetText}' is no console: tcp:HOST:PORT, unix:PATH or a path is needed`);
  const level = Math.min(9, options.loglevel + Number(options.verbose));
  const sends = paths.length > 0 || options.recursive || options.dryRun || options.to !== undefined;
  if (options.members || options.status) {
    if (sends || (options.members && options.status))
      return wrong("--members and --status go with nothing else");
    return {
      kind: "run",
      options: { target, level, action: { kind: options.members ? "members" : "status" } },
    };
  }
  if (paths.length === 0 && !options.recursive) return wrong("a path or -r is needed");
  if (paths.includes("")) return wrong("a path is empty");
  if (options.to !== undefined && parseHosts(options.to).length === 0)
    return wrong("option -t names no host");
  const { recursive = false, dryRun = false, to: hosts } = options;
  return {
    kind: "run",
    options: { target, level, action: { kind: "send", paths, recursive, dryRun, hosts } },
  };
}

/** Reads `tcp:HOST:PORT`, `tcp:[HOST]:PORT`, `unix:PATH` or a plain path; undefined: none of them. */
export function parseTarget(text: string): Target | undefined {
  if (text.startsWith("unix:")) return text.length > 5 ? { kind: "unix", path: text.slice(5) } : undefined;
  if (!text.startsWith("tcp:")) return text === "" ? undefined : { kind: "unix", path: text };
  const tcp = /^tcp:(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(tcp?.[3]);
  return port >= 1 && port <= 65_535 ? { kind: "tcp", host: tcp?.[1] ?? tcp?.[2] ?? "", port } : undefined;
}

function msyncCommand() {
  return new Command("msync")
    .description("Sends paths below the base directory to all other makuosan daemons at once.")
    .usage("[options] [PATH...]")
    .argument("[PATH...]", "relative to the daemon's base directory")
    .version(`msync ${version}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this text")
    .option("-r, --recursive", "all below PATH, or the whole base directory")
    .option("-n, --dry-run", "only say what would change")
    .addOption(new Option("-t, --to <HOST[,HOST]>", "only to these hosts").argParser(notEmpty))
    .addOption(
      new Option("-v, --verbose", "say more: -v updated files, -vv skipped ones, too")
        .default(0)
        .argParser((_: string, before: number) => before + 1),
    )
    .addOption(
      new Option("-l, --loglevel <n>", "the same as a number").default(0).argParser(wholeNumber(0, 9)),
    )
    .option("--members", "list the other members of the group")
    .option("--status", "what the daemon is doing, and its counters")
    .addOption(
      new Option("-c, --target <target>", "console: tcp:HOST:PORT, unix:PATH or a path")
        .env("MSYNC_TARGET")
        .default(DEFAULT_TARGET),
    );
}
