import { type Connect, connectConsole } from "./console-socket.ts";
import type { MsyncOptions } from "./msync-options.ts";
import { isPlain, QuickPush } from "./msync-quick.ts";
import type { MsyncWorld } from "./msync-world.ts";

/**
 * Does what the options ask; the status is that of `runMsync`, which is loaded only for what is not over in a moment, or needs words: on a small push
 * that would take longer than the push.
 */
export async function startMsync(
  options: MsyncOptions,
  world: MsyncWorld,
  connect: Connect = connectConsole,
): Promise<number> {
  const quick = isPlain(options) && !world.stop.aborted ? new QuickPush(options, world, connect) : undefined;
  if ((await quick?.result) === "done") return 0;
  const { runMsync } = await import("./msync-run.ts");
  return runMsync(options, world, quick?.goOn ?? connect);
}
