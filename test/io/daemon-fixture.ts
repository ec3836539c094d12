import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

const program = new URL("../../src/makuosan.ts", import.meta.url).pathname;
const client = new URL("../../src/msync.ts", import.meta.url).pathname;

/** Whole daemons on the loopback, in a group of their own. Each has a console address of its own, as they share one port. */
export class Cluster {
  readonly folder = mkdtempSync(`${tmpdir()}/makuosan-test-`);
  readonly group: string;
  readonly #net: string;
  readonly #daemons: TestDaemon[] = [];
  #addresses = 0;

  constructor() {
    const [a = 0, b = 0] = crypto.getRandomValues(new Uint8Array(2));
    this.group = `239.255.${a}.${b}`;
    this.#net = `127.${(a % 250) + 2}.${b}`;
  }

  /** Starts a daemon and waits until it is up. */
  start(name: string, base: string, ...options: string[]): Promise<TestDaemon> {
    return this.startProgram(program, name, base, ...options);
  }

  /** The same with another copy of the program. */
  startProgram(main: string, name: string, base: string, ...options: string[]): Promise<TestDaemon> {
    return this.startCommand([process.execPath, main], name, base, ...options);
  }

  /** The same by a command that ends as the daemon, in the foreground: options are put after it. */
  async startCommand(
    command: readonly string[],
    name: string,
    base: string,
    ...options: string[]
  ): Promise<TestDaemon> {
    const { listen, args } = this.arguments(name, base);
    return await this.startAs([...command, ...args, ...options], { name, base, listen });
  }

  /** The same by a whole command line, which says what it is told here. */
  async startAs(
    command: readonly string[],
    what: { readonly name: string; readonly base: string; readonly listen: string },
  ): Promise<TestDaemon> {
    const daemon = new TestDaemon(command, what.name, what.base, what.listen);
    this.#daemons.push(daemon);
    await daemon.says("is up");
    return daemon;
  }

  /** The arguments that make a daemon one of this cluster, and a console address that no other has. */
  arguments(name: string, base: string): { readonly listen: string; readonly args: readonly string[] } {
    const listen = `${this.#net}.${++this.#addresses}`;
    const args = ["-b", base, "-i", "127.0.0.1", "-m", this.group, "-l", listen, "--name", name, "-d", "5"];
    return { listen, args };
  }

  /** Ends all daemons and removes the folder. One that has ended by itself, and badly, is shown: it explains what failed. */
  async close(): Promise<void> {
    for (const { name, process, log } of this.#daemons) {
      if (process.exitCode !== null && process.exitCode !== 0)
        console.error(`${name} ended with ${process.exitCode}:\n${log}`);
    }
    for (const daemon of this.#daemons) daemon.process.kill("SIGKILL");
    await Promise.all(this.#daemons.map((daemon) => daemon.process.exited));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One daemon: its process, its log, and msync at its console. */
export class TestDaemon {
  readonly name: string;
  readonly base: string;
  readonly listen: string;
  readonly process: Bun.Subprocess<"ignore", "ignore", "pipe">;
  log = "";

  constructor(command: readonly string[], name: string, base: string, listen: string) {
    this.name = name;
    this.base = base;
    this.listen = listen;
    this.process = Bun.spawn([...command], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    void this.#collect();
  }

  /** Waits until the log has this text. */
  async says(text: string, withinMs = 5_000): Promise<void> {
    await until(() => this.log.includes(text) || this.process.exitCode !== null, withinMs);
    if (!this.log.includes(text))
      throw new Error(`${this.name} does not say ${JSON.stringify(text)}: ${this.log}`);
  }

  /** Runs msync at this daemon. */
  msync(...args: string[]): Promise<Run> {
    return msyncAt(`tcp:${this.listen}:5000`, ...args);
  }

  /** Waits until this daemon lists these others, and no more. */
  async knows(...names: string[]): Promise<void> {
    const wanted = [...names].sort().join(" ");
    let seen: string | undefined;
    const known = await until(async () => {
      const { stdout } = await this.msync("--members");
      seen = [...stdout.matchAll(/^(\S+) .*\(Ver/gm)].map((match) => match[1]).join(" ");
      return seen === wanted;
    }, 10_000);
    if (!known) throw new Error(`${this.name} lists ${seen || "nobody"}, not ${wanted || "nobody"}`);
  }

  /** The counters and facts of `--status`, by name. */
  async status(): Promise<Map<string, string>> {
    const { stdout } = await this.msync("--status");
    return new Map(
      stdout.split("\n").flatMap((line) => {
        const [, name, value] = /^(\S[^:]*?) *: (.*)$/.exec(line) ?? [];
        return name === undefined || value === undefined ? [] : [[name, value] as const];
      }),
    );
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.process.stderr) this.log += decoder.decode(chunk, { stream: true });
  }
}

/** Runs msync at a console. */
export function msyncAt(target: string, ...args: string[]): Promise<Run> {
  return run([process.execPath, client, "-c", target, ...args]);
}

export type Run = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs a command to its end, 20 s at most. Output is bytes, one character each. */
export async function run(command: readonly string[], cwd?: string): Promise<Run> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const bytes = async (stream: ReadableStream<Uint8Array>) =>
    Buffer.from(await new Response(stream).arrayBuffer()).toString("latin1");
  const [stdout, stderr, status] = await Promise.all([
    bytes(child.stdout),
    bytes(child.stderr),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

/** Runs the daemon with arguments that it must refuse, or answer at once. */
export function runDaemonOnce(...args: string[]): Promise<Run> {
  return run([process.execPath, program, ...args]);
}

/** The daemon's program from the sources, as a command. */
export const daemonCommand: readonly string[] = [process.execPath, program];

/** Makes the executable that is both commands; returns its path. */
export async function compileDaemon(folder: string): Promise<string> {
  const path = `${folder}/makuosan`;
  const root = new URL("../..", import.meta.url).pathname;
  const { status, stderr } = await run([process.execPath, "test/support/compile.ts", path], root);
  if (status !== 0) throw new Error(`cannot compile: ${stderr}`);
  return path;
}

/** Whether a process that is no child of ours has ended, also if nobody has asked for its status yet. */
export function hasEnded(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.startsWith("Z") === true;
  } catch {
    return true;
  }
}

/** Asks again and again until it is so or the time is over; returns whether it is. */
export async function until(what: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (await what()) return true;
    await Bun.sleep(10);
  }
  return await what();
}

/** Everything below a directory that a push carries over, a line each; names as bytes. */
export function describeTree(folder: string): string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    const names = readdirSync(Buffer.from(`${folder}/${path}`, "latin1"), { encoding: "buffer" });
    for (const name of names.map((bytes) => bytes.toString("latin1")).sort()) {
      const inside = path === "" ? name : `${path}/${name}`;
      const full = Buffer.from(`${folder}/${inside}`, "latin1");
      const stat = lstatSync(full, { bigint: true });
      const facts = [inside, stat.mode.toString(8), stat.uid, stat.gid];
      if (stat.isSymbolicLink()) facts.push(readlinkSync(full, { encoding: "buffer" }).toString("latin1"));
      else facts.push(String(stat.mtimeNs));
      if (stat.isFile()) facts.push(createHash("sha256").update(readFileSync(full)).digest("hex"));
      lines.push(facts.join(" "));
      if (stat.isDirectory()) visit(inside);
    }
  };
  visit("");
  return lines;
}
