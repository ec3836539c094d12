/** One large file to four hosts, unshaped: against everything that could do the same, and against the limit. */
import { randomFile } from "../../lab/scenario.ts";
import type { BenchLab } from "../bench-lab.ts";
import { type Contender, compare } from "../contender.ts";
import { limit } from "../peers/limit.ts";
import { msync, WARM_UPS } from "../peers/msync.ts";
import { rsync } from "../peers/rsync.ts";
import { udpcast } from "../peers/udpcast.ts";
import { uftp } from "../peers/uftp.ts";
import type { Scribe } from "../report.ts";
import { labFor, type Scenario, type Settings } from "../scenario.ts";
import { sameFile } from "../trees.ts";

const FILE = "file";
const RECEIVERS = 4;

/** Bursts cross the network whole: what depends on the processors. */
export const largeFile: Scenario = {
  name: "large-file",
  title: "One file to 4 hosts, unshaped, bursts cross whole",
  run: async (settings, scribe) => {
    await using bench = await labFor(settings, { receivers: RECEIVERS });
    const daemons = await rsync(bench);
    const median = await measure(bench, settings, scribe, [
      { ...msync(bench), warmUps: WARM_UPS },
      daemons.atOnce,
      await limit(bench, FILE),
      daemons.sequential,
      udpcast(bench, FILE),
      await uftp(bench, FILE),
    ]);
    const ours = median("msync");
    const times = { unit: "×" };
    scribe.check("as fast as 4 rsync at once", median("4 rsync at once") / ours, ">=", {
      target: 1.5,
      ...times,
    });
    scribe.check("as fast as udpcast", median("udpcast") / ours, ">=", { target: 5, ...times });
    scribe.check("as fast as uftp's data phase", median("uftp, data") / ours, ">=", { target: 5, ...times });
    scribe.check("of the limit's goodput", (100 * median("the limit")) / ours, ">=", {
      target: 70,
      unit: "%",
    });
  },
};

/** Every packet crosses alone, with 1,500 bytes: what depends on the kernel. */
export const wireFile: Scenario = alone({ name: "wire", mtu: 1_500, percent: 85 });

/** The same with large packets. */
export const jumboFile: Scenario = alone({ name: "jumbo", mtu: 9_000, percent: 80 });

function alone(given: { name: string; mtu: number; percent: number }): Scenario {
  const { name, mtu, percent } = given;
  return {
    name,
    title: `One file to 4 hosts, unshaped, every packet alone, MTU ${mtu.toLocaleString("en")}`,
    run: async (settings, scribe) => {
      await using bench = await labFor(settings, { receivers: RECEIVERS, wire: { mtu, wireMode: true } });
      const median = await measure(bench, settings, scribe, [
        { ...msync(bench), warmUps: WARM_UPS },
        await limit(bench, FILE),
      ]);
      const share = (100 * median("the limit")) / median("msync");
      scribe.check("of the limit's goodput", share, ">=", { target: percent, unit: "%" });
    },
  };
}

async function measure(
  bench: BenchLab,
  settings: Settings,
  scribe: Scribe,
  contenders: readonly Contender[],
): Promise<(name: string) => number> {
  const mebibytes = settings.quick ? 64 : 256;
  await randomFile(bench.sender, FILE, mebibytes);
  const bytes = mebibytes * 2 ** 20;
  const { samples, failures } = await compare(contenders, {
    rounds: settings.rounds,
    clear: () => bench.clear(),
    check: () => sameFile(bench, FILE),
    say: settings.say,
  });
  scribe.note(`${mebibytes} MiB of random bytes. The daemons have made ${WARM_UPS} pushes before.`);
  for (const [name, message] of failures) scribe.note(`${name} did not complete: ${message.split("\n")[0]}`);
  return scribe.samples(samples, { bytes });
}
