import { Compilers } from "../../src/io/compilers.ts";
import { changeRoot } from "../../src/io/daemon-shim.ts";
import type { Micros } from "../../src/wire/brand.ts";

/**
 * Has code compiled for 200 ms, and looks for threads that compile, whenever there is a line at its standard input; then says how often it was not allowed
 * to lower one. `compilers-program.ts [--as-is] [--refused] [ROOT]`: it is another user than root, as the daemon is, but for `--as-is`; where no thread may be
 * lowered; in a chroot.
 */

const refused = process.argv.includes("--refused");
const root = process.argv.slice(2).find((word) => !word.startsWith("-"));
const failed = root === undefined ? undefined : changeRoot(root);
if (failed !== undefined) throw new Error(`chroot: errno ${failed.errno}`);
if (process.geteuid?.() === 0 && !process.argv.includes("--as-is")) {
  process.setgid?.(65_534);
  process.setuid?.(65_534);
}
let refusals = 0;
const refuse = () => {
  refusals++;
  throw Object.assign(new Error("not permitted"), { errno: -1 });
};
const compilers = new Compilers(refused ? { lower: refuse } : {});
console.log("ready");
for await (const _ of Bun.stdin.stream()) {
  const until = performance.now() + 200;
  for (let i = 0; performance.now() < until; i++) {
    new Function("n", `let sum = ${i}; for (let i = 0; i < n; i++) sum = (sum * 31 + i) | 0; return sum;`)(
      20_000,
    );
    compilers.look(Math.floor(performance.now() * 1_000) as Micros);
  }
  console.log(refusals);
}
