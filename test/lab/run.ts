/** Runs programs and keeps what they said. */
import { readFileSync } from "node:fs";

/** How a program ended. `status` is null if a signal ended it; `ms` is the time from start to end. */
export type Result = {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly ms: number;
};

export type RunOptions = {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program is killed after so long, and the run rejects. 120 s unless told. */
  readonly timeoutMs?: number;
};

/** Runs a program to its end. Rejects only if it cannot be started or takes too long, whatever its exit status. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  const started = performance.now();
  const process = Bun.spawn([...argv], {
    stdin: options.input === undefined ? "ignore" : new Blob([options.input]),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...environment(), ...options.env },
  });
  const timeoutMs = options.timeoutMs ?? 120_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killTree(process.pid, "SIGKILL");
  }, timeoutMs);
  const [bytes, stderr] = await Promise.all([process.stdout.bytes(), process.stderr.text()]);
  await process.exited;
  clearTimeout(timer);
  const stdout = new TextDecoder().decode(bytes);
  if (late) throw new Error(`no end after ${timeoutMs} ms: ${argv.join(" ")}\n${stdout}${stderr}`);
  return {
    status: process.exitCode,
    signal: process.signalCode === null ? null : String(process.signalCode),
    stdout,
    stderr,
    stdoutBytes: bytes,
    ms: performance.now() - started,
  };
}

/** As `run`, and rejects unless the exit status is 0. Returns what the program printed. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.status !== 0) {
    throw new Error(
      `status ${result.status ?? result.signal}: ${argv.join(" ")}\n${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

/** The children of a process, by the kernel's list; none if it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Signals a process and all below it, the lowest first. Those that are gone meanwhile are no error. */
export function killTree(pid: number, signal: NodeJS.Signals): void {
  for (const child of childrenOf(pid)) killTree(child, signal);
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Calls `probe` until it gives something; rejects after `timeoutMs`, with what it was waiting for. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const end = performance.now() + timeoutMs;
  while (true) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(options.everyMs ?? 20);
  }
}

/** This process' environment without what would steer the daemon or msync, and in one language. */
export function environment(): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith("MAKUOSAN_") && name !== "MSYNC_TARGET") clean[name] = value;
  }
  return { ...clean, LC_ALL: "C" };
}
