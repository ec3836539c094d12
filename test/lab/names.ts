/** What a push did to a tree, and what it said that it did, as sets of names that can be compared. Names are bytes, one character each. */
import { listing } from "./judge.ts";

/** By name from the base (itself is ""): what `listing` tells of it. */
export type Snapshot = ReadonlyMap<string, string>;

/** A tree as it is; `changed` as of `listing`. */
export function snapshot(directory: string, options: { readonly changed: boolean }): Snapshot {
  return new Map(
    listing(directory, options).map((line) => {
      const blank = line.indexOf(" ");
      return [Buffer.from(line.slice(0, blank), "hex").toString("latin1"), line.slice(blank + 1)];
    }),
  );
}

/** All names below a directory. */
export function namesOf(directory: string): Set<string> {
  const names = new Set(snapshot(directory, { changed: false }).keys());
  names.delete("");
  return names;
}

/** `update NAME` for each name that is new or not as it was, and `delete NAME` for each that is gone. */
export function changedNames(before: Snapshot, after: Snapshot): Set<string> {
  const changed = new Set<string>();
  for (const name of before.keys()) if (!after.has(name)) changed.add(`delete ${name}`);
  for (const [name, is] of after) if (before.get(name) !== is) changed.add(`update ${name}`);
  return changed;
}

/** The same from msync's lines about one host, dry or not. Throws if one is said twice. */
export function reportedNames(stdout: Uint8Array, host: string): Set<string> {
  const reported = new Set<string>();
  for (const line of Buffer.from(stdout).toString("latin1").split("\n")) {
    const found = /^(?:\(dryrun\) )?(update|delete) ([^:]*):(.*)$/.exec(line);
    if (found === null || found[2] !== host) continue;
    const what = `${found[1]} ${plain(found[3] ?? "")}`;
    if (reported.has(what)) throw new Error(`said twice: ${line}`);
    reported.add(what);
  }
  return reported;
}

/** The bytes that a shown name stands for. */
function plain(shown: string): string {
  const letters: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\" };
  // A backslash before anything else is one.
  return shown.replace(/\\(?:x([0-9a-f]{2})|([ntr\\]))/g, (_, hex?: string, letter?: string) =>
    hex === undefined ? (letters[letter ?? ""] ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
