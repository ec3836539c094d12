import { readdirSync, readFileSync } from "node:fs";
import { Compilers, openTasks } from "../../src/io/compilers.ts";
import { changeRoot } from "../../src/io/daemon-shim.ts";
import type { Micros } from "../../src/wire/brand.ts";

/**
 * Has code compiled until a thread that compiles has been lowered, and prints what niceness which threads have, those with the same name together: what
 * `Compilers` did is read outside the chroot, by a process of its own, whose standard input says when.
 */

const compilers = new Compilers(openTasks());
if (process.geteuid?.() === 0) {
  // As the daemon does: neither /proc nor the rights of root are there when it looks.
  const failed = changeRoot(process.argv[2] ?? "");
  if (failed !== undefined) throw new Error(`chroot: errno ${failed.errno}`);
  process.setgid?.(65_534);
  process.setuid?.(65_534);
  if (exists("/proc/self")) throw new Error("/proc is still there");
}
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

function exists(path: string): boolean {
  try {
    return readdirSync(path).length >= 0 && readFileSync(`${path}/comm`).length > 0;
  } catch {
    return false;
  }
}
