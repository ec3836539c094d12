import { run } from "./support.ts";

/** What `unprivileged.ts` prints. */
export type Report = {
  readonly message?: string;
  readonly problems: readonly string[];
  readonly explained: readonly string[];
  readonly refused?: string;
  readonly failure?: { readonly errno: number; readonly step: number; readonly entry?: number };
  readonly committed?: boolean;
  /** Entries that the receiver wanted to change. */
  readonly updated: number;
};

/** The number of the user nobody, and of its group. */
export const NOBODY = 65534;

/** A push by nobody, of `path` or of everything. The test has to be root. */
export function pushAsNobody(from: string, to: string, ...path: string[]): Report {
  const user = ["--reuid", `${NOBODY}`, "--regid", `${NOBODY}`, "--clear-groups"];
  const script = new URL("unprivileged.ts", import.meta.url).pathname;
  return JSON.parse(run("setpriv", [...user, process.execPath, script, from, to, ...path]));
}
