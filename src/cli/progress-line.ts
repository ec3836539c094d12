import { displayText } from "./display.ts";
import type { JsonEvent } from "./json-protocol.ts";

type ProgressEvent = Extract<JsonEvent, { event: "progress" }>;

/** How far a push is, for one line of a terminal. */
export type Progress = {
  /** What the daemon told last. */
  readonly last: Pick<ProgressEvent, "phase" | "sentBytes" | "contentBytes" | "bytesPerSecond" | "hosts">;
  /** Hosts whose outcome is not what it should be, with a word for why. */
  readonly failed: ReadonlyMap<string, string>;
};

/** How a push went: what stays of the progress line. */
export type Summary = {
  readonly bytes: number;
  readonly seconds: number;
  readonly hosts: number;
  /** Hosts that have everything. */
  readonly complete: number;
};

const PHASE_WORDS: Readonly<Record<string, string>> = {
  offer: "asking",
  manifest: "comparing",
  need: "comparing",
  content: "sending",
  prepare: "preparing",
  commit: "committing",
};

/**
 * The line for a terminal with so many columns: phase, share, bytes, rate, time left, hosts that have all, and by name those that are in
 * trouble. What matters least goes first where room is short. Never wider than `columns`.
 */
export function progressText(progress: Progress, columns: number): string {
  const { last } = progress;
  const sends = last.contentBytes > 0;
  const share = Math.min(1, last.sentBytes / Math.max(1, last.contentBytes));
  const left = last.phase === "content" ? timeLeft(last) : undefined;
  // In the order of the line; the number says how long a part is kept when room gets short.
  const parts: { readonly text: string; readonly keep: number }[] = [
    { text: PHASE_WORDS[last.phase] ?? displayText(last.phase), keep: 9 },
    { text: sends ? `${Math.floor(share * 100)}%`.padStart(4) : "", keep: 8 },
    { text: sends ? `${formatBytes(last.sentBytes)} of ${formatBytes(last.contentBytes)}` : "", keep: 4 },
    { text: sends ? `${formatBytes(last.bytesPerSecond)}/s` : "", keep: 5 },
    { text: left === undefined ? "" : `${formatSeconds(left)} left`, keep: 6 },
    { text: hostsText(progress), keep: 7 },
  ].filter(({ text }) => text !== "");
  const trouble = troubles(progress);
  // One name in trouble is worth more than the bytes.
  const least = trouble.length === 0 ? 0 : Bun.stringWidth(troubleText(trouble, 1)) + 2;
  while (parts.length > 1 && width(parts) + least > columns) {
    const smallest = Math.min(...parts.map(({ keep }) => keep));
    parts.splice(
      parts.findIndex(({ keep }) => keep === smallest),
      1,
    );
  }
  const text = parts.map((part) => part.text).join("  ");
  return clip(`${text}${fittingTroubles(trouble, columns - Bun.stringWidth(text) - 2)}`, columns);
}

/** The line that stays on the terminal. */
export function summaryText(summary: Summary): string {
  const { bytes, seconds, hosts, complete } = summary;
  const took = `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const content =
    bytes > 0 ? `${formatBytes(bytes)} in ${took}, ${formatBytes(bytes / Math.max(seconds, 0.001))}/s` : took;
  return `${content}, ${complete} of ${hosts} ${hosts === 1 ? "host" : "hosts"}`;
}

/** Bytes in decimal units, as networks count: three digits. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  // What would be shown as 1000 is one of the next unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `M:SS` or `H:MM:SS`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (number: number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function timeLeft(last: Progress["last"]): number | undefined {
  if (last.bytesPerSecond <= 0 || last.contentBytes === 0) return undefined;
  return Math.max(0, last.contentBytes - last.sentBytes) / last.bytesPerSecond;
}

function hostsText({ last, failed }: Progress): string {
  if (last.hosts.length === 0) return "";
  const done = last.hosts.filter(
    ({ host, state }) => (state === "prepared" || state === "ended") && !failed.has(host),
  );
  return `${done.length}/${last.hosts.length} hosts`;
}

/** Hosts in trouble, each with why. */
function troubles({ last, failed }: Progress): string[] {
  const silent = last.hosts.filter(({ host, state }) => state === "silent" && !failed.has(host));
  return [
    ...[...failed].map(([host, why]) => `${displayText(host)} ${displayText(why)}`),
    ...silent.map(({ host }) => `${displayText(host)} silent`),
  ];
}

function troubleText(trouble: readonly string[], shown: number): string {
  const rest = trouble.length - shown;
  return `! ${trouble.slice(0, shown).join(", ")}${rest > 0 ? ` +${rest}` : ""}`;
}

/** As many of them as fit, and how many more there are; at least one. */
function fittingTroubles(trouble: readonly string[], columns: number): string {
  if (trouble.length === 0) return "";
  let shown = 1;
  while (shown < trouble.length && Bun.stringWidth(troubleText(trouble, shown + 1)) <= columns) shown += 1;
  return `  ${troubleText(trouble, shown)}`;
}

function width(parts: readonly { readonly text: string }[]): number {
  return Bun.stringWidth(parts.map(({ text }) => text).join("  "));
}

function clip(text: string, columns: number): string {
  let clipped = text;
  // A wide character at the edge is not cut but kept whole.
  for (let end = columns; end >= 0 && Bun.stringWidth(clipped) > columns; end--)
    clipped = Bun.sliceAnsi(text, 0, end);
  return clipped;
}
