/** The whole msync command for one small file: from exec to exit, all hosts committed. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { BenchLab } from "../bench-lab.ts";
import { percentile } from "../contender.ts";
import type { Scribe } from "../report.ts";
import { labFor, type Scenario, type Settings } from "../scenario.ts";
import { sameFile } from "../trees.ts";

const FILE = "small";
const BYTES = 4_096;
const TARGETS = { medianMs: 15, worstMs: 40 };
/** Beyond the time in which a file counts as fresh. */
const AT_REST_MS = 50;

/** 4 KiB to four hosts, again and again, each time with another content. */
export const latency: Scenario = {
  name: "latency",
  title: "A 4 KiB file to 4 hosts, msync from exec to exit",
  basis: "250 pushes",
  run: async (settings, scribe) => {
    await using bench = await labFor(settings, { receivers: 4 });
    const pushes = settings.quick ? 40 : 250;
    scribe.note(
      `${pushes} pushes after 20 that warm up. The time is that of the process msync, started without a shell; ${settings.program === "source" ? "it runs from its sources" : "it is the executable"}.`,
    );
    await several(bench, 20, 0);
    await record(bench, { settings, scribe, pushes, restMs: 0, what: "written just before" });
    await record(bench, {
      settings,
      scribe,
      pushes,
      restMs: AT_REST_MS,
      what: `written ${AT_REST_MS} ms before`,
    });
  },
};

type Given = {
  readonly settings: Settings;
  readonly scribe: Scribe;
  readonly pushes: number;
  readonly restMs: number;
  readonly what: string;
};

async function record(bench: BenchLab, given: Given): Promise<void> {
  const { settings, scribe, what } = given;
  const values = await several(bench, given.pushes, given.restMs);
  const medianMs = scribe.series(`msync, the file ${what}`, values, { unit: "ms" });
  const worstMs = percentile(values, 0.99);
  scribe.series(`99th percentile, the file ${what}`, [worstMs], { unit: "ms" });
  settings.say(`${what}: median ${medianMs.toFixed(1)} ms, 99th percentile ${worstMs.toFixed(1)} ms`);
  if (given.restMs > 0) return;
  scribe.check("median", medianMs, "<=", { target: TARGETS.medianMs, unit: "ms" });
  scribe.check("99th percentile", worstMs, "<=", { target: TARGETS.worstMs, unit: "ms" });
}

/** Milliseconds of each of so many pushes; the receivers' files are compared after each. */
async function several(bench: BenchLab, pushes: number, restMs: number): Promise<number[]> {
  const argv = [...bench.sender.msyncCommand, "-r"];
  const values: number[] = [];
  for (let push = 0; push < pushes; push++) {
    writeFileSync(`${bench.sender.path()}/${FILE}`, randomBytes(BYTES));
    if (restMs > 0) await Bun.sleep(restMs);
    values.push(1_000 * (await bench.launcher.measure([argv])));
    await sameFile(bench, FILE);
  }
  return values;
}
