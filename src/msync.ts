/** msync: asks the local daemon to send. Everything that can be decided lives in cli/; this file has the process's ends. */

import { parseMsyncArguments } from "./cli/msync-options.ts";
import { msyncWorld } from "./cli/msync-process.ts";
import { print } from "./cli/print.ts";
import { rawArguments } from "./cli/raw-arguments.ts";

const parsed = parseMsyncArguments(rawArguments());
if (parsed.kind === "version") {
  const { version } = await import("./cli/version.ts");
  print(1, `msync ${version}\n`);
} else if (parsed.kind === "exit") {
  print(1, parsed.stdout);
  print(2, parsed.stderr);
  process.exitCode = parsed.status;
} else {
  const { runMsync } = await import("./cli/msync-run.ts");
  // A script on stdin may still wait for more.
  process.exit(await runMsync(parsed.options, msyncWorld()));
}
