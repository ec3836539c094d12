/** The report as a table for people. */
import type { Check, Findings, Report, Series } from "./report.ts";

/** All lines of a report. */
export function table(report: Report): string[] {
  return report.findings.flatMap((findings) => [...lines(findings), ""]);
}

/** The lines of one scenario. */
export function lines(findings: Findings): string[] {
  const width = Math.max(0, ...findings.series.map(({ name }) => name.length));
  return [
    `${findings.title} (${findings.name})`,
    ...findings.series.map((series) => `  ${series.name.padEnd(width)}  ${figures(series)}`),
    ...findings.checks.map((check) => `  ${check.met ? "met   " : "MISSED"} ${checkText(check)}`),
    ...findings.notes.map((note) => `  ${note}`),
  ];
}

/** A check in words. */
export function checkText(check: Check): string {
  const limit = check.relation === ">=" ? "at least" : "at most";
  return `${number(check.value)} ${check.unit} ${check.text}: ${limit} ${check.target} ${check.unit}`
    .replace(/ +/g, " ")
    .trim();
}

/** A number with as many digits as say something. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "none";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

function figures(series: Series): string {
  const middle = `${number(series.median)} ${series.unit}`.padStart(10);
  if (series.values.length < 2) return [middle, series.note ?? ""].join("  ").trimEnd();
  const [low, high] = [Math.min(...series.values), Math.max(...series.values)];
  return [middle, `(${number(low)} to ${number(high)})`.padEnd(16), series.note ?? ""].join("  ").trimEnd();
}
