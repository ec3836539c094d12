import { Compilers, openTasks } from "../../src/io/compilers.ts";
import { changeRoot } from "../../src/io/daemon-shim.ts";
import type { Micros } from "../../src/wire/brand.ts";

/**
 * Has code compiled for 200 ms, and looks for threads that compile, whenever there is a line at its standard input; says when it has. It is another user
 * than root, as the daemon is, and in a chroot if it is given a directory.
 */

const root = process.argv[2];
const failed = root === undefined ? undefined : changeRoot(root);
if (failed !== undefined) throw new Error(`chroot: errno ${failed.errno}`);
if (process.geteuid?.() === 0) {
  process.setgid?.(65_534);
  process.setuid?.(65_534);
}
const compilers = new Compilers(openTasks());
console.log("ready");
for await (const _ of Bun.stdin.stream()) {
  const until = performance.now() + 200;
  for (let i = 0; performance.now() < until; i++) {
    new Function("n", `let sum = ${i}; for (let i = 0; i < n; i++) sum = (sum * 31 + i) | 0; return sum;`)(
      20_000,
    );
    compilers.look(Math.floor(performance.now() * 1_000) as Micros);
  }
  console.log("looked");
}
