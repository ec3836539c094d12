/** What differs from run to run, or from version to version, in what a console says: each becomes a word in braces, if it is what it must be. */

export type Values = {
  /** The daemon's process id as the host sees it. */
  readonly pid: number;
  readonly version: string;
};

const STATUS =
  /^(process|version|recvsize|sendsize|sendrate) *: |^(?:mfalloc|command|send op|recv op) : \d+\n$/;

/** Puts words for values into one line of a console's answer. */
export function withoutValues(line: string, { pid, version }: Values): string {
  if (line === `process : ${pid}\n`) return "process : {pid}\n";
  if (line === `version : ${version}\n`) return "version : {version}\n";
  if (line.endsWith(` (Ver${version})\n`)) return line.replace(`(Ver${version})\n`, "(Ver{version})\n");
  const bytes = /^(recvsize|sendsize): [1-9]\d{3,9}\n$/.exec(line);
  if (bytes !== null) return `${bytes[1]}: {bytes}\n`;
  const rate = /^sendrate: \d+(?:\.\d)?(\/\d+(?:\.\d)?\n)$/.exec(line);
  if (rate !== null) return `sendrate: {rate}${rate[1]}`;
  const op =
    /^ {2}push \d+ (?:[a-z]+ (to \d+ hosts?)|(from \S+) [a-z]+), \d+ blocks?(?:, [\d.]+ Mbit\/s, .*)?\n$/.exec(
      line,
    );
  if (op !== null)
    return op[1] === undefined
      ? `  push {number} ${op[2]} {phase}, {blocks}\n`
      : `  push {number} {phase} ${op[1]}, {blocks}\n`;
  return line;
}

/** Whether a line of `status` is one of its counters, of which there are more or fewer. */
export function isCounter(line: string): boolean {
  return !STATUS.test(line) && /^[a-z][A-Za-z -]* : \d+\n$/.test(line);
}
