/**
 * `make bench`: one file to four hosts, by one push and by four rsync at once, in turns in one run on one network of the lab. What counts is the
 * ratio: absolute times move between machines. `bun test/bench/rsync.ts [MEBIBYTES [ROUNDS]]`.
 */

import { differences } from "../lab/judge.ts";
import type { Host } from "../lab/lab.ts";
import { Lab } from "../lab/lab.ts";
import { run, until } from "../lab/run.ts";
import { randomFile } from "../lab/scenario.ts";

const mebibytes = Number(process.argv[2] ?? 256);
const rounds = Number(process.argv[3] ?? 5);
const RSYNC_PORT = 8730;

await using lab = await Lab.create({ hosts: 5 });
const sender = lab.host(1);
const receivers = lab.hosts.slice(1);
await lab.startAll();
for (const host of receivers) await startRsyncDaemon(host);
await randomFile(sender, "file", mebibytes);

const ours: number[] = [];
const theirs: number[] = [];
for (let round = 1; round <= rounds; round++) {
  await clear();
  ours.push(await timed(pushOnce));
  await clear();
  theirs.push(await timed(rsyncAtOnce));
  console.log(
    `round ${round}: msync ${ours.at(-1)?.toFixed(2)} s, four rsync ${theirs.at(-1)?.toFixed(2)} s`,
  );
}
const ratio = median(ours) / median(theirs);
console.log(
  `${mebibytes} MiB to ${receivers.length} hosts, median of ${rounds}: msync ${median(ours).toFixed(2)} s, four rsync at once ${median(theirs).toFixed(2)} s, ratio ${ratio.toFixed(2)}`,
);

async function pushOnce(): Promise<void> {
  const { status, stderr } = await sender.msync(["-r"]);
  if (status !== 0) throw new Error(`msync: status ${status}\n${stderr}`);
}

async function rsyncAtOnce(): Promise<void> {
  const results = await Promise.all(
    receivers.map((host) => {
      const target = `rsync://${host.address}:${RSYNC_PORT}/base/`;
      return sender.exec(["rsync", "-a", "--whole-file", `${sender.base}/`, target]);
    }),
  );
  for (const { status, stderr } of results)
    if (status !== 0) throw new Error(`rsync: status ${status}\n${stderr}`);
}

/** Seconds of a step; afterwards every receiver must have the tree. */
async function timed(step: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await step();
  const seconds = (performance.now() - started) / 1_000;
  for (const host of receivers) {
    const found = await differences(sender.path(), host.path());
    if (found.length > 0) throw new Error(`${host.name} differs: ${found.join(", ")}`);
  }
  return seconds;
}

async function clear(): Promise<void> {
  for (const host of receivers) await host.shell(`find ${host.base} -mindepth 1 -delete`);
}

/** A receiving rsync daemon as an operator would set it up: no look-ups of names, files kept as they are sent. */
async function startRsyncDaemon(host: Host): Promise<void> {
  const lines = [
    "use chroot = no",
    "reverse lookup = no",
    "[base]",
    `path = ${host.base}`,
    "read only = no",
    "uid = 0",
    "gid = 0",
  ];
  await host.shell(`printf '%s\\n' '${lines.join("' '")}' > /srv/rsyncd.conf`);
  await host.shell(
    `rsync --daemon --config=/srv/rsyncd.conf --port=${RSYNC_PORT} </dev/null >/dev/null 2>&1`,
  );
  await until(`${host.name}'s rsync daemon`, async () => {
    const answer = await run(host.namespace.command(["rsync", `rsync://127.0.0.1:${RSYNC_PORT}/`]));
    return answer.status === 0 ? true : undefined;
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
