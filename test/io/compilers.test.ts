import { afterAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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

type Looked = { readonly pid: number; readonly refusals: number };

/** A process that has code compiled, until `enough`, which is asked after each 200 ms of it. */
async function compiling(
  { words, niceness }: { words: readonly string[]; niceness?: number },
  enough: (looked: Looked) => boolean,
): Promise<void> {
  const program = new URL("compilers-program.ts", import.meta.url).pathname;
  const nice = niceness === undefined ? [] : ["nice", "-n", String(niceness)];
  const child = Bun.spawn([...nice, process.execPath, program, ...words], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = child.stdout.getReader();
  const said = async () => {
    const { value, done } = await output.read();
    expect(done).toBe(false);
    return new TextDecoder().decode(value).trim();
  };
  expect(await said()).toBe("ready");
  for (let round = 0; round < ROUNDS_MAX; round++) {
    child.stdin.write("go on\n");
    await child.stdin.flush();
    if (enough({ pid: child.pid, refusals: Number(await said()) })) break;
  }
  child.kill();
  await child.exited;
}

const isCompiler = ({ name }: { readonly name: string }) => name === "JITWorker";

test("threads that compile get out of the way of all others, also when root has become somebody else", async () => {
  const own = threadsOf(process.pid)[0]?.niceness ?? 0;
  let threads: ReturnType<typeof threadsOf> = [];
  const lowered = () => threads.filter(({ niceness }) => niceness === 10);
  await compiling({ words: [] }, ({ pid }) => {
    threads = threadsOf(pid);
    return lowered().length > 0;
  });
  expect(new Set(lowered().map(({ name }) => name))).toEqual(new Set(["JITWorker"]));
  const others = threads.filter((thread) => !isCompiler(thread)).map(({ niceness }) => niceness);
  expect(new Set(others)).toEqual(new Set([own]));
});

test("where all have more niceness than they would get, they keep it", async () => {
  let rounds = 0;
  const found: number[] = [];
  await compiling({ words: ["--as-is"], niceness: 15 }, ({ pid }) => {
    const compilers = threadsOf(pid).filter(isCompiler);
    found.push(...compilers.map(({ niceness }) => niceness));
    if (compilers.length > 0) rounds++;
    return rounds === 3;
  });
  expect(new Set(found)).toEqual(new Set([15]));
});

test("where it is not allowed, the daemon goes on and does not try again", async () => {
  let rounds = 0;
  await compiling({ words: ["--refused"] }, ({ refusals }) => {
    expect(refusals).toBeLessThanOrEqual(1);
    if (refusals === 1) rounds++;
    return rounds === 3;
  });
  expect(rounds).toBe(3);
});

test.if(process.getuid?.() === 0)("in a chroot no directory outside is held open for it", async () => {
  let open: string[] = [];
  await compiling({ words: [root] }, ({ pid }) => {
    open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    return threadsOf(pid).some(isCompiler);
  });
  expect(open.length).toBeGreaterThan(0);
  expect(open.filter((to) => to.startsWith("/proc"))).toEqual([]);
});

test("without /proc, and where something only looks like it, nothing is done", () => {
  const own = threadsOf(process.pid);
  const proc = `${root}/proc`;
  mkdirSync(`${proc}/${process.pid}/task/${process.pid}`, { recursive: true });
  symlinkSync(String(process.pid), `${proc}/self`);
  writeFileSync(`${proc}/self/task/${process.pid}/comm`, "JITWorker\n");
  for (const path of [proc, `${root}/none`]) {
    const compilers = new Compilers({ proc: path });
    for (const now of [0, 1_000_000, 2_000_000]) compilers.look(now as Micros);
  }
  expect(threadsOf(process.pid)[0]).toEqual(own[0]);
});
