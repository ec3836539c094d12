import { becomeNobody } from "./nobody.ts";
import { removalsOf } from "./removal-model.ts";
import { everything, push, receiver, run } from "./support.ts";

/** One push from argv[2] to argv[3], of the path argv[4] or of everything, as nobody, with the script argv[5] run before the commit, with removals or as a check if argv[6] says so; prints the outcome. Not a test: `nobody.ts` starts it. */
becomeNobody();
const [from, to, path = "", script = "", what] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error("two directories are needed");
const selection = path === "" ? everything : { paths: [Buffer.from(path)], recursive: false };
const { message, lines, outcomes } = push({
  from,
  to: [receiver(to)],
  selection,
  task: what === "check" ? { mode: "check" } : { removes: what === "extra" ? "extra" : "nothing" },
  names: what === "extra",
  before: (moment) => {
    if (moment === "commit" && script !== "") run("sh", ["-ec", script]);
  },
});
const problems = lines.flatMap((line) =>
  line.kind === "problem"
    ? [`${line.problem} ${Buffer.from(line.path).toString("latin1")} ${line.errno}`]
    : [],
);
const explained = lines.flatMap((line) =>
  line.kind === "failure" ? [Buffer.from(line.path ?? []).toString("latin1")] : [],
);
const [outcome] = outcomes;
const failure = outcome?.failure;
console.log(
  JSON.stringify({
    message,
    problems,
    explained,
    refused: outcome?.refused,
    failure: failure && { ...failure, path: failure.path && Buffer.from(failure.path).toString("latin1") },
    committed: outcome?.committed,
    removed: outcome && removalsOf(outcome)?.names,
    updated: outcome?.needs.reduce((sum, { update }) => sum + bitsOf(update), 0),
  }),
);

function bitsOf(bitmap: Uint8Array | undefined): number {
  return [...(bitmap ?? [])].reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
}
