/** The command line, read: either values, or text to print and a status to exit with. */
export type Parsed<T> = { readonly kind: "run"; readonly options: T } | ParsedExit;

export type ParsedExit = {
  readonly kind: "exit";
  readonly status: number;
  /** Bytes, one character each. */
  readonly stdout: string;
  readonly stderr: string;
};

/** Exit status for a command line or a configuration that cannot be used. */
export const USAGE_STATUS = 2;

/** The result for a command line that is wrong in a way that the option table cannot know. */
export function usageError(name: string, text: string): ParsedExit {
  return {
    kind: "exit",
    status: USAGE_STATUS,
    stdout: "",
    stderr: `${name}: ${text} (see ${name} --help)\n`,
  };
}
