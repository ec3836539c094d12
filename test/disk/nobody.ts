import { assumeIdentity } from "../../src/io/privileges.ts";
import { renewSys, run } from "./support.ts";

/** What `unprivileged.ts` prints. */
export type Report = {
  readonly message?: string;
  readonly problems: readonly string[];
  readonly explained: readonly string[];
  readonly refused?: string;
  readonly failure?: {
    readonly errno: number;
    readonly step: number;
    readonly entry?: number;
    readonly path?: string;
  };
  readonly committed?: boolean;
  /** Entries that the receiver wanted to change. */
  readonly updated: number;
  /** Names that it said it removes, if any. */
  readonly removed?: readonly string[];
};

/** The number of the user nobody, and of its group. */
export const NOBODY = 65534;

/** A push by nobody, of `path` or of everything. The test has to be root. */
export function pushAsNobody(from: string, to: string, ...path: string[]): Report {
  return runAsNobody([from, to, ...path]);
}

/** The same, of everything, with a shell script that is run before the commit. */
export function pushAsNobodyWith(script: string, from: string, to: string): Report {
  return runAsNobody([from, to, "", script]);
}

/** The same, of everything; what the sender does not have is removed. */
export function pushAsNobodyRemoving(from: string, to: string): Report {
  return runAsNobody([from, to, "", "", "extra"]);
}

/** Only compares the contents of everything. */
export function pushAsNobodyChecking(from: string, to: string): Report {
  return runAsNobody([from, to, "", "", "check"]);
}

/** Makes this process nobody's for good. What it imports has been read by then, so that the checkout need not be open to everybody. */
export function becomeNobody(): void {
  process.chdir("/");
  assumeIdentity({ uid: NOBODY, gid: NOBODY, groups: [] });
  renewSys();
}

function runAsNobody(args: readonly string[]): Report {
  const script = new URL("unprivileged.ts", import.meta.url).pathname;
  return JSON.parse(run(process.execPath, [script, ...args]));
}
