/**
 * The progress line of a push of 2 GiB to four hosts, as it is seen: at three moments, with a host that dies, and with output to a file.
 * `bun test/bench/progress.ts [MEBIBYTES [MEGABITS]]`; needs five times so much memory.
 */
import { readFileSync } from "node:fs";
import { differences } from "../lab/judge.ts";
import { type Host, Lab } from "../lab/lab.ts";
import { faultsOf, Terminal } from "../lab/progress.ts";
import { others, randomFile } from "../lab/scenario.ts";

const mebibytes = Number(process.argv[2] ?? 2_048);
const args = ["-T", process.argv[3] ?? "800"];
const wrong: string[] = [];

await using lab = await Lab.create({ hosts: 5 });
const host1 = lab.host(1);
const daemons = await lab.startAll({ args });
await randomFile(host1, "large", mebibytes);

const whole = new Terminal(host1, "exec msync -r -v");
for (const percent of [10, 45, 80]) {
  const moment = await whole.progress(`${percent} %`, (progress) => progress.percent >= percent);
  console.log(moment.line);
  wrong.push(...faultsOf(moment, { bytes: mebibytes * 1_048_576, hosts: 4 }));
}
await end(whole, 0, others(lab));

const broken = new Terminal(host1, "exec msync -r -v");
await broken.progress("40 %", (progress) => progress.percent >= 40);
daemons[4]?.killNow();
console.log((await broken.progress("trouble", (progress) => progress.trouble.startsWith("host5 "))).line);
await end(broken, 1, others(lab).slice(0, 3));

await lab.host(5).daemon({ args });
await lab.settled(lab.hosts);
const quiet = new Terminal(host1, "exec msync -r -v > /srv/out 2>&1");
await end(quiet, 0, others(lab));
if (quiet.raw !== "") wrong.push(`the terminal has ${JSON.stringify(quiet.raw)}`);
const file = readFileSync(host1.path("/srv/out"), "latin1");
console.log(`the file: ${JSON.stringify(file)}`);
const lines = others(lab).map(({ name }) => `update ${name}:large\n`);
if (file.length !== lines.join("").length || !lines.every((line) => file.includes(line)))
  wrong.push("the file");

for (const text of wrong) console.log(`wrong: ${text}`);
process.exitCode = wrong.length === 0 ? 0 : 1;

/** Waits for the end, shows what remains on the terminal, and takes the file away from all who should have it now. */
async function end(terminal: Terminal, status: number, copies: readonly Host[]): Promise<void> {
  const ended = await terminal.ended();
  if (ended !== status) wrong.push(`status ${ended} instead of ${status}`);
  for (const row of terminal.rows) console.log(`    remains: ${row}`);
  if (terminal.rows.some((row) => row.startsWith("sending"))) wrong.push("the line is still there");
  for (const host of copies) wrong.push(...(await differences(host1.path(), host.path())));
  for (const host of others(lab)) await host.shell("rm -f /srv/www/large");
}
