/** What a run of the benchmark found: the JSON file, and the values in it. */
import { cpus, release, totalmem } from "node:os";
import { must } from "../lab/run.ts";
import { median, type Samples } from "./contender.ts";

/** Something that was measured several times. */
export type Series = {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly median: number;
  /** What the median says in other words: bytes per second, how it was computed. */
  readonly note?: string;
};

/** Something that must hold: `value` at least (`>=`) or at most (`<=`) `target`. */
export type Check = {
  readonly text: string;
  readonly value: number;
  readonly relation: ">=" | "<=";
  readonly target: number;
  readonly unit: string;
  readonly met: boolean;
};

/** Points of a picture: one line of it. */
export type Curve = {
  readonly chart: "hosts" | "loss";
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
};

/** All about one scenario. */
export type Findings = {
  readonly name: string;
  readonly title: string;
  readonly series: readonly Series[];
  readonly checks: readonly Check[];
  readonly curves: readonly Curve[];
  /** What a reader has to know: how a figure was computed, what could not be measured and why. */
  readonly notes: readonly string[];
};

/** The JSON file. */
export type Report = {
  readonly taken: string;
  readonly kind: "full" | "quick";
  readonly program: "source" | "binary";
  readonly rounds: number;
  readonly commit: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly findings: readonly Findings[];
};

/** Collects what a scenario finds. */
export class Scribe {
  readonly #name: string;
  #title: string;
  readonly #series: Series[] = [];
  readonly #checks: Check[] = [];
  readonly #curves: Curve[] = [];
  readonly #notes: string[] = [];

  constructor(name: string, title: string) {
    this.#name = name;
    this.#title = title;
  }

  /** Records a series, and returns its median. */
  series(name: string, values: readonly number[], given: { unit?: string; note?: string } = {}): number {
    const middle = median(values);
    const note = given.note === undefined ? {} : { note: given.note };
    this.#series.push({ name, unit: given.unit ?? "s", values, median: middle, ...note });
    return middle;
  }

  /** Records everything that a comparison measured; `bytes` adds how many of them each second. Returns the medians by name. */
  samples(samples: Samples, given: { prefix?: string; bytes?: number } = {}): (name: string) => number {
    const medians = new Map<string, number>();
    for (const [name, values] of samples) {
      const note = given.bytes === undefined ? {} : { note: rate(given.bytes / median(values)) };
      medians.set(name, this.series(`${given.prefix ?? ""}${name}`, values, note));
    }
    return (name) => medians.get(name) ?? Number.NaN;
  }

  /** Records whether a value is what it must be; NaN never is. */
  check(text: string, value: number, relation: ">=" | "<=", given: { target: number; unit?: string }): void {
    const { target, unit = "" } = given;
    const met = relation === ">=" ? value >= target : value <= target;
    this.#checks.push({ text, value, relation, target, unit, met });
  }

  curve(curve: Curve): void {
    this.#curves.push(curve);
  }

  /** Another title: what was really done, where a quick run does less. */
  title(text: string): void {
    this.#title = text;
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  findings(): Findings {
    const [series, checks, curves, notes] = [this.#series, this.#checks, this.#curves, this.#notes];
    return { name: this.#name, title: this.#title, series, checks, curves, notes };
  }
}

/** Bytes per second, for people. */
export function rate(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e6).toFixed(bytesPerSecond < 1e8 ? 1 : 0)} MB/s`;
}

/** What the figures depend on. */
export async function machine(): Promise<Record<string, string | number>> {
  const version = async (argv: readonly string[], pattern: RegExp) => {
    const text = await must(["sh", "-c", `${argv.join(" ")} 2>&1 || true`]);
    return pattern.exec(text)?.[1] ?? "not there";
  };
  return {
    processor: cpus()[0]?.model ?? "unknown",
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
    rsync: await version(["rsync", "--version"], /version (\S+)/),
    uftp: await version(["uftp"], /version (\S+)/i),
    udpcast: await version(["udp-sender", "--license"], /(\d{8})/),
    iperf3: await version(["iperf3", "--version"], /iperf (\S+)/),
  };
}
