/** What is sent, and whether it arrived. */

import { differences } from "../lab/judge.ts";
import { must } from "../lab/run.ts";
import type { BenchLab } from "./bench-lab.ts";

/** Rejects unless a file is the same, byte for byte, at all receivers. */
export async function sameFile(bench: BenchLab, file: string): Promise<void> {
  for (const host of bench.receivers)
    await must(["cmp", `${bench.sender.path()}/${file}`, `${host.path()}/${file}`]);
}

/** Rejects unless rsync finds no difference between the trees of the sender and of all receivers. */
export async function sameTree(bench: BenchLab): Promise<void> {
  for (const host of bench.receivers) {
    const found = await differences(bench.sender.path(), host.path());
    if (found.length > 0) throw new Error(`${host.name} differs: ${found.slice(0, 5).join(", ")}`);
  }
}
