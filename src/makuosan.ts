/** makuosan: the daemon. Everything that can be decided lives in cli/ and io/; this file has the process's ends. */

import { openConsoleSession } from "./cli/console-session.ts";
import { parseDaemonArguments } from "./cli/daemon-options.ts";
import { textToBytes } from "./cli/display.ts";
import { print } from "./cli/print.ts";
import { rawArguments } from "./cli/raw-arguments.ts";
import { version } from "./cli/version.ts";
import { startDaemon } from "./io/daemon.ts";
import { fault } from "./io/fault.ts";
import { START_FAILURE_STATUS, StartFailure } from "./io/start-failure.ts";

process.on("uncaughtException", fault);
process.on("unhandledRejection", fault);

const parsed = parseDaemonArguments(rawArguments(), { background: false });
if (parsed.kind === "exit") {
  print(1, parsed.stdout);
  print(2, parsed.stderr);
  process.exit(parsed.status);
}
try {
  await startDaemon({ settings: parsed.options, version, openSession: openConsoleSession });
} catch (error) {
  if (!(error instanceof StartFailure)) throw error;
  print(2, textToBytes(`makuosan: ${error.message}\n`));
  process.exit(START_FAILURE_STATUS);
}
