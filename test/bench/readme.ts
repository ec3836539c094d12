/**
 * Puts a report into the README: the table between its two marks, and the picture beside this file. Of several reports, of parts of the benchmark, the
 * facts are the last one's. `bun test/bench/readme.ts REPORT.json [REPORT.json ...]`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { draw } from "./chart.ts";
import type { Findings, Report, Series } from "./report.ts";
import { scenarios } from "./scenarios.ts";
import { checkText, number } from "./table.ts";

const ROOT = resolve(import.meta.dir, "../..");
const PICTURE = "test/bench/results/curves.svg";
const [START, END] = ["<!-- bench: begin -->", "<!-- bench: end -->"];

const reports = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")) as Report);
const last = reports.at(-1);
if (last === undefined) {
  console.error("usage: bun test/bench/readme.ts REPORT.json [REPORT.json ...]");
  process.exit(2);
}
const report = {
  ...last,
  findings: reports.flatMap(({ findings, rounds, commit }) =>
    findings.map((found) => {
      const basis = scenarios.find(({ name }) => name === found.name)?.basis;
      const series = basis === undefined && rounds > 1 ? found.series.map(told) : found.series;
      return { ...found, series, title: `${found.title} (${basis ?? `rounds: ${rounds}`}, at ${commit})` };
    }),
  ),
};
mkdirSync(resolve(ROOT, PICTURE, ".."), { recursive: true });
const pictured = await draw(report, resolve(ROOT, PICTURE));
const readme = readFileSync(`${ROOT}/README.md`, "utf8");
const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
if (start < 0 || end < start) throw new Error(`README.md has no ${START} before ${END}`);
const text = `${START}\n${section(report, pictured).join("\n")}\n`;
writeFileSync(`${ROOT}/README.md`, readme.slice(0, start) + text + readme.slice(end));

function section(from: Report, withPicture: boolean): string[] {
  const facts = from.machine;
  return [
    `Taken on ${from.taken.slice(0, 10)} with ${facts.processors} processors (${facts.processor}), Linux ${facts.kernel}, Bun ${facts.bun}: medians of the rounds named, all hosts and the network in`,
    "one machine, whose processors they share. Times move between machines; the ratios, taken in turns in one run, say more. MB are 10⁶ bytes, to each host.",
    ...(from.kind === "quick" ? ["This is a quick run: less data, fewer rounds."] : []),
    "",
    ...(withPicture ? [`![Time over hosts, goodput over loss](${PICTURE})`, ""] : []),
    "| work | median | target |",
    "|---|---|---|",
    ...from.findings.map(row),
    "",
  ];
}

function row(findings: Findings): string {
  const checks = findings.checks.map((check) => `${check.met ? "✓" : "✗"} ${checkText(check)}`);
  const figures = findings.series.map(figure);
  return `| **${findings.title}** | ${figures.join("<br>")} | ${checks.join("<br>")} |`;
}

/** What takes long is measured once, beside rounds of the others. */
function told(series: Series): Series {
  if (series.values.length > 1) return series;
  return { ...series, note: series.note === undefined ? "once" : `${series.note}, once` };
}

function figure(series: Series): string {
  const note = series.note === undefined ? "" : `, ${series.note}`;
  const value = `${number(series.median)} ${series.unit}`.trimEnd();
  return `${series.name}: ${value}${note}`;
}
