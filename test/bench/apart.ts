/** How far apart the machine's processors are: where its host moves them, that changes within a run, and times with it. */
import { median } from "./contender.ts";
import { program } from "./programs.ts";
import { number } from "./table.ts";

/** Samples of the time that a cache line needs from one processor to another and back (programs/apart.c). */
export class Apart {
  readonly #path: string;
  readonly #nanoseconds: number[] = [];

  private constructor(path: string) {
    this.#path = path;
  }

  static async create(): Promise<Apart> {
    return new Apart(await program("apart"));
  }

  /** Takes a sample, in some 20 ms, in which this process does nothing else. */
  sample(): void {
    const { stdout, stderr, success } = Bun.spawnSync([this.#path]);
    if (!success) throw new Error(`apart: ${stderr}`);
    this.#nanoseconds.push(Number(stdout));
  }

  /** All samples in a sentence; undefined without any, and with a single processor. */
  sentence(): string | undefined {
    const all = this.#nanoseconds;
    if (all.length === 0 || all.includes(0)) return undefined;
    const [low, high] = [Math.min(...all), Math.max(...all)].map(number);
    return `Meanwhile a cache line took ${low} to ${high} ns from one processor to another and back, ${number(median(all))} ns in the middle.`;
  }
}
