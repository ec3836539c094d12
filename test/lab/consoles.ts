/** Two hundred consoles of one daemon, and some that do not read, in the lab: for the test, and for the bench. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { DeafReport } from "./console-deaf.ts";
import type { LoadReport } from "./console-load.ts";
import type { Daemon } from "./daemon.ts";
import { differences } from "./judge.ts";
import { type Host, Lab } from "./lab.ts";
import { until } from "./run.ts";
import { others } from "./scenario.ts";

export const CONSOLES = 200;
/** Where the daemon of host 1 has its second console. */
export const SOCKET = "/srv/console.sock";

/**
 * What a daemon may need more for all of them, in bytes: what they leave unread may be 64 MiB, each of the daemon's threads has a heap that is
 * cleaned when it has grown, and the pushes take their part.
 */
export const GROWTH_MAX = 512 << 20;

/** Five hosts with daemons, that of the first with a console on a unix socket as well. */
export async function consoleLab(): Promise<{ lab: Lab; daemon: Daemon }> {
  const lab = await Lab.create({ hosts: 5 });
  const [daemon] = await Promise.all([
    lab.host(1).daemon({ args: ["-U", SOCKET, "-l", "127.0.0.1"] }),
    ...others(lab).map((host) => host.daemon()),
  ]);
  await lab.settled(lab.hosts);
  return { lab, daemon };
}

/** What a process has: memory in bytes (now, and at most so far), and file descriptors. */
export type Usage = { readonly resident: number; readonly most: number; readonly descriptors: number };

/** What a daemon has now, by the kernel. */
export function usageOf({ pid }: Daemon): Usage {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  return {
    resident: kilobytes("VmRSS") * 1_024,
    most: kilobytes("VmHWM") * 1_024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** Runs `console-load.ts` on a host for so long. */
export async function load(host: Host, hosts: readonly Host[], seconds: number): Promise<LoadReport> {
  const names = hosts.map(({ name }) => name);
  const program = [process.execPath, `${import.meta.dir}/console-load.ts`];
  const argv = [...program, String(seconds), String(CONSOLES), SOCKET, host.base, ...names];
  const { status, stdout, stderr } = await host.exec(argv, { timeoutMs: seconds * 1_000 + 60_000 });
  if (status !== 0) throw new Error(`console-load: status ${status}\n${stdout}${stderr}`);
  return JSON.parse(stdout) as LoadReport;
}

/** Consoles that ask and do not read, until they are told to. */
export class DeafConsoles {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #output: AsyncIterator<Uint8Array>;

  private constructor(process: Bun.Subprocess<"pipe", "pipe", "inherit">) {
    this.#process = process;
    this.#output = process.stdout[Symbol.asyncIterator]();
  }

  /** Runs `console-deaf.ts` on a host; resolves when all is asked. */
  static async open(
    host: Host,
    asked: { readonly questions: number; readonly pushers: number },
  ): Promise<DeafConsoles> {
    const program = [process.execPath, `${import.meta.dir}/console-deaf.ts`, SOCKET];
    const argv = host.namespace.command([...program, String(asked.questions), String(asked.pushers)]);
    const deaf = new DeafConsoles(Bun.spawn(argv, { stdin: "pipe", stdout: "pipe", stderr: "inherit" }));
    if (!(await deaf.#line()).startsWith("asked")) throw new Error("console-deaf did not begin");
    return deaf;
  }

  /** Lets them read. */
  async listen(): Promise<DeafReport> {
    this.#process.stdin.end();
    return JSON.parse(await this.#line()) as DeafReport;
  }

  async #line(): Promise<string> {
    let text = "";
    while (!text.endsWith("\n")) {
      const next = await this.#output.next();
      if (next.done === true) break;
      text += Buffer.from(next.value).toString();
    }
    return text;
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }
}

/** Empty files with long names: a push of them says 4 lines of more than 960 bytes about each, at level 2. */
export function longNames(host: Host, count: number): void {
  const deep = `${host.path()}/${`${"long".repeat(60)}/`.repeat(4)}`;
  mkdirSync(deep, { recursive: true });
  for (let i = 0; i < count; i++) writeFileSync(`${deep}/${i}`, "");
}

/** Waits until a daemon has no more descriptors than before. */
export async function noMoreDescriptors(daemon: Daemon, before: number): Promise<void> {
  await until(
    `the daemon to close what it opened (${before} descriptors before)`,
    () => (usageOf(daemon).descriptors <= before ? true : undefined),
    { timeoutMs: 15_000, everyMs: 100 },
  );
}

/** What differs at any of the others, and what is left over there. */
export async function unequal(lab: Lab): Promise<string[]> {
  const found: string[] = [];
  for (const host of others(lab)) {
    found.push(
      ...(await differences(lab.host(1).path(), host.path())).map((line) => `${host.name}: ${line}`),
    );
    if (existsSync(`${host.path()}/.makuosan-stage`)) found.push(`${host.name}: a staging area`);
  }
  return found;
}
