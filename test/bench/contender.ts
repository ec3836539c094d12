/** What takes part in a comparison, and how rounds of it go. */

/** One way to do the work of a scenario. */
export type Contender = {
  readonly name: string;
  /** Whatever has to be there before: receivers that wait. Not measured. */
  readonly prepare?: () => Promise<void>;
  /** Runs in the round that warms up, if not one: what runs for months is measured when it has done its work a few times. */
  readonly warmUps?: number;
  /** Does it once. Seconds, by name if it has several (`data`, `whole`). */
  readonly run: () => Promise<Readonly<Record<string, number>>>;
};

export type Rounds = {
  readonly rounds: number;
  /** Before each run: everything as it was. */
  readonly clear: () => Promise<void>;
  /** After each run: throws unless the receivers have what they should. Round 0 is the one that is not counted. */
  readonly check: (round: number, contender: Contender) => Promise<void>;
  /** False: no round that warms up. */
  readonly warmUp?: boolean;
  /** Told what is going on. */
  readonly say: (line: string) => void;
};

/** Seconds of each run, by the name of what was measured. */
export type Samples = Map<string, number[]>;

/**
 * Lets all contenders do the work in turns, each first as often as last. The first round warms up and does not count. One that fails is left out from then
 * on, and what it said is kept.
 */
export async function compare(
  contenders: readonly Contender[],
  options: Rounds,
): Promise<{ samples: Samples; failures: Map<string, string> }> {
  const samples: Samples = new Map();
  const failures = new Map<string, string>();
  const first = options.warmUp === false ? 1 : 0;
  for (let round = first; round <= options.rounds; round++) {
    const words: string[] = [];
    for (const contender of (round - first) % 2 === 0 ? contenders : contenders.toReversed()) {
      if (failures.has(contender.name)) continue;
      for (let more = round === 0 ? (contender.warmUps ?? 1) : 1; more > 1; more--)
        await once(contender, options, round);
      const result = await once(contender, options, round);
      if (result instanceof Error) {
        failures.set(contender.name, result.message);
        options.say(`${contender.name} failed: ${result.message.split("\n")[0]}`);
        continue;
      }
      for (const [part, seconds] of Object.entries(result)) {
        const name = part === "" ? contender.name : `${contender.name}, ${part}`;
        samples.set(name, [...(samples.get(name) ?? []), ...(round > 0 ? [seconds] : [])]);
        words.push(`${name} ${seconds.toFixed(3)} s`);
      }
    }
    options.say(`${round === 0 ? "warm-up" : `round ${round}`}: ${words.join("; ")}`);
  }
  for (const [name, values] of samples) if (values.length === 0) samples.delete(name);
  return { samples, failures };
}

async function once(contender: Contender, options: Rounds, round: number) {
  await options.clear();
  try {
    await contender.prepare?.();
    const seconds = await contender.run();
    await options.check(round, contender);
    return seconds;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The middle of some numbers; of an even count the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** The value that this share of them does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
