import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { Builder } from "./builder.ts";
import { TURNS_GOOD } from "./directories.ts";
import { failure } from "./stage-push.ts";
import type { Staging } from "./staging.ts";
import { BULK_FILES_MAX, type Extent, type NewFile, type Sys } from "./sys.ts";

const STEPS = { create: FailStep.stage, write: FailStep.write, metadata: FailStep.metadata } as const;

/** Collects the files of a block that have come whole, in stream order, and makes them many at a time. */
export class SmallMaker {
  readonly #sys: Sys;
  readonly #builder: Builder;
  readonly #staging: Staging;
  readonly #made: (digests: Uint8Array) => void;
  #files: NewFile[] = [];
  #numbers: number[] = [];
  /** What `Staging.turns` was when the first of these files was added. */
  #since = 0;
  readonly #flushFirst = () => this.flush();

  /** `made` gets the digests of files that have been made, one after the other. */
  constructor(
    sys: Sys,
    { builder, staging }: { builder: Builder; staging: Staging },
    made: (digests: Uint8Array) => void,
  ) {
    this.#sys = sys;
    this.#builder = builder;
    this.#staging = staging;
    this.#made = made;
  }

  /** Adds entry `number`, whose bytes are at `from`. What fails may be an earlier one. */
  add(number: number, from: Extent): DiskFailure | undefined {
    const full = this.#files.length === BULK_FILES_MAX || this.#staging.turns - this.#since >= TURNS_GOOD;
    const problem = (full ? this.flush() : undefined) ?? this.#builder.advance(number, this.#flushFirst);
    if (problem !== undefined) return problem;
    // Taken before the file's own directory is asked for, which may be one turn.
    const turns = this.#staging.turns;
    const file = this.#builder.describe(number, from, this.#flushFirst);
    if ("errno" in file) return file;
    if (this.#files.length === 0) this.#since = turns;
    this.#files.push(file);
    this.#numbers.push(number);
    return undefined;
  }

  /** Makes what has been added. */
  flush(): DiskFailure | undefined {
    if (this.#files.length === 0) return undefined;
    const { made, digests, failed } = this.#sys.makeFiles(this.#files);
    const numbers = this.#numbers;
    this.#files = [];
    this.#numbers = [];
    this.#made(digests);
    for (let i = 0; i < made; i++) this.#builder.made(numbers[i] ?? 0);
    return failed === undefined ? undefined : failure(STEPS[failed.step], failed.result, numbers[made]);
  }
}
