/** makuosan: the daemon. */

import { restartForDaemon } from "./io/runtime.ts";

// The rest is read only by the process that goes on with it.
restartForDaemon();
await import("./cli/makuosan-run.ts");
