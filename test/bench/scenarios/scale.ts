/** A thousand receivers on a switch of 10 Gbit/s, in virtual time: `large-scale.ts` runs the production engine there. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { must } from "../../lab/run.ts";
import type { Scribe } from "../report.ts";
import type { Scenario, Settings } from "../scenario.ts";

const SIMULATION = resolve(import.meta.dir, "../large-scale.ts");
const TIMEOUT_MS = 1_200_000;
const TARGETS = { growth: 1.1, packetsPerSecond: 20_000 };

const LOSS_PERCENT = 0.1;
/**
 * Four answers of everybody take a quarter of a second, whatever the size: enough has to be sent for that to be little. With loss every receiver hears
 * the NAKs of all others, and the simulation takes its time.
 */
const FULL = { receivers: "10,100,1000", most: "1000", mebibytes: 4_096, lossyMebibytes: 64 };
const QUICK = { receivers: "10,100", most: "100", mebibytes: 64, lossyMebibytes: 16 };

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
  basis: "one run in virtual time",
  run: async (settings, scribe) => {
    const size = settings.quick ? QUICK : FULL;
    const lossless = await simulate(settings, [
      "--receivers",
      size.receivers,
      "--mebibytes",
      `${size.mebibytes}`,
    ]);
    const lossy = await simulate(settings, [
      ...["--receivers", size.most, "--loss", `${LOSS_PERCENT}`, "--mebibytes", `${size.lossyMebibytes}`],
    ]);
    scribe.note(
      `${size.mebibytes} MiB, with loss ${size.lossyMebibytes} MiB. Time is virtual: a model of the switch says what takes how long.`,
    );
    record(settings, scribe, { lossless, lossy });
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

type Results = { readonly lossless: readonly Result[]; readonly lossy: readonly Result[] };

function record(settings: Settings, scribe: Scribe, { lossless, lossy }: Results): void {
  const all = [...lossless, ...lossy];
  for (const { receivers, lossPpm, pushUs } of all) {
    const what = `${receivers.toLocaleString("en")} receivers${lossPpm > 0 ? `, ${lossPpm / 1e4} % loss` : ""}`;
    scribe.series(what, [pushUs / 1e3], { unit: "ms" });
  }
  const of = (receivers: number) =>
    lossless.find((result) => result.receivers === receivers)?.pushUs ?? Number.NaN;
  // The answers of all take a fixed time: too large a part of a quick run's short push.
  const growth = { target: TARGETS.growth, unit: "×" };
  if (!settings.quick) scribe.check("the time of 10 receivers, for 1,000", of(1_000) / of(10), "<=", growth);
  const busiest = Math.max(...all.map((result) => result.perSecond));
  const most = { target: TARGETS.packetsPerSecond, unit: "packets/s" };
  scribe.check("reach the owner", busiest, "<=", most);
  const peak = Math.max(...all.map((result) => result.peak.perSecond));
  scribe.series("packets/s that reach the owner, mean of the push", [busiest], { unit: "" });
  scribe.series("packets/s that reach the owner, busiest 10 ms", [peak], { unit: "" });
  for (const { receivers, complete, repairs, lostSomewhere } of lossy) {
    const switched = (100 * complete) / receivers;
    scribe.check(`of the receivers complete, ${LOSS_PERCENT} % loss`, switched, ">=", {
      target: 100,
      unit: "%",
    });
    scribe.series("packets repeated for each that somebody lost", [repairs / lostSomewhere], { unit: "" });
    scribe.series("packets repeated", [repairs], { unit: "" });
  }
}
