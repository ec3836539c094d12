import { levelMax, type MsyncOptions, type MsyncWords, readPush, usualTarget } from "./msync-options.ts";

/** Options without a value that most pushes have, and what they set. */
const LETTERS: Readonly<Record<string, Flag>> = { r: "recursive", n: "dryRun", v: "verbose" };
const NAMES: Readonly<Record<string, Flag>> = {
  "--recursive": "recursive",
  "--dry-run": "dryRun",
  "--verbose": "verbose",
  "--delete": "delete",
  "--json": "json",
};
type Flag = "recursive" | "dryRun" | "verbose" | "delete" | "json";

/**
 * Reads the plainest command lines, of paths and a few flags, as `parseMsyncArguments` would: to load commander takes longer than to push a small
 * file. Undefined: this needs more than that, or is wrong.
 */
export function readPlainArguments(args: readonly string[]): MsyncOptions | undefined {
  if (args.length === 0) return undefined;
  const paths: string[] = [];
  const words: { -readonly [Name in Flag]?: MsyncWords[Name] } = {};
  let verbose = 0;
  for (const word of args) {
    const flags = flagsOf(word);
    if (flags === undefined) return undefined;
    if (flags.length === 0) paths.push(word);
    for (const flag of flags) {
      if (flag === "verbose") verbose++;
      else words[flag] = true;
    }
  }
  const target = usualTarget();
  const action = readPush({ ...words, verbose, loglevel: 0, paths });
  if (target === undefined || "text" in action) return undefined;
  return { target, level: Math.min(levelMax, verbose), passwordFile: undefined, action };
}

/** The flags that a word is, none if it is a path; undefined: it is something else. */
function flagsOf(word: string): readonly Flag[] | undefined {
  if (!word.startsWith("-")) return [];
  const named = NAMES[word];
  if (named !== undefined) return [named];
  const flags: Flag[] = [];
  for (const letter of word.slice(1)) {
    const flag = LETTERS[letter];
    if (flag === undefined) return undefined;
    flags.push(flag);
  }
  return flags.length === 0 ? undefined : flags;
}
