import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "@commander-js/extra-typings";

/** The command line, read: either values, or text to print and a status to exit with. */
export type Parsed<T> =
  | { readonly kind: "run"; readonly options: T }
  | { readonly kind: "exit"; readonly status: number; readonly stdout: string; readonly stderr: string };

/** Exit status for a command line or a configuration that cannot be used. */
export const USAGE_STATUS = 2;

/**
 * Runs a commander command over `args` without letting it print or exit. A bad command line gives one line for stderr that starts with
 * `name: ` and the status 2.
 */
export function parseWith<T>(command: CommandUnknownOpts, args: readonly string[], read: () => T): Parsed<T> {
  let stdout = "";
  let stderr = "";
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      stdout += text;
    },
    writeErr: (text) => {
      stderr += text;
    },
  });
  try {
    command.parse([...args], { from: "user" });
    return { kind: "run", options: read() };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "exit", status: 0, stdout, stderr: "" };
    return usageError(
      command.name(),
      stderr
        .replace(/^error: /, "")
        .replaceAll("\n", " ")
        .trim(),
    );
  }
}

/** The result for a command line that is wrong in a way that the option table cannot know. */
export function usageError(name: string, text: string): Parsed<never> {
  return {
    kind: "exit",
    status: USAGE_STATUS,
    stdout: "",
    stderr: `${name}: ${text} (see ${name} --help)\n`,
  };
}
