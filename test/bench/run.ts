/**
 * `make bench`: all scenarios, a table, and a JSON file.
 * `bun test/bench/run.ts [--quick] [--only NAME,NAME] [--rounds N] [--json FILE] [--program source|binary]`. Measured are
 * the executables of `make build`, which is what `make install` installs; or what a checkout runs.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { must } from "../lab/run.ts";
import { Apart } from "./apart.ts";
import { type Findings, machine, type Report, Scribe } from "./report.ts";
import type { Scenario, Settings } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { lines } from "./table.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    json: { type: "string" },
    program: { type: "string", default: "binary" },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const names = values.only?.split(",") ?? [];
const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  usage(unknown.length > 0 ? `no scenario ${unknown.join(", ")}` : `--rounds ${values.rounds}`);
}
if (values.program !== "source" && values.program !== "binary") usage(`--program ${values.program}`);

const settings: Settings = {
  quick: values.quick,
  rounds,
  program: values.program === "binary" ? "binary" : "source",
  say: (line) => console.error(`  ${line}`),
};
const json = resolve(values.json ?? `${import.meta.dir}/../../build/bench.json`);
const findings: Findings[] = [];
for (const scenario of scenarios) {
  if (names.length > 0 && !names.includes(scenario.name)) continue;
  const started = performance.now();
  console.error(`${scenario.name}: ${scenario.title}`);
  const found = await findingsOf(scenario);
  findings.push(found);
  console.error(`  ${((performance.now() - started) / 1_000).toFixed(0)} s in all`);
  console.log(`${lines(found).join("\n")}\n`);
  await save();
}
if (settings.quick) {
  console.log(
    "A quick run moves less, so that what every push costs weighs more: only a full one is to be judged.",
  );
}
const checks = findings.flatMap((found) => found.checks);
const missed = checks.filter((check) => !check.met).length;
console.log(`${checks.length - missed} of ${checks.length} targets met; everything is in ${json}`);

/** A scenario that breaks off keeps what it has found, and says why; the others go on. */
async function findingsOf(scenario: Scenario): Promise<Findings> {
  const scribe = new Scribe(scenario.name, scenario.title);
  const apart = await Apart.create();
  apart.sample();
  const say = (line: string) => {
    settings.say(line);
    // Nothing is being measured when there is something to tell.
    apart.sample();
  };
  try {
    await scenario.run({ ...settings, say }, scribe);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    scribe.note(`broke off: ${text}`);
    process.exitCode = 1;
  }
  const sentence = apart.sentence();
  if (sentence !== undefined) scribe.note(sentence);
  return scribe.findings();
}

async function save(): Promise<void> {
  const report: Report = {
    taken: new Date().toISOString(),
    kind: settings.quick ? "quick" : "full",
    program: settings.program,
    rounds,
    commit: (await must(["git", "-C", import.meta.dir, "describe", "--always", "--dirty"])).trim(),
    machine: await machine(),
    findings,
  };
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
}

function usage(what: string): never {
  console.error(`bench: ${what}. Scenarios: ${scenarios.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
