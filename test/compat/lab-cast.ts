/** What the tests of this folder do with the hosts of a lab. */
import { Daemon } from "../lab/daemon.ts";
import type { Host, Lab } from "../lab/lab.ts";
import type { Result, RunOptions } from "../lab/run.ts";

/** How a program ended, and its lines. */
export type Outcome = {
  readonly status: number | null;
  readonly out: readonly string[];
  readonly err: readonly string[];
};

/** Runs msync, as it is found on the host's path, in a folder; lines come sorted, as several hosts answer. */
export async function msync(host: Host, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return outcomeOf(await host.msync(args, options));
}

/** A program's end as an `Outcome`. */
export function outcomeOf({ status, stdout, stderr }: Result): Outcome {
  const lines = (text: string) => text.split("\n").slice(0, -1).sort();
  return { status, out: lines(stdout), err: lines(stderr) };
}

/** Empties all bases; what was mounted there stays, to be seen. */
export async function clear(lab: Lab): Promise<void> {
  await Promise.all(lab.hosts.map((host) => host.shell("find /srv/www -mindepth 1 -delete")));
}

/** Starts a daemon with a line as an operator would type it, which must end in `exec makuosan -n …`; waits for its console. */
export function startLine(host: Host, line: string, port = 5000): Promise<Daemon> {
  return Daemon.start(host, ["sh", "-c", line], port);
}
