import { readFileSync } from "node:fs";
import { execSelf } from "./daemon-shim.ts";

/**
 * How JavaScriptCore runs the daemon. Its options can be given only by variables, before the process starts.
 *
 * - The last tier of compilation is left out: the threads do little in JavaScript, batch by batch, and compiling takes more time than it saves, on
 *   processors that have the blocks to move. A push of 256 MiB to four hosts on two processors took a tenth less of them without it.
 * - The other tiers compile after a tenth of the usual calls. What a short push needs runs a few times in each push: hundreds of them would be
 *   slow, the more so as compiling goes on beside them, on the processors that the push needs.
 * - What has been compiled stays. By itself the engine throws it away some 15 to 20 seconds later, at the next collection, whether it is used or not: a daemon
 *   that has its pushes half a minute apart would compile all of it again in each.
 */
const VARIABLES = {
  BUN_JSC_useFTLJIT: "0",
  BUN_JSC_jitPolicyScale: "0.1",
  BUN_JSC_forceCodeBlockLiveness: "1",
} as const;

/**
 * Starts this program anew in this process with what suits a daemon, once: whoever has set one of the variables, to anything, keeps it. Returns if
 * nothing is to be done, or if it cannot be: then the daemon is merely slower.
 */
export function restartForDaemon(): void {
  const missing = Object.entries(VARIABLES).filter(([name]) => process.env[name] === undefined);
  if (missing.length === 0) return;
  const more = missing.map(([name, value]) => `${name}=${value}\0`).join("");
  try {
    const variables = readFileSync("/proc/self/environ");
    execSelf(readFileSync("/proc/self/cmdline"), Buffer.concat([variables, Buffer.from(more)]));
  } catch {
    // No /proc here.
  }
}
