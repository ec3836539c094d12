/**
 * 200 consoles of one daemon for a minute, while others ask and do not read, more than the daemon may keep for them: which of these are
 * dropped, what the answers to the others are, and what it costs in memory. `bun test/bench/consoles.ts [SECONDS]`.
 */

import type { DeafReport } from "../lab/console-deaf.ts";
import {
  CONSOLES,
  consoleLab,
  DeafConsoles,
  GROWTH_MAX,
  load,
  longNames,
  noMoreDescriptors,
  unequal,
  usageOf,
} from "../lab/consoles.ts";
import { others, push } from "../lab/scenario.ts";

const seconds = Number(process.argv[2] ?? 60);
/** Each that does not read leaves 24 MB; 64 MiB are kept for all. */
const files = 6_000;
const pushers = 6;
const questions = 20_000;

const { lab, daemon } = await consoleLab();
await using _ = lab;
const host1 = lab.host(1);
longNames(host1, files);
await push(host1, ["-r"]);
const before = usageOf(daemon);
using deaf = await DeafConsoles.open(host1, { questions, pushers });
const report = await load(host1, others(lab), seconds);
const after = usageOf(daemon);
const heard = await deaf.listen();
await noMoreDescriptors(daemon, before.descriptors);

const isWhole = (text: DeafReport["pushers"][number]) =>
  text !== null && text.lines >= 4 * files && text.end === "> the end\n> ";
const isRight = (talker: DeafReport["talkers"][number]) =>
  talker?.answers === questions && talker.different === 1;
const deafs = pushers + heard.talkers.length;
const dropped = [...heard.pushers, ...heard.talkers].filter((one) => one === null).length;
const whole = heard.pushers.filter(isWhole).length + heard.talkers.filter(isRight).length;
const growth = Math.max(after.most, usageOf(daemon).most) - before.resident;
await push(host1, ["-r"]);
const different = await unequal(lab);
const mebibytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;
console.log(
  `${CONSOLES} consoles for ${seconds} s: ${report.pushes} pushes to 4 hosts, ${report.members} times members (${Math.round(report.membersMsMax)} ms ` +
    `at most), ${report.statuses} times status, ${report.wrong.length} wrong answers`,
);
console.log(`${deafs} that did not read: ${dropped} dropped, ${whole} had everything kept for them`);
console.log(
  `memory: ${mebibytes(before.resident)} before, ${mebibytes(growth)} more at most, ${mebibytes(after.resident)} at the end`,
);
for (const text of [...report.wrong, ...different]) console.log(`wrong: ${text}`);
const wrong = report.wrong.length + different.length;
if (wrong > 0 || dropped === 0 || dropped + whole !== deafs || growth > GROWTH_MAX) process.exit(1);
