import { becomeNobody } from "./nobody.ts";
import { removalsOf } from "./removal-model.ts";
import { push, receiver } from "./support.ts";

/** Pushes with removals as nobody, from DIR/a to DIR/b for each directory of argv; prints what came of each. Not a test. */

/** What came of a push. */
export type Removed = {
  /** What it said that it removes. */
  readonly names: readonly string[];
  readonly committed: boolean;
};

becomeNobody();
const results = process.argv.slice(2).map((dir): Removed => {
  const to = [receiver(`${dir}/b`)];
  const [outcome] = push({
    from: `${dir}/a`,
    to,
    task: { removes: "extra", removesMax: 1_000_000 },
    names: true,
  }).outcomes;
  return {
    names: (outcome && removalsOf(outcome)?.names) ?? [],
    committed: outcome?.committed === true,
  };
});
console.log(JSON.stringify(results));
