/** Independent loss at eight receivers, true packets. */
import { randomFile } from "../../lab/scenario.ts";
import type { BenchLab } from "../bench-lab.ts";
import { type Contender, compare } from "../contender.ts";
import { msync } from "../peers/msync.ts";
import { uftp } from "../peers/uftp.ts";
import { labFor, type Scenario } from "../scenario.ts";
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
    const peer = settings.quick ? [] : [await uftp(bench, FILE)];
    const names = ["msync", ...(settings.quick ? [] : ["uftp"])];
    const contenders = STEPS.flatMap((step) =>
      [msync(bench), ...peer].map((one) => lossy(bench, one, step.loss)),
    );
    const { samples, failures } = await compare(contenders, {
      rounds: settings.rounds,
      clear: () => bench.clear(),
      check: () => sameFile(bench, FILE),
      say: settings.say,
    });
    const bytes = mebibytes * 2 ** 20;
    const median = scribe.samples(samples, { bytes });
    scribe.note(
      `${mebibytes} MiB of random bytes; packets are dropped at each host's interface, independently.`,
    );
    for (const [name, message] of failures)
      scribe.note(`${name} did not complete: ${message.split("\n")[0]}`);
    for (const { loss: percent, atLeast } of STEPS) {
      if (atLeast === undefined) continue;
      const share = (100 * median(label("msync", 0))) / median(label("msync", percent));
      scribe.check(`of the lossless rate at ${percent} % loss`, share, ">=", { target: atLeast, unit: "%" });
    }
    for (const name of names) {
      const part = name === "uftp" ? ", data" : "";
      const points = STEPS.map(
        (step) => [step.loss, bytes / 1e6 / median(`${label(name, step.loss)}${part}`)] as const,
      );
      scribe.curve({ chart: "loss", name, points: points.filter(([, y]) => !Number.isNaN(y)) });
    }
  },
};

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
