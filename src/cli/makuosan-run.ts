/** The daemon's process, from its arguments to its end. Everything that can be decided lives beside this file and in io/. */

import { startDaemon } from "../io/daemon.ts";
import { isBackground, startInBackground } from "../io/daemon-background.ts";
import { prepareDaemon } from "../io/daemon-prepare.ts";
import { fault } from "../io/fault.ts";
import { START_FAILURE_STATUS, StartFailure } from "../io/start-failure.ts";
import { inExecutable } from "../io/threads.ts";
import { openConsoleSession } from "./console-session.ts";
import { parseDaemonArguments } from "./daemon-options.ts";
import { textToBytes } from "./display.ts";
import { print } from "./print.ts";
import { rawArguments } from "./raw-arguments.ts";
import { version } from "./version.ts";

process.on("uncaughtException", fault);
process.on("unhandledRejection", fault);

const parsed = parseDaemonArguments(rawArguments(), { background: inExecutable });
if (parsed.kind === "exit") {
  print(1, parsed.stdout);
  print(2, parsed.stderr);
  process.exit(parsed.status);
}
const settings = parsed.options;
try {
  const background = settings.background && isBackground();
  if (settings.background && !background) {
    prepareDaemon(settings);
    const { status, text } = startInBackground();
    if (text !== "") print(2, textToBytes(`makuosan: ${text}\n`));
    process.exit(status);
  }
  await startDaemon({ settings, version, background, openSession: openConsoleSession });
} catch (error) {
  if (!(error instanceof StartFailure)) throw error;
  print(2, textToBytes(`makuosan: ${error.message}\n`));
  process.exit(START_FAILURE_STATUS);
}
