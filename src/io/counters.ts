import { DROPS } from "../wire/messages.ts";

const NAMES: Readonly<Record<string, string>> = {
  data: "received packets data",
  control: "received packets control",
  stray: "received packets stray",
  receivedBytes: "received bytes",
  receivedBursts: "received bursts",
  sentPackets: "sent packets",
  sentBytes: "sent bytes",
  sentBursts: "sent bursts",
};

/** The engine's counters and the shim's under names for people. Drops are counted by both, each for what it checks: they are added up. */
export function mergeCounters(
  engine: Readonly<Record<string, number>>,
  shim: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const merged: Record<string, number> = { ...engine };
  for (const [name, count] of Object.entries(shim)) {
    const shown = (DROPS as readonly string[]).includes(name) ? `drop ${name}` : (NAMES[name] ?? name);
    merged[shown] = (merged[shown] ?? 0) + count;
  }
  return merged;
}
