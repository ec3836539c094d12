/** What is sent, and whether it arrived. */

import { differences } from "../lab/judge.ts";
import { must } from "../lab/run.ts";
import type { BenchLab } from "./bench-lab.ts";

/** Rejects unless a file is the same, byte for byte, at all receivers, or at these. */
export async function sameFile(bench: BenchLab, file: string, hosts = bench.receivers): Promise<void> {
  for (const host of hosts) await must(["cmp", `${bench.sender.path()}/${file}`, `${host.path()}/${file}`]);
}

/** Rejects unless rsync finds no difference between the trees of the sender and of all receivers. */
export async function sameTree(bench: BenchLab): Promise<void> {
  for (const host of bench.receivers) {
    const found = await differences(bench.sender.path(), host.path());
    if (found.length > 0) throw new Error(`${host.name} differs: ${found.slice(0, 5).join(", ")}`);
  }
}

/** As `sameTree`, but contents are only compared by size and time: rsync's quick way. */
export async function sameLooks(bench: BenchLab): Promise<void> {
  for (const host of bench.receivers) {
    const text = await must([
      ..."rsync -aHn --delete --itemize-changes --modify-window=-1".split(" "),
      `${bench.sender.path()}/`,
      `${host.path()}/`,
    ]);
    const found = text.split("\n").filter((line) => line !== "" && !/^\S+ +\.\/$/.test(line));
    if (found.length > 0) throw new Error(`${host.name} differs: ${found.slice(0, 5).join(", ")}`);
  }
}
