import type { MsyncOptions } from "./msync-options.ts";
import { isPlainWord, percentEncode, quoteWord } from "./words.ts";

/** The console commands that do what msync was asked, in order. */
export function consoleCommands(options: MsyncOptions): string[] {
  const { action } = options;
  if (action.kind !== "send") return [action.kind];
  const words = ["send"];
  if (action.recursive) words.push("-r");
  if (action.dryRun) words.push("-n");
  if (action.hosts !== undefined) words.push("-t", quoteWord(action.hosts));
  const encode = !action.paths.every(isPlainWord);
  if (encode) words.push("-x");
  if (action.paths.some((path) => path.startsWith("-"))) words.push("--");
  words.push(...action.paths.map(encode ? percentEncode : quoteWord));
  return [`loglevel ${options.level}`, words.join(" ")];
}

/** What a line of the answer means: where it is printed, and whether it says that something failed. */
export function judgeLine(line: string): { readonly to: "stdout" | "stderr"; readonly failure: boolean } {
  if (line.startsWith("error:")) return { to: "stderr", failure: true };
  const failure = / is not contained in members$/.test(line) || line.startsWith("mexec: command error ");
  return { to: "stdout", failure };
}
