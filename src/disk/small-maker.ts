import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { Builder, StagedRun } from "./builder.ts";
import { failure } from "./stage-push.ts";
import type { Sys } from "./sys.ts";
import { TableBatch } from "./table-batch.ts";

const STEPS = { create: FailStep.stage, write: FailStep.write, metadata: FailStep.metadata } as const;

/**
 * Collects the files of a block that have come whole, in stream order, and makes those that follow one another in a directory at once. There is no
 * object for each: they are rows of the manifest.
 */
export class SmallMaker {
  readonly #sys: Sys;
  readonly #builder: Builder;
  readonly #made: (digests: Uint8Array) => void;
  readonly #batch = new TableBatch();
  /** Where those are that have been collected. */
  #run: StagedRun | undefined;

  /** `made` gets the digests of files that have been made, one after the other. */
  constructor(sys: Sys, builder: Builder, made: (digests: Uint8Array) => void) {
    this.#sys = sys;
    this.#builder = builder;
    this.#made = made;
  }

  /** Adds entry `number`, of the manifest as it came, whose bytes are at `at` in the arena. What fails may be an earlier one. */
  add(number: number, at: number): DiskFailure | undefined {
    let run = this.#run;
    if (run === undefined || number >= run.end || this.#batch.full) {
      const next = this.flush() ?? this.#builder.runFrom(number);
      if ("errno" in next) return next;
      run = next;
      this.#run = next;
    }
    this.#batch.add(number - run.firstEntry, at);
    return undefined;
  }

  /** Makes what has been added. */
  flush(): DiskFailure | undefined {
    const run = this.#run;
    if (run === undefined) return undefined;
    this.#run = undefined;
    const batch = this.#batch;
    const { made, digests, failed } = this.#sys.makeFiles(run.dir, this.#builder.filesOf(run, batch));
    this.#made(digests);
    this.#builder.made(run, batch.indexes.subarray(0, made));
    batch.count = 0;
    if (failed === undefined) return undefined;
    return failure(STEPS[failed.step], failed.result, run.firstEntry + (batch.indexes[made] ?? 0));
  }
}
