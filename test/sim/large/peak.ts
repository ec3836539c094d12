/** The busiest time: packets a second over `PEAK_US`, and when that began. */
export type Peak = { readonly perSecond: number; readonly atUs: number };

/** What a peak is measured over. */
const PEAK_US = 10_000;

/** The busiest 10 ms among arrivals, wherever they begin. */
export function peak(arrivals: readonly number[]): Peak {
  const sorted = Float64Array.from(arrivals).sort();
  let most = 0;
  let atUs = 0;
  for (let first = 0, end = 0; end < sorted.length; end++) {
    while ((sorted[end] as number) - (sorted[first] as number) >= PEAK_US) first++;
    if (end - first + 1 <= most) continue;
    most = end - first + 1;
    atUs = sorted[first] as number;
  }
  return { perSecond: (most * 1e6) / PEAK_US, atUs };
}
