/** Answers of a console in a form that is the same in each run, if it is right. */
import { isTurn } from "./transcript.ts";
import { isCounter, type Values, withoutValues } from "./values.ts";

/** Results of these come in any order, as several hosts do the work. */
const UNORDERED = /^\s*(send|sync|dsync|check|md5)\b/;

type Asked = {
  /** The command of each answer. */
  readonly asked: readonly string[];
  /** What a transcript has in this place. */
  readonly wanted: readonly string[];
  readonly values: Values;
};

/**
 * The pieces (`splitSaid`) without what differs from run to run. Within one answer that has no order, lines come as `wanted` has them, as far as they
 * are in it: so it is equal to `wanted` only if each line is there as often, in the right answer, and with its turn.
 */
export function comparable(pieces: readonly string[], { asked, wanted, values }: Asked): string[] {
  const expected = split(wanted);
  return split(pieces.map((piece) => withoutValues(piece, values))).flatMap((answer, at) => {
    const command = asked[at] ?? "";
    const lines = command === "status" ? withoutCounters(answer) : answer;
    return UNORDERED.test(command) ? inOrderOf(expected[at] ?? [], withoutRepeats(lines, "alive\n")) : lines;
  });
}

/** Answers, each with its turn. */
function split(pieces: readonly string[]): string[][] {
  const answers: string[][] = [[]];
  for (const piece of pieces) {
    answers.at(-1)?.push(piece);
    if (isTurn(piece)) answers.push([]);
  }
  return answers;
}

/** The lines in the order that `wanted` has them in, then those that are not in it; the turn stays last. */
function inOrderOf(wanted: readonly string[], lines: readonly string[]): string[] {
  const turn = lines.filter(isTurn);
  const rest = lines.filter((line) => !isTurn(line)).sort();
  const ordered = wanted.flatMap((line) => {
    const at = rest.indexOf(line);
    return at < 0 ? [] : rest.splice(at, 1);
  });
  return [...ordered, ...rest, ...turn];
}

function withoutCounters(lines: readonly string[]): string[] {
  const first = lines.findIndex(isCounter);
  return lines.flatMap((line, at) => (isCounter(line) ? (at === first ? ["{counters}\n"] : []) : [line]));
}

/** How often a line is repeated is a matter of time. */
function withoutRepeats(lines: readonly string[], what: string): string[] {
  return lines.filter((line, at) => line !== what || lines.indexOf(what) === at);
}
