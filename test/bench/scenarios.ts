/** All scenarios, in the order in which they run. */
import type { Scenario } from "./scenario.ts";
import { jumboFile, largeFile, wireFile } from "./scenarios/large-file.ts";
import { latency } from "./scenarios/latency.ts";

/** By what they show; `--only` takes their names. */
export const scenarios: readonly Scenario[] = [largeFile, wireFile, jumboFile, latency];
