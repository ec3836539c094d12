import { type MsyncParsed, readWords } from "./msync-options.ts";
import { msyncCommand } from "./msync-table.ts";
import { parseWith } from "./parse.ts";
import type { ParsedExit } from "./parsed.ts";

/** Reads any command line of msync. No arguments at all: the usage on stderr, status 1. */
export function parseMsyncArguments(args: readonly string[]): MsyncParsed {
  if (args.length === 0) return usage();
  const command = msyncCommand();
  const parsed = parseWith(command, args, () => ({ ...command.opts(), paths: command.args }));
  if (parsed.kind === "exit") return parsed;
  const read = readWords(parsed.options);
  return read === "usage" ? usage() : read;
}

function usage(): ParsedExit {
  return { kind: "exit", status: 1, stdout: "", stderr: msyncCommand().helpInformation() };
}
