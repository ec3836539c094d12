/** The promise: the time does not depend on the number of hosts. Shaped links, one file, 1 to 16 hosts. */
import { randomFile } from "../../lab/scenario.ts";
import type { BenchLab } from "../bench-lab.ts";
import { type Contender, compare, type Samples } from "../contender.ts";
import { LINK_MBIT, PAYLOAD_TEXT, payloadRate } from "../line.ts";
import { msync, WARM_UPS } from "../peers/msync.ts";
import { rsync } from "../peers/rsync.ts";
import type { Scribe } from "../report.ts";
import { labFor, type Scenario, type Settings } from "../scenario.ts";
import { sameFile } from "../trees.ts";

const FILE = "file";
const MEBIBYTES = 32;
const SHARE_PERCENT = 96;

/** All counts of hosts in one lab, in turns; rsync, whose times are the link's, once. */
export const hosts: Scenario = {
  name: "hosts",
  title: `A file of ${MEBIBYTES} MiB over links of ${LINK_MBIT} Mbit/s, to 1 to 16 hosts`,
  run: async (settings, scribe) => {
    const counts = settings.quick ? [1, 16] : [1, 4, 8, 16];
    const wire = { rateMbit: LINK_MBIT };
    await using bench = await labFor(settings, { receivers: Math.max(...counts), wire });
    await randomFile(bench.sender, FILE, MEBIBYTES);
    const ours = await race(bench, settings, counts, (count) => {
      const names = bench.receivers.slice(0, count).map(({ name }) => name);
      return {
        ...msync(bench, { args: ["-t", names.join(",")], name: label("msync", count) }),
        warmUps: WARM_UPS,
      };
    });
    const once = { ...settings, rounds: 1 };
    const { toFirst } = await rsync(bench);
    const theirs = await race(bench, once, settings.quick ? [1] : counts, (count) => ({
      ...toFirst(count),
      name: label("rsync", count),
    }));
    scribe.note(`${PAYLOAD_TEXT} The daemons have made at least ${WARM_UPS} pushes before.`);
    judge(scribe, counts, { ours, theirs });
  },
};

function label(name: string, count: number): string {
  return `${name} to ${count} ${count === 1 ? "host" : "hosts"}`;
}

async function race(
  bench: BenchLab,
  settings: Settings,
  counts: readonly number[],
  contender: (count: number) => Contender,
): Promise<Samples> {
  const targets = new Map(counts.map((count) => [contender(count).name, bench.receivers.slice(0, count)]));
  const { samples } = await compare(counts.map(contender), {
    rounds: settings.rounds,
    warmUp: settings.rounds > 1,
    clear: () => bench.clear(),
    check: (_, { name }) => sameFile(bench, FILE, targets.get(name)),
    say: settings.say,
  });
  return samples;
}

function judge(scribe: Scribe, counts: readonly number[], given: { ours: Samples; theirs: Samples }): void {
  const bytes = MEBIBYTES * 2 ** 20;
  const ours = scribe.samples(given.ours, { bytes });
  const theirs = scribe.samples(given.theirs, { bytes });
  for (const count of counts) {
    const share = (100 * bytes) / ours(label("msync", count)) / payloadRate();
    const target = { target: SHARE_PERCENT, unit: "%" };
    scribe.check(
      `of the link's payload rate, to ${count} ${count === 1 ? "host" : "hosts"}`,
      share,
      ">=",
      target,
    );
  }
  const growth = ours(label("msync", 16)) / ours(label("msync", 1));
  scribe.check("the time to 16 hosts over that to one", growth, "<=", { target: 1.03, unit: "×" });
  for (const [name, median] of [
    ["msync", ours],
    ["rsync", theirs],
  ] as const) {
    const points = counts.map((count) => [count, median(label(name, count))] as const);
    scribe.curve({ chart: "hosts", name, points: points.filter(([, y]) => !Number.isNaN(y)) });
  }
}
