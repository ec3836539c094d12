import { SimFailure } from "./failure.ts";
import { type SimResult, simulate } from "./simulation.ts";

/**
 * The simulator's command line:
 *   bun test/sim/run.ts --seeds N [--from F]    runs seeds F .. F+N-1 (F: 1); stops at the first failure
 *   bun test/sim/run.ts --seed N [--trace]      runs one seed, with --trace every event as a line
 * Exit status 0: all invariants held; 1: one did not; 2: usage.
 */
process.exit(main(process.argv.slice(2)));

function main(args: readonly string[]): number {
  const options = parse(args);
  if (options === undefined) {
    console.error("usage: bun test/sim/run.ts --seeds N [--from F] | --seed N [--trace]");
    return 2;
  }
  return options.seeds === 1 ? runOne(options.from, options.trace) : runMany(options.from, options.seeds);
}

function runOne(seed: number, trace: boolean): number {
  const result = attempt(seed, trace ? (line) => console.log(line) : undefined);
  if (result === undefined) return 1;
  const { hash, events, packets, virtualUs, outcomes } = result;
  console.log(
    `seed ${seed}: hash ${hash}, ${events} events, ${packets} packets, ${(virtualUs / 1e6).toFixed(1)} s, ${JSON.stringify(outcomes)}`,
  );
  return 0;
}

function runMany(from: number, seeds: number): number {
  const started = performance.now();
  const totals: Record<string, number> = {};
  let virtualUs = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const result = attempt(seed, undefined);
    if (result === undefined) return 1;
    virtualUs += result.virtualUs;
    for (const [kind, count] of Object.entries(result.outcomes)) totals[kind] = (totals[kind] ?? 0) + count;
    const done = seed - from + 1;
    if (done % 250 === 0) console.log(`${done} seeds, ${seconds(started)} s`);
  }
  const counts = Object.entries(totals).sort(([a], [b]) => (a < b ? -1 : 1));
  console.log(`outcomes: ${counts.map(([kind, count]) => `${kind} ${count}`).join(", ")}`);
  console.log(
    `${seeds} seeds held in ${seconds(started)} s (${Math.round(virtualUs / 1e6)} s of virtual time)`,
  );
  return 0;
}

/** Runs a seed; a failure is printed with what is needed to see it again. */
function attempt(seed: number, print: ((line: string) => void) | undefined): SimResult | undefined {
  try {
    return simulate(seed, print);
  } catch (error) {
    if (!(error instanceof SimFailure)) throw error;
    console.error(`seed ${seed} FAILED: ${error.invariant}`);
    console.error(`  at ${(error.at / 1e6).toFixed(6)} s of virtual time`);
    if (error.cause instanceof Error) console.error(error.cause.stack);
    console.error(`  replay: bun test/sim/run.ts --seed ${seed} --trace`);
    return undefined;
  }
}

function parse(args: readonly string[]): { from: number; seeds: number; trace: boolean } | undefined {
  const options = { from: 1, seeds: 0, trace: false };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--trace") {
      options.trace = true;
      continue;
    }
    const value = Number(args[i + 1]);
    if (!Number.isSafeInteger(value) || value < 0 || value > 0xffff_ffff) return undefined;
    if (args[i] === "--seeds") options.seeds = value;
    else if (args[i] === "--from") options.from = value;
    else if (args[i] === "--seed") Object.assign(options, { from: value, seeds: 1 });
    else return undefined;
    i++;
  }
  return options.seeds > 0 ? options : undefined;
}

function seconds(started: number): string {
  return ((performance.now() - started) / 1000).toFixed(1);
}
