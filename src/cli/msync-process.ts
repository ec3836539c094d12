import type { MsyncWorld } from "./msync-world.ts";
import { print } from "./print.ts";

/** The process that msync is. What draws on terminals is loaded only for them, and late: most pushes are over before. */
export function msyncWorld(): MsyncWorld {
  let stop: AbortController | undefined;
  return {
    print: (fd, lines) => print(fd, lines.map((line) => `${line}\n`).join("")),
    showsProgress: async (wanted) => wanted === "always" || (wanted === "auto" && (await mayBeTerminal())),
    openProgress: async (always) => {
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

/** Whether stderr could be a terminal that understands cursor movements. To know it for sure costs more than a short push. */
async function mayBeTerminal(): Promise<boolean> {
  if (process.env.TERM === "dumb") return false;
  try {
    // Not by node:fs, whose loading takes as long as the connection.
    return (await Bun.stderr.stat()).isCharacterDevice();
  } catch {
    return false;
  }
}
