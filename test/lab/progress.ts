/** msync in a pseudo-terminal of a host, and what its progress line says. */
import { Screen } from "../io/screen.ts";
import type { Host } from "./lab.ts";
import { until } from "./run.ts";

export const COLUMNS = 120;

/** A program on a terminal of its own. */
export class Terminal {
  readonly #process: Bun.Subprocess;
  readonly #screen = new Screen();
  #raw = "";

  /** Runs a shell's line on a host. */
  constructor(host: Host, line: string) {
    const decoder = new TextDecoder();
    this.#process = Bun.spawn(host.namespace.command(["sh", "-c", line]), {
      env: { ...host.environment(), TERM: "xterm-256color", LC_ALL: "C.UTF-8" },
      terminal: {
        cols: COLUMNS,
        rows: 24,
        data: (_, bytes) => {
          const text = decoder.decode(bytes, { stream: true });
          this.#raw += text;
          this.#screen.write(text);
        },
      },
    });
  }

  /** What can be read on it now. */
  get rows(): readonly string[] {
    return this.#screen.rows;
  }

  /** All bytes that came, as text. */
  get raw(): string {
    return this.#raw;
  }

  /** Waits until its last line is a progress line that is as wanted; returns that. Rejects if the program ends before. */
  async progress(what: string, wanted: (progress: Progress) => boolean): Promise<Progress> {
    return await until(
      `progress: ${what}`,
      () => {
        const line = this.rows.at(-1) ?? "";
        const progress = parseProgress(line);
        if (progress !== undefined && wanted(progress)) return progress;
        if (this.#process.exitCode !== null) throw new Error(`it ended: ${JSON.stringify(this.rows)}`);
        return undefined;
      },
      { timeoutMs: 60_000, everyMs: 5 },
    );
  }

  /** Waits for the end, and for the last that it said. Returns its exit status. */
  async ended(): Promise<number> {
    const status = await this.#process.exited;
    let before = -1;
    while (before !== this.#raw.length) {
      before = this.#raw.length;
      await Bun.sleep(50);
    }
    return status;
  }
}

/** A progress line, read. Bytes are as exact as three digits are. */
export type Progress = {
  readonly line: string;
  readonly percent: number;
  readonly sent: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number;
  readonly done: number;
  readonly hosts: number;
  /** Hosts in trouble, as they are shown; "" if there are none. */
  readonly trouble: string;
};

const LINE =
  /^sending +(\d+)% {2}([\d.]+ \w+) of ([\d.]+ \w+) {2}([\d.]+ \w+)\/s {2}(\d+):(\d\d) left {2}(\d+)\/(\d+) hosts(?: {2}! (.*))?$/;

/** Reads a progress line that has all of its parts; undefined: it has not. */
export function parseProgress(line: string): Progress | undefined {
  const found = LINE.exec(line);
  if (found === null) return undefined;
  const [percent, sent, total, rate, minutes, seconds, done, hosts, trouble] = found.slice(1);
  return {
    line,
    percent: Number(percent),
    sent: bytesOf(sent),
    total: bytesOf(total),
    bytesPerSecond: bytesOf(rate),
    secondsLeft: 60 * Number(minutes) + Number(seconds),
    done: Number(done),
    hosts: Number(hosts),
    trouble: trouble ?? "",
  };
}

/** What is wrong with a line of a push of so many bytes to so many hosts; empty: its numbers agree. */
export function faultsOf(progress: Progress, { bytes, hosts }: { bytes: number; hosts: number }): string[] {
  const faults: string[] = [];
  const { percent, sent, total, bytesPerSecond, secondsLeft } = progress;
  const say = (right: boolean, what: string) => right || faults.push(`${what}: ${progress.line}`);
  // What is shown has three digits.
  const near = (a: number, b: number) => Math.abs(a - b) <= 0.01 * b;
  say(near(total, bytes), `${bytes} bytes in all`);
  say(Math.abs(percent - (100 * sent) / bytes) <= 1.5, "percent of the bytes");
  say(sent > 0 && sent <= total && bytesPerSecond > 0, "bytes and rate");
  say(
    Math.abs(secondsLeft - (bytes - sent) / bytesPerSecond) <=
      1 + 0.02 * secondsLeft + 0.01 * (bytes / bytesPerSecond),
    "time left",
  );
  say(progress.hosts === hosts && progress.done <= hosts, `${hosts} hosts`);
  return faults;
}

function bytesOf(text = ""): number {
  const [number, unit = ""] = text.split(" ");
  return Number(number) * 1_000 ** ["B", "kB", "MB", "GB", "TB"].indexOf(unit);
}
