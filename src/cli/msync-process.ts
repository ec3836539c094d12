import type { MsyncWorld } from "./msync-world.ts";
import { print } from "./print.ts";

/** The process that msync is. What draws on terminals is loaded only for them, and late: most pushes are over before. */
export function msyncWorld(): MsyncWorld {
  let stop: AbortController | undefined;
  return {
    print: (fd, lines) => print(fd, lines.map((line) => `${line}\n`).join("")),
    showsProgress: (wanted) => wanted === "always" || (wanted === "auto" && mayBeTerminal()),
    openProgress: async (always) => {
      if (!always && !(await isDevice())) return undefined;
      const { openProgressView } = await import("./progress-view.ts");
      return openProgressView(always);
    },
    // Not before it is asked for: while files are read nothing can be handled, and a signal has to end the process by itself.
    get stop() {
      stop ??= signalled();
      return stop.signal;
    },
  };
}

function signalled(): AbortController {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => controller.abort(name));
  return controller;
}

/**
 * Whether stderr could be a terminal that understands cursor movements. To look at it takes longer than a short push; what runs without a terminal
 * (cron, a service manager) has no TERM as a rule.
 */
function mayBeTerminal(): boolean {
  const { TERM = "dumb" } = process.env;
  return TERM !== "dumb";
}

/** Whether stderr is a device, as a terminal is: else what draws on one need not be loaded. */
async function isDevice(): Promise<boolean> {
  try {
    return (await Bun.stderr.stat()).isCharacterDevice();
  } catch {
    return false;
  }
}
