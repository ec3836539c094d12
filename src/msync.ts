/** msync: asks the local daemon to send. Everything that can be decided lives in cli/; this file has the process's ends. */

import type { MsyncParsed } from "./cli/msync-options.ts";
import { readPlainArguments } from "./cli/msync-plain.ts";
import { msyncWorld } from "./cli/msync-process.ts";
import { startMsync } from "./cli/msync-start.ts";
import { print } from "./cli/print.ts";
import { rawArguments } from "./cli/raw-arguments.ts";

const parsed = await parse(rawArguments());
if (parsed.kind === "version") {
  const { version } = await import("./cli/version.ts");
  print(1, `msync ${version}\n`);
} else if (parsed.kind === "exit") {
  print(1, parsed.stdout);
  print(2, parsed.stderr);
  process.exitCode = parsed.status;
} else {
  // A script on stdin may still wait for more.
  process.exit(await startMsync(parsed.options, msyncWorld()));
}

/** Commander reads what is not the plainest push. */
async function parse(args: readonly string[]): Promise<MsyncParsed> {
  const plain = readPlainArguments(args);
  if (plain !== undefined) return { kind: "run", options: plain };
  const { parseMsyncArguments } = await import("./cli/msync-command.ts");
  return parseMsyncArguments(args);
}
