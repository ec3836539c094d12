import { parseDaemonArguments } from "../../src/cli/daemon-options.ts";
import { findInterface, openNetwork } from "../../src/io/network-setup.ts";
import { Threads } from "../../src/io/thread-group.ts";
import type { ThreadName } from "../../src/io/threads.ts";
import type { NodeId } from "../../src/wire/brand.ts";

/** Starts the threads of a daemon in the base that is its argument, and prints which of them answer when they are asked. */

const parsed = parseDaemonArguments([
  "-n",
  "-b",
  process.argv[2] ?? "",
  "-i",
  "127.0.0.1",
  "-m",
  "239.255.77.1",
]);
if (parsed.kind === "exit") throw new Error(parsed.stderr);
const settings = parsed.options;
const { base, ownerMatch, devices, fsync } = settings;
const logLevel = new SharedArrayBuffer(4);
const node = 1n as NodeId;
const threads = new Threads({ base, shownBase: base, ownerMatch, devices, fsync, logLevel }, () => {});
await threads.start({
  settings,
  version: "0",
  node,
  network: openNetwork(settings, node, findInterface(settings)),
});

const answers: Record<string, boolean> = {};
const ask = (thread: ThreadName) =>
  new Promise<boolean>((resolve) => {
    const asked = threads.ask(thread, () => resolve(true));
    if (!asked) resolve(false);
  });
for (const thread of ["engine", "stage", "source"] as const) answers[thread] = await ask(thread);
console.log(JSON.stringify(answers));
threads.stop();
