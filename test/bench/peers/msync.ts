/** This program: one push of everything below the base. */
import type { BenchLab } from "../bench-lab.ts";
import type { Contender } from "../contender.ts";

/** Pushes of the daemons before the first that counts: they run for months, and code that has run a few times is compiled. */
export const WARM_UPS = 5;

/** `msync -r`, from exec to exit, all receivers committed. */
export function msync(bench: BenchLab, given: { args?: readonly string[]; name?: string } = {}): Contender {
  const argv = [...bench.sender.msyncCommand, "-r", ...(given.args ?? [])];
  return { name: given.name ?? "msync", run: async () => ({ "": await bench.launcher.measure([argv]) }) };
}
