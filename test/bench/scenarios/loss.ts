/** Independent loss at eight receivers, true packets. */
import { randomFile } from "../../lab/scenario.ts";
import type { BenchLab } from "../bench-lab.ts";
import { type Contender, compare } from "../contender.ts";
import { msync } from "../peers/msync.ts";
import { uftp } from "../peers/uftp.ts";
import { labFor, type Scenario, type Settings } from "../scenario.ts";
import { sameFile } from "../trees.ts";

const FILE = "file";
const RECEIVERS = 8;
/** Percent lost, and percent of the lossless rate that must remain. */
const STEPS = [
  { loss: 0, atLeast: undefined },
  { loss: 1, atLeast: 90 },
  { loss: 5, atLeast: 75 },
] as const;

/** Every receiver loses packets of its own. */
export const loss: Scenario = {
  name: "loss",
  title: `One file to ${RECEIVERS} hosts, every packet alone, each host losing some`,
  run: async (settings, scribe) => {
    await using bench = await labFor(settings, { receivers: RECEIVERS, wire: { wireMode: true } });
    const mebibytes = settings.quick ? 32 : 128;
    await randomFile(bench.sender, FILE, mebibytes);
    const ours = await race(bench, settings, msync(bench));
    // Its times grow with loss, to more than a minute in all: once is enough to see it.
    const theirs = settings.quick
      ? undefined
      : await race(bench, { ...settings, rounds: 1 }, await uftp(bench, FILE));
    const bytes = mebibytes * 2 ** 20;
    const median = scribe.samples(ours.samples, { bytes });
    const medianOfTheirs = scribe.samples(theirs?.samples ?? new Map(), { bytes });
    scribe.note(
      `${mebibytes} MiB of random bytes; packets are dropped at each host's interface, independently.`,
    );
    for (const name of [...ours.failures.keys(), ...(theirs?.failures.keys() ?? [])]) {
      scribe.note(`${name}: did not complete.`);
    }
    for (const { loss: percent, atLeast } of STEPS) {
      if (atLeast === undefined) continue;
      const share = (100 * median(label("msync", 0))) / median(label("msync", percent));
      scribe.check(`of the lossless rate at ${percent} % loss`, share, ">=", { target: atLeast, unit: "%" });
    }
    const curve = (name: string, secondsAt: (percent: number) => number) => {
      const points = STEPS.map((step) => [step.loss, bytes / 1e6 / secondsAt(step.loss)] as const);
      scribe.curve({ chart: "loss", name, points: points.filter(([, y]) => !Number.isNaN(y)) });
    };
    curve("msync", (percent) => median(label("msync", percent)));
    if (theirs !== undefined) curve("uftp", (percent) => medianOfTheirs(`${label("uftp", percent)}, data`));
  },
};

/** One contender at all shares of loss, in turns. */
function race(bench: BenchLab, settings: Settings, contender: Contender) {
  return compare(
    STEPS.map((step) => lossy(bench, contender, step.loss)),
    {
      rounds: settings.rounds,
      warmUp: settings.rounds > 1,
      clear: () => bench.clear(),
      check: () => sameFile(bench, FILE),
      say: settings.say,
    },
  );
}

function label(name: string, percent: number): string {
  return `${name}, ${percent} % loss`;
}

function lossy(bench: BenchLab, contender: Contender, percent: number): Contender {
  return {
    name: label(contender.name, percent),
    prepare: async () => {
      await bench.lab.shape({ lossPercent: percent }, bench.receivers);
      await contender.prepare?.();
    },
    run: contender.run,
  };
}
