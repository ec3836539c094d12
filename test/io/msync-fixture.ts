import { parseMsyncArguments } from "../../src/cli/msync-command.ts";
import { startMsync as start } from "../../src/cli/msync-start.ts";

/** Runs msync inside of the test, not on a terminal, against a console on this port of the loopback. */
export function startMsync(port: number, ...args: readonly string[]) {
  const parsed = parseMsyncArguments(["-c", `tcp:127.0.0.1:${port}`, ...args]);
  if (parsed.kind !== "run") throw new Error(JSON.stringify(parsed));
  const stdout: string[] = [];
  const stderr: string[] = [];
  const stop = new AbortController();
  const status = start(parsed.options, {
    print: (fd, lines) => void (fd === 1 ? stdout : stderr).push(...lines),
    showsProgress: () => false,
    openProgress: () => Promise.resolve(undefined),
    stop: stop.signal,
  });
  return { status, stdout, stderr, stop: (signal: "SIGINT" | "SIGTERM") => stop.abort(signal) };
}

/** Runs msync to its end. */
export async function msync(port: number, ...args: readonly string[]) {
  const run = startMsync(port, ...args);
  return { status: await run.status, stdout: run.stdout, stderr: run.stderr };
}
