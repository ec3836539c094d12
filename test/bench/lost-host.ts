/**
 * `make bench`: what a receiver that dies half-way costs the others. One file to four hosts, undisturbed and with one of them killed when half of the
 * file is staged there, in turns in one run. `bun test/bench/lost-host.ts [MEBIBYTES [ROUNDS]]`.
 */

import { differences, leftovers, stagedBytes } from "../lab/judge.ts";
import { Lab } from "../lab/lab.ts";
import { until } from "../lab/run.ts";
import { randomFile } from "../lab/scenario.ts";

const mebibytes = Number(process.argv[2] ?? 1_024);
const rounds = Number(process.argv[3] ?? 5);

await using lab = await Lab.create({ hosts: 5 });
const sender = lab.host(1);
const victim = lab.host(5);
const survivors = lab.hosts.slice(1, 4);
let [, , , , doomed] = await lab.startAll();
await randomFile(sender, "file", mebibytes);
await push(0); // The first one warms everything up.

const extras: number[] = [];
for (let round = 1; round <= rounds; round++) {
  const whole = await push(0);
  const pushing = push(1);
  const half = (mebibytes / 2) * 1_024 * 1_024;
  await until("half of the file", () => (stagedBytes(victim.path()) >= half ? true : undefined), {
    everyMs: 2,
  });
  doomed?.killNow();
  const disturbed = await pushing;
  extras.push(disturbed - whole);
  console.log(`round ${round}: undisturbed ${whole.toFixed(2)} s, one host killed ${disturbed.toFixed(2)} s`);
  doomed = await victim.daemon();
  await until("the clean-up", async () => ((await leftovers(victim.path())).length === 0 ? true : undefined));
  await lab.settled(lab.hosts);
}
extras.sort((a, b) => a - b);
const median = extras[Math.floor(extras.length / 2)] ?? Number.NaN;
console.log(
  `${mebibytes} MiB to 4 hosts, one killed half-way: the others need ${median.toFixed(2)} s more, median of ${rounds}`,
);

/** Seconds of one push of the file to hosts that do not have it; all who live must have it afterwards. */
async function push(expectedStatus: number): Promise<number> {
  for (const host of lab.hosts.slice(1)) await host.shell(`rm -f ${host.base}/file`);
  const result = await sender.msync(["-r"], { timeoutMs: 120_000 });
  if (result.status !== expectedStatus) throw new Error(`msync: status ${result.status}\n${result.stderr}`);
  for (const host of survivors) {
    const found = await differences(sender.path(), host.path());
    if (found.length > 0) throw new Error(`${host.name} differs:\n${found.join("\n")}`);
  }
  return result.ms / 1_000;
}
