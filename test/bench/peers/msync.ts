/** This program: one push of everything below the base. */
import type { BenchLab } from "../bench-lab.ts";
import type { Contender } from "../contender.ts";

/** `msync -r`, from exec to exit, all receivers committed. */
export function msync(bench: BenchLab, args: readonly string[] = [], name = "msync"): Contender {
  const argv = [...bench.sender.msyncCommand, "-r", ...args];
  return { name, run: async () => ({ "": await bench.launcher.measure([argv]) }) };
}
