import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { PushResult } from "./support.ts";

/** What the sender says of its own tree: problem and path. */
export function problems({ lines }: PushResult): string[] {
  return lines.flatMap((line) =>
    line.kind === "problem" ? [`${line.problem} ${Buffer.from(line.path).toString("latin1")}`] : [],
  );
}

/** Names that the sender says would change at the first host. */
export function updated({ lines }: PushResult, host = "host0"): string[] {
  return lines.flatMap((line) =>
    line.kind === "names" && line.host === host
      ? line.updated.map((path) => Buffer.from(path).toString())
      : [],
  );
}

/** Expects the best of outcomes at every receiver. */
export function expectAllCommitted(result: PushResult): void {
  expect(result.message).toBeUndefined();
  for (const { refused, failure, committed } of result.outcomes)
    expect({ refused, failure, committed }).toEqual({
      refused: undefined,
      failure: undefined,
      committed: true,
    });
}

/** Makes files of these contents, and the directories that they need. */
export function tree(base: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(base, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(`${base}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${base}/${path}`, content);
  }
}
