import { readFileSync } from "node:fs";
import { execSelf } from "./daemon-shim.ts";

/**
 * How JavaScriptCore runs the daemon. Its options can be given only by variables, before the process starts. Its last tier of compilation is left
 * out: the threads do little in JavaScript, batch by batch, and compiling takes more time than it saves, on processors that have the blocks to
 * move. A push of 256 MiB to four hosts on two processors took a tenth less of them without it.
 */
const VARIABLE = "BUN_JSC_useFTLJIT";
const VALUE = "0";

/**
 * Starts this program anew in this process with what suits a daemon, once: whoever has set the variable, to anything, keeps it. Returns if
 * nothing is to be done, or if it cannot be: then the daemon is merely slower.
 */
export function restartForDaemon(): void {
  if (process.env[VARIABLE] !== undefined) return;
  try {
    const variables = readFileSync("/proc/self/environ");
    execSelf(
      readFileSync("/proc/self/cmdline"),
      Buffer.concat([variables, Buffer.from(`${VARIABLE}=${VALUE}\0`)]),
    );
  } catch {
    // No /proc here.
  }
}
