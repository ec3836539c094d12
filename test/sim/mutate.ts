import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mutant } from "./mutants.ts";

/** What the simulator needs of the checkout. */
const PARTS = ["src/engine", "src/wire", "test/sim", "test/support/prng.ts"];
const ROOT = join(import.meta.dir, "..", "..");

export type Caught = {
  /** The seed that has found the fault; undefined: none did. */
  readonly seed: number | undefined;
  readonly output: string;
};

/**
 * Runs up to `seeds` seeds against a copy of the engine with one fault in it. Throws if the fault's text does not stand in
 * its file exactly once: then the engine has moved on and the fault has to follow.
 */
export function huntMutant(mutant: Mutant, seeds: number): Caught {
  const copy = mkdtempSync(join(tmpdir(), "makuosan-mutant-"));
  try {
    for (const part of PARTS) cpSync(join(ROOT, part), join(copy, part), { recursive: true });
    const file = join(copy, mutant.file);
    writeFileSync(file, mutated(readFileSync(file, "utf8"), mutant));
    const run = Bun.spawnSync([process.execPath, "test/sim/run.ts", "--seeds", String(seeds)], { cwd: copy });
    const output = run.stdout.toString() + run.stderr.toString();
    if (run.exitCode === 0) return { seed: undefined, output };
    const seed = /seed (\d+) FAILED/.exec(output)?.[1];
    // Anything else is no finding: a fault that does not compile proves nothing.
    if (seed === undefined) throw new Error(`the simulator did not run:\n${output}`);
    return { seed: Number(seed), output };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function mutated(text: string, { name, file, find, replace }: Mutant): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`"${name}": its text stands ${parts.length - 1} times in ${file}`);
  return parts.join(replace);
}
