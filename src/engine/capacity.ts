/** A window, and the round trip and queue that it had. */
export type Standing = { readonly window: number; readonly roundTripUs: number; readonly queueUs: number };

/** Least part of the round trip that a cut of all of the window shortens, if any of it was the push's own: what a measurement can tell. */
const SHARE_MIN = 0.05;

/**
 * What others have under way on the slowest link, in packets: a window that is cut shortens the queue in proportion to its share of all. `before` and
 * `after`: the window before and after the cuts, with the queue that it had.
 */
export function othersOf(before: Standing, after: Standing): number {
  if (after.window >= before.window) return 0;
  const whole = before.roundTripUs * (1 - after.window / before.window);
  const share = Math.min(1, Math.max(SHARE_MIN, (before.queueUs - after.queueUs) / whole));
  return before.window / share - before.window;
}
