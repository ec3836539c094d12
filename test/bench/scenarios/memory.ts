/** What the daemons cost: memory while idle, while 4 GiB are pushed, with a million entries; processor time while idle. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Daemon } from "../../lab/daemon.ts";
import { randomFile } from "../../lab/scenario.ts";
import type { BenchLab } from "../bench-lab.ts";
import type { Scribe } from "../report.ts";
import { labFor, type Scenario, type Settings } from "../scenario.ts";
import { sameFile } from "../trees.ts";

const MIB = 2 ** 20;
const SAMPLE_MS = 200;
const TARGETS = { growthMiB: 200, idleMiB: 64, idlePercent: 0.2 };

/** Resident: as the kernel counts it. Proportional: pages that several processes share count for their part only. */
type Usage = { readonly residentMiB: number; readonly proportionalMiB: number };

/** Of any daemon the largest figure counts. */
export const memory: Scenario = {
  name: "memory",
  title: "Memory and processor time of the daemons",
  basis: "one run",
  run: async (settings, scribe) => {
    await idle(settings, scribe);
    await largePush(settings, scribe);
    await manyEntries(settings, scribe);
  },
};

async function idle(settings: Settings, scribe: Scribe): Promise<void> {
  await using bench = await labFor(settings, { receivers: 4 });
  const seconds = settings.quick ? 5 : 30;
  // What starting has left behind, and compiling what runs now and then, is over by then.
  await Bun.sleep(settings.quick ? 2_000 : 45_000);
  const before = bench.daemons.map(processorSeconds);
  await Bun.sleep(seconds * 1_000);
  const percents = bench.daemons.map(
    (daemon, i) => ((processorSeconds(daemon) - (before[i] ?? 0)) / seconds) * 100,
  );
  const usages = bench.daemons.map(usageOf);
  record(scribe, "idle", usages);
  const percent = Math.max(...percents);
  scribe.series(`idle: processor time over ${seconds} s, 5 daemons`, percents, { unit: "%" });
  const resident = Math.max(...usages.map((usage) => usage.residentMiB));
  scribe.check("resident, idle", resident, "<=", { target: TARGETS.idleMiB, unit: "MiB" });
  scribe.check("of a core, idle", percent, "<=", { target: TARGETS.idlePercent, unit: "%" });
}

/** One receiver: five copies would not fit into the memory of a small machine. */
async function largePush(settings: Settings, scribe: Scribe): Promise<void> {
  await using bench = await labFor(settings, { receivers: 1 });
  const gibibytes = settings.quick ? 0.5 : 4;
  await randomFile(bench.sender, "file", gibibytes * 1_024);
  await growth(bench, scribe, { what: `${gibibytes} GiB to one host`, idle: bench.daemons.map(usageOf) });
  await sameFile(bench, "file");
}

async function manyEntries(settings: Settings, scribe: Scribe): Promise<void> {
  await using bench = await labFor(settings, { receivers: 1 });
  const entries = settings.quick ? 100_000 : 1_000_000;
  let made = 0;
  for (let directory = 0; made < entries; directory++) {
    const path = `${bench.sender.path()}/a-directory-${directory}`;
    mkdirSync(path);
    made++;
    for (let file = 0; file < 999 && made < entries; file++, made++) {
      writeFileSync(`${path}/a-file-of-many-${file}.txt`, file % 10 === 0 ? `${directory} ${file}\n` : "");
    }
  }
  const idle = bench.daemons.map(usageOf);
  await growth(bench, scribe, { what: `${entries.toLocaleString("en")} entries to one host`, idle });
  const counted = await bench.receivers[0]?.shell("find /srv/www -mindepth 1 | wc -l");
  if (Number(counted) !== entries) throw new Error(`the receiver has ${counted} entries, not ${entries}`);
  await growth(bench, scribe, { what: `${entries.toLocaleString("en")} entries, nothing to do`, idle });
}

/** Pushes, and records how much larger any daemon becomes than it was before the first push. */
async function growth(
  bench: BenchLab,
  scribe: Scribe,
  given: { what: string; idle: readonly Usage[] },
): Promise<void> {
  const { what, idle: before } = given;
  for (const { pid } of bench.daemons) writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const most = bench.daemons.map(() => 0);
  const timer = setInterval(() => {
    bench.daemons.forEach((daemon, i) => {
      most[i] = Math.max(most[i] ?? 0, usageOf(daemon).proportionalMiB);
    });
  }, SAMPLE_MS);
  const seconds = await bench.launcher.measure([[...bench.sender.msyncCommand, "-r"]]);
  clearInterval(timer);
  const peaks = bench.daemons.map((daemon, i) => ({
    residentMiB: peakMiB(daemon),
    proportionalMiB: most[i] ?? 0,
  }));
  scribe.series(`${what}: seconds`, [seconds]);
  record(scribe, what, peaks);
  const growths = peaks.map((peak, i) => peak.residentMiB - (before[i]?.residentMiB ?? 0));
  scribe.check(`resident above idle, ${what}`, Math.max(...growths), "<=", {
    target: TARGETS.growthMiB,
    unit: "MiB",
  });
}

function record(scribe: Scribe, what: string, usages: readonly Usage[]): void {
  const unit = { unit: "MiB" };
  scribe.series(
    `${what}: resident, at most`,
    usages.map((usage) => usage.residentMiB),
    unit,
  );
  scribe.series(
    `${what}: proportional, at most`,
    usages.map((usage) => usage.proportionalMiB),
    unit,
  );
}

function usageOf({ pid }: Daemon): Usage {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const mebibytes = (name: string) => (kilobytes(text, name) * 1_024) / MIB;
  return { residentMiB: mebibytes("Rss"), proportionalMiB: mebibytes("Pss") };
}

/** The most that was resident since it was reset. */
function peakMiB({ pid }: Daemon): number {
  return (kilobytes(readFileSync(`/proc/${pid}/status`, "latin1"), "VmHWM") * 1_024) / MIB;
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
}

/** Seconds of processor time that a process has used so far, threads that have ended among them, in hundredths (proc(5), utime and stime). */
function processorSeconds({ pid }: Daemon): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
