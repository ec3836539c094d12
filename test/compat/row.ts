/** A test, by its file below `test/` and its title (`titles.ts`); or a transcript and a line that it must have. */
export type Cover = readonly [file: string, title: string];

/** One fact of the C program, version 1.3.6, on which somebody may rely. */
export type Row = {
  readonly fact: string;
  /** What this project does: "same", or what instead. */
  readonly decision: string;
  readonly covers: readonly [Cover, ...Cover[]];
};

/** A fact that stays as it is. */
export function same(fact: string, ...covers: Row["covers"]): Row {
  return { fact, decision: "same", covers };
}

/** A fact that does not, or not only. */
export function ours(fact: string, decision: string, ...covers: Row["covers"]): Row {
  return { fact, decision, covers };
}
