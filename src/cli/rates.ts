const windowMs = 1_000;

type Sample = {
  readonly atMs: number;
  readonly sentBytes: number;
  readonly done: ReadonlyMap<string, number>;
};

/** Bytes a second over the last second, from counts that only grow. */
export class Rates {
  /** The first one is the newest that is a window old, or the beginning. */
  #samples: Sample[];

  constructor(beginMs: number) {
    this.#samples = [{ atMs: beginMs, sentBytes: 0, done: new Map() }];
  }

  /** Takes the counts of this moment; returns whole bytes a second: sent, and done by each host. */
  sample(
    nowMs: number,
    counts: {
      readonly sentBytes: number;
      readonly hosts: readonly { readonly host: string; readonly doneBytes: number }[];
    },
  ): { readonly sent: number; readonly hosts: ReadonlyMap<string, number> } {
    while (this.#samples.length > 1 && nowMs - (this.#samples[1]?.atMs ?? nowMs) >= windowMs)
      this.#samples.shift();
    const [then] = this.#samples;
    const done = new Map(counts.hosts.map(({ host, doneBytes }) => [host, doneBytes]));
    const { sentBytes } = counts;
    this.#samples.push({ atMs: nowMs, sentBytes, done });
    const elapsedMs = nowMs - (then?.atMs ?? nowMs);
    const rate = (bytes: number) =>
      elapsedMs <= 0 ? 0 : Math.max(0, Math.round((bytes * 1_000) / elapsedMs));
    return {
      sent: rate(sentBytes - (then?.sentBytes ?? 0)),
      hosts: new Map([...done].map(([host, bytes]) => [host, rate(bytes - (then?.done.get(host) ?? 0))])),
    };
  }
}
