import { openSync, readFileSync } from "node:fs";
import { readSecret } from "../io/daemon-files.ts";
import { systemErrorText } from "../io/errno-text.ts";
import { StartFailure } from "../io/start-failure.ts";
import { displayBytes, displayText, textToBytes } from "./display.ts";
import { UnusableFile } from "./unusable-file.ts";

/** The files that msync's command line names. Loaded only if it names any. Paths are bytes, one character each. */

/** The console's password: the first line of a file that is nobody else's. Bytes. Throws `UnusableFile`. */
export function readPassword(path: string): string {
  try {
    return Buffer.from(readSecret(path, "password file")).toString("latin1");
  } catch (error) {
    if (!(error instanceof StartFailure)) throw error;
    throw new UnusableFile(textToBytes(displayText(error.message)));
  }
}

/** Lines of a file that are not empty; `-` is stdin. Bytes. Throws `UnusableFile`. */
export function readLines(path: string): string[] {
  return readWhole(path)
    .split("\n")
    .map(withoutReturn)
    .filter((line) => line !== "");
}

/** Commands of a script, those of stdin (`-`) as they come. Bytes. Throws `UnusableFile`, but for stdin. */
export function scriptLines(path: string): AsyncIterable<string> | Iterable<string> {
  return path === "-" ? stdinLines() : readLines(path);
}

async function* stdinLines(): AsyncGenerator<string> {
  let partial = "";
  for await (const chunk of Bun.stdin.stream()) {
    const lines = (partial + Buffer.from(chunk).toString("latin1")).split("\n");
    partial = lines.pop() ?? "";
    yield* lines.map(withoutReturn).filter((line) => line !== "");
  }
  if (partial !== "") yield withoutReturn(partial);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function readWhole(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : openSync(Buffer.from(path, "latin1"), "r"), "latin1");
  } catch (error) {
    throw new UnusableFile(
      `cannot read ${displayBytes(path)}: ${textToBytes(displayText(systemErrorText(error)))}`,
    );
  }
}
