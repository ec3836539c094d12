import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "@commander-js/extra-typings";
import { type Parsed, usageError } from "./parsed.ts";

export { type Parsed, usageError };

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
