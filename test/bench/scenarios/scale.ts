/** A thousand receivers on a switch of 10 Gbit/s, in virtual time: `large-scale.ts` runs the production engine there. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { must } from "../../lab/run.ts";
import type { Scribe } from "../report.ts";
import type { Scenario, Settings } from "../scenario.ts";

const SIMULATION = resolve(import.meta.dir, "../large-scale.ts");
const TIMEOUT_MS = 1_200_000;
const TARGETS = { growth: 1.1, packetsPerSecond: 20_000 };

/** What is used of a line of its results. */
type Result = {
  readonly receivers: number;
  readonly lossPpm: number;
  readonly complete: number;
  readonly pushUs: number;
  /** Packets per second that reach the owner. */
  readonly perSecond: number;
  /** The same in the busiest 10 ms. */
  readonly peak: { readonly perSecond: number };
  readonly repairs: number;
  /** Symbols lost at one receiver or more. */
  readonly lostSomewhere: number;
};

/** Nothing here depends on this machine. */
export const scale: Scenario = {
  name: "scale",
  title: "10, 100 and 1,000 receivers on a simulated switch of 10 Gbit/s",
  run: async (settings, scribe) => {
    if (!existsSync(SIMULATION)) {
      scribe.note("There is no simulation of this size yet.");
      return;
    }
    // Four answers of everybody take a quarter of a second, whatever the size.
    const mebibytes = settings.quick ? 256 : 4_096;
    // With loss every receiver hears the NAKs of all others, and the simulation takes its time.
    const lossyMebibytes = settings.quick ? 16 : 128;
    scribe.note(
      `${mebibytes} MiB, ${lossyMebibytes} MiB with loss. Time is virtual: the model of the switch says what takes how long.`,
    );
    const receivers = settings.quick ? "10,1000" : "10,100,1000";
    const lossless = await simulate(settings, ["--receivers", receivers, "--mebibytes", `${mebibytes}`]);
    const lossy = await simulate(settings, [
      "--receivers",
      "1000",
      "--loss",
      "0.1",
      "--mebibytes",
      `${lossyMebibytes}`,
    ]);
    record(scribe, lossless, lossy);
  },
};

async function simulate(settings: Settings, args: readonly string[]): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "large-scale-"));
  try {
    const text = await must([process.execPath, SIMULATION, ...args, "--json", `${folder}/result.json`], {
      timeoutMs: TIMEOUT_MS,
    });
    for (const line of text.trimEnd().split("\n")) settings.say(line);
    return JSON.parse(readFileSync(`${folder}/result.json`, "utf8")) as Result[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function record(scribe: Scribe, lossless: readonly Result[], lossy: readonly Result[]): void {
  const all = [...lossless, ...lossy];
  for (const { receivers, lossPpm, pushUs } of all) {
    const what = `${receivers.toLocaleString("en")} receivers${lossPpm > 0 ? `, ${lossPpm / 1e4} % loss` : ""}`;
    scribe.series(what, [pushUs / 1e3], { unit: "ms" });
  }
  const of = (receivers: number) =>
    lossless.find((result) => result.receivers === receivers)?.pushUs ?? Number.NaN;
  const growth = { target: TARGETS.growth, unit: "×" };
  scribe.check("the time of 10 receivers, for 1,000", of(1_000) / of(10), "<=", growth);
  const busiest = Math.max(...all.map((result) => result.perSecond));
  const most = { target: TARGETS.packetsPerSecond, unit: "packets/s" };
  scribe.check("reach the owner", busiest, "<=", most);
  const peak = Math.max(...all.map((result) => result.peak.perSecond));
  scribe.series("packets/s that reach the owner, mean of the push", [busiest], { unit: "" });
  scribe.series("packets/s that reach the owner, busiest 10 ms", [peak], { unit: "" });
  for (const { receivers, complete, repairs, lostSomewhere } of lossy) {
    const switched = (100 * complete) / receivers;
    scribe.check("of the receivers complete, 0.1 % loss", switched, ">=", { target: 100, unit: "%" });
    scribe.series("packets repeated for each that somebody lost", [repairs / lostSomewhere], { unit: "" });
    scribe.series("packets repeated", [repairs], { unit: "" });
  }
}
