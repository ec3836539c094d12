/**
 * A large push in virtual time: the production engine and codec, one owner and up to 1,000 receivers on a model of a 10GbE switch.
 * `bun test/bench/large-scale.ts [--receivers N,N] [--mebibytes M] [--loss P,P] [--seed S] [--json FILE]`; P in percent.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { TEN_GIGABIT } from "../sim/large/model.ts";
import { type LargeResult, pushToMany } from "../sim/large/world.ts";

const { values } = parseArgs({
  options: {
    receivers: { type: "string", default: "10,100,1000" },
    mebibytes: { type: "string", default: "4096" },
    loss: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    json: { type: "string" },
  },
});

const results: LargeResult[] = [];
console.log(
  "receivers  loss     push    first   rate to the owner, packets/s   symbols  repairs     lost  repairs per   NAKs      gaps filled",
);
console.log(
  "              %       ms       = 1        mean   busiest 10 ms                       somewhere  lost symbol   sent      unasked    ",
);
for (const percent of numbers(values.loss)) {
  let firstUs: number | undefined;
  for (const receivers of numbers(values.receivers)) {
    const contentBytes = Number(values.mebibytes) * 2 ** 20;
    const seed = Number(values.seed);
    const result = pushToMany({ ...TEN_GIGABIT, receivers, contentBytes, lossPpm: percent * 10_000, seed });
    firstUs ??= result.pushUs;
    results.push(result);
    console.log(line(result, result.pushUs / firstUs));
    if (result.complete !== receivers)
      throw new Error(`only ${result.complete} of ${receivers} have switched`);
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);

function numbers(list: string): number[] {
  return list.split(",").map(Number);
}

function line(result: LargeResult, ratio: number): string {
  const { receivers, lossPpm, pushUs, perSecond, peak, symbols, repairs, lostSomewhere } = result;
  const each = lostSomewhere === 0 ? "-" : (repairs / lostSomewhere).toFixed(3);
  const cells: readonly (readonly [string | number, number])[] = [
    [receivers, 9],
    [lossPpm / 1e4, 6],
    [(pushUs / 1e3).toFixed(1), 9],
    [ratio.toFixed(3), 9],
    [perSecond.toFixed(0), 12],
    [peak.perSecond, 16],
    [symbols, 10],
    [repairs, 9],
    [lostSomewhere, 11],
    [each, 13],
    [result.naksSent, 7],
    [result.naksSuppressed, 12],
  ];
  return cells.map(([cell, width]) => String(cell).padStart(width)).join("");
}
