/** What a line of the text console's answer means: where it is printed, and whether it says that something failed. */
export function judgeLine(line: string): { readonly to: "stdout" | "stderr"; readonly failure: boolean } {
  if (line.startsWith("error:")) return { to: "stderr", failure: true };
  const failure = FAILURES.some((pattern) => pattern.test(line));
  return { to: "stdout", failure };
}

/** Lines that say so without `error:`, as the original writes them. */
const FAILURES = [
  / is not contained in members$/,
  /^mexec: command error /,
  /^[^ ]+: NG /,
  /^delete error \(/,
];

/** Whether the console closes the connection after this command. */
export function isGoodbye(command: string): boolean {
  return /^[ \t]*(quit|exit|bye)[ \t]*$/.test(command);
}

/** Whether the console speaks JSON after this command: there are no prompts any more. */
export function isJson(command: string): boolean {
  return /^[ \t]*json[ \t]*$/.test(command);
}
