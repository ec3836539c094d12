/** All scenarios, in the order in which they run. */
import type { Scenario } from "./scenario.ts";
import { compression } from "./scenarios/compression.ts";
import { hosts } from "./scenarios/hosts.ts";
import { jumboFile, largeFile, wireFile } from "./scenarios/large-file.ts";
import { latency } from "./scenarios/latency.ts";
import { loss } from "./scenarios/loss.ts";
import { memory } from "./scenarios/memory.ts";
import { scale } from "./scenarios/scale.ts";
import { sharing } from "./scenarios/sharing.ts";
import { largeTree, smallTree } from "./scenarios/trees.ts";

/** By what they show; `--only` takes their names. */
export const scenarios: readonly Scenario[] = [
  largeFile,
  wireFile,
  jumboFile,
  hosts,
  smallTree,
  largeTree,
  loss,
  latency,
  memory,
  compression,
  sharing,
  scale,
];
