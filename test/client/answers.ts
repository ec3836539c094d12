/** Reads the lines that a console answers with. What is not described is kept as `other`: it is for people. */
import type { Answer } from "./console-client.ts";

/** One line of a result. */
export type Result =
  | { readonly kind: "alive" }
  | {
      readonly kind: "update" | "delete";
      readonly host: string;
      readonly file: string;
      readonly dryrun: boolean;
    }
  | { readonly kind: "skip" | "skipro"; readonly host: string; readonly file: string }
  | { readonly kind: "check"; readonly verdict: "OK" | "NG"; readonly host: string; readonly file: string }
  | { readonly kind: "preview"; readonly action: "update" | "delete"; readonly file: string }
  | { readonly kind: "deleteError"; readonly text: string; readonly host: string; readonly file: string }
  | { readonly kind: "lost"; readonly address: string; readonly host: string }
  | { readonly kind: "hostError"; readonly text: string; readonly host: string; readonly file: string }
  | { readonly kind: "error"; readonly text: string }
  | { readonly kind: "stranger"; readonly host: string }
  | { readonly kind: "unknown"; readonly word: string }
  | { readonly kind: "other"; readonly text: string };

type Reader = readonly [RegExp, (group: (index: number) => string) => Result];

// The first that matches counts. A host's name has no colon; a file's may have anything but a line's end.
const READERS: readonly Reader[] = [
  [/^alive$/, () => ({ kind: "alive" })],
  [/^\(dryrun\) \[(update|delete):(.*)\]$/, (g) => ({ kind: "preview", action: changed(g(1)), file: g(2) })],
  [
    /^(\(dryrun\) )?(update|delete) ([^\s:]+):(.*)$/,
    (g) => ({ kind: changed(g(2)), host: g(3), file: g(4), dryrun: g(1) !== "" }),
  ],
  [/^skip {3}([^\s:]+):(.*)$/, (g) => ({ kind: "skip", host: g(1), file: g(2) })],
  [/^skipro ([^\s:]+):(.*)$/, (g) => ({ kind: "skipro", host: g(1), file: g(2) })],
  [
    /^delete error \((.*?)\) ([^\s:]+):(.*)$/,
    (g) => ({ kind: "deleteError", text: g(1), host: g(2), file: g(3) }),
  ],
  [/^error: receive time out: ([^\s(]+)\(([^\s)]+)\)$/, (g) => ({ kind: "lost", address: g(1), host: g(2) })],
  [/^error: (.*?) ([^\s:]+):(\S.*)$/, (g) => ({ kind: "hostError", text: g(1), host: g(2), file: g(3) })],
  [/^error: (.*)$/, (g) => ({ kind: "error", text: g(1) })],
  [/^mexec: command error '(.*)'$/, (g) => ({ kind: "unknown", word: g(1) })],
  [
    /^([^\s:]+): (OK|NG) (.*)$/,
    (g) => ({ kind: "check", host: g(1), verdict: g(2) === "OK" ? "OK" : "NG", file: g(3) }),
  ],
  [/^(\S+) is not contained in members$/, (g) => ({ kind: "stranger", host: g(1) })],
];

/** What a result line says. */
export function parseResult(line: string): Result {
  for (const [pattern, make] of READERS) {
    const match = pattern.exec(line);
    if (match !== null) return make((index) => match[index] ?? "");
  }
  return { kind: "other", text: line };
}

/** The lowest verbosity at which such a line appears; `command` is the word that it answers. */
export function levelOf(result: Result, command: string): number | undefined {
  switch (result.kind) {
    case "update":
      return 1;
    case "delete":
      return command === "dsync" ? 0 : 1;
    case "check":
      return result.verdict === "NG" ? 0 : 1;
    case "skip":
      return 2;
    case "skipro":
      return 3;
    case "alive":
    case "other":
      return undefined;
    default:
      return 0;
  }
}

/** A line of `members`. */
export type Member = { readonly name: string; readonly address: string; readonly version: string };

/** The answer to `members`; `aligned` if every column starts at the same place in all lines. */
export type Members = {
  readonly members: readonly Member[];
  readonly total: number;
  readonly aligned: boolean;
};

/** Reads the answer to `members`; undefined if it is something else. */
export function parseMembers(lines: Answer): Members | undefined {
  const total = /^Total: (\d+) members$/.exec(lines.at(-1) ?? "");
  const rows = lines.slice(0, -1).map((line) => /^(\S+)( +)(\S+)( +)\(Ver(\d+\.\d+\.\d+)\)$/.exec(line));
  if (total === null || rows.includes(null)) return undefined;
  const members: Member[] = [];
  const columns = new Set<string>();
  for (const row of rows) {
    const [, name = "", gap = "", address = "", gap2 = "", version = ""] = row ?? [];
    members.push({ name, address, version });
    const second = name.length + gap.length;
    columns.add(`${second} ${second + address.length + gap2.length}`);
  }
  return { members, total: Number(total[1]), aligned: columns.size <= 1 };
}

/** One entry of `status`: what stands behind its colon, and the lines below it that are indented. */
export type StatusEntry = {
  readonly name: string;
  readonly value: string;
  readonly items: readonly string[];
};

/** Reads the answer to `status`; undefined if a line fits nowhere. */
export function parseStatus(lines: Answer): readonly StatusEntry[] | undefined {
  const entries: { name: string; value: string; items: string[] }[] = [];
  for (const line of lines) {
    if (line.startsWith("  ")) {
      const last = entries.at(-1);
      if (last === undefined) return undefined;
      last.items.push(line.slice(2));
      continue;
    }
    const match = /^([^:]+): ?(.*)$/.exec(line);
    if (match === null) return undefined;
    entries.push({ name: match[1] ?? "", value: match[2] ?? "", items: [] });
  }
  return entries;
}

function changed(word: string): "update" | "delete" {
  return word === "delete" ? "delete" : "update";
}
