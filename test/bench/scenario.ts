/** What a scenario is given, and what all of them need. */
import type { BenchLab, BenchLabOptions } from "./bench-lab.ts";
import { BenchLab as Labs } from "./bench-lab.ts";
import type { Scribe } from "./report.ts";

/** How much is to be measured. */
export type Settings = {
  readonly quick: boolean;
  readonly rounds: number;
  readonly program: "source" | "binary";
  readonly say: (line: string) => void;
};

/** One line of what the benchmark must show, or a part of it. */
export type Scenario = {
  readonly name: string;
  readonly title: string;
  /** What its figures are taken from, where that is not the rounds that were asked for. */
  readonly basis?: string;
  readonly run: (settings: Settings, scribe: Scribe) => Promise<void>;
};

/** A lab for a scenario. */
export function labFor(settings: Settings, options: Omit<BenchLabOptions, "program">): Promise<BenchLab> {
  return Labs.create({ ...options, program: settings.program });
}
