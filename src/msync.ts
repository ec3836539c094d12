/** msync: asks the local daemon to send. Everything that can be decided lives in cli/; this file has the process's ends. */

import { parseMsyncArguments } from "./cli/msync-options.ts";
import { runMsync } from "./cli/msync-run.ts";
import { print } from "./cli/print.ts";
import { rawArguments } from "./cli/raw-arguments.ts";

const parsed = parseMsyncArguments(rawArguments());
if (parsed.kind === "exit") {
  print(1, parsed.stdout);
  print(2, parsed.stderr);
  process.exitCode = parsed.status;
} else {
  process.exitCode = await runMsync(parsed.options, {
    stdout: (line) => print(1, `${line}\n`),
    stderr: (line) => print(2, `${line}\n`),
  });
}
