import { afterAll, expect, test } from "bun:test";
import { fstatSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { Compilers } from "../../src/io/compilers.ts";
import type { Micros } from "../../src/wire/brand.ts";

const root = mkdtempSync(`${tmpdir()}/makuosan-compilers-`);
afterAll(() => rmSync(root, { recursive: true }));
const ROUNDS_MAX = 50;

/** Niceness of each thread of a process, and its name. */
function threadsOf(pid: number): { readonly name: string; readonly niceness: number }[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      // proc_pid_stat(5): niceness is the 19th field; the third follows the name.
      return [{ name, niceness: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]) }];
    } catch {
      return [];
    }
  });
}

/** A process that has code compiled, until `enough`, which is asked after each 200 ms of it and is given the process's number. */
async function compiling(args: readonly string[], enough: (pid: number) => boolean): Promise<void> {
  const program = new URL("compilers-program.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, program, ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = child.stdout.getReader();
  expect((await said.read()).done).toBe(false);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    child.stdin.write("go on\n");
    await child.stdin.flush();
    expect((await said.read()).done).toBe(false);
    if (enough(child.pid)) break;
  }
  child.kill();
  await child.exited;
}

test("threads that compile get out of the way of all others, also when root has become somebody else", async () => {
  const own = threadsOf(process.pid)[0]?.niceness ?? 0;
  let threads: ReturnType<typeof threadsOf> = [];
  const lowered = () => threads.filter(({ niceness }) => niceness === 10).map(({ name }) => name);
  await compiling([], (pid) => {
    threads = threadsOf(pid);
    return lowered().length > 0;
  });
  expect(new Set(lowered())).toEqual(new Set(["JITWorker"]));
  const others = threads.filter(({ name }) => name !== "JITWorker").map(({ niceness }) => niceness);
  expect(others.length).toBeGreaterThan(0);
  expect(new Set(others)).toEqual(new Set([own]));
});

test.if(process.getuid?.() === 0)("in a chroot no directory outside is held open for it", async () => {
  let open: string[] = [];
  await compiling([root], (pid) => {
    open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    return threadsOf(pid).some(({ name }) => name === "JITWorker");
  });
  expect(open.length).toBeGreaterThan(0);
  expect(open.filter((to) => to.startsWith("/proc"))).toEqual([]);
});

test("without /proc nothing is done", () => {
  const compilers = new Compilers(undefined);
  expect(() => compilers.look(0 as Micros)).not.toThrow();
});

test("where the list cannot be read the daemon goes on, and does not try again", () => {
  const fd = openSync("/dev/null", "r");
  const compilers = new Compilers(fd);
  compilers.look(0 as Micros);
  expect(() => fstatSync(fd)).toThrow("EBADF");
  compilers.look(1_000_000 as Micros);
});
