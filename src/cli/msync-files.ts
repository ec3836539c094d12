import { fstatSync, openSync, readFileSync } from "node:fs";
import { displayBytes, textToBytes } from "./display.ts";

/** What the command line names cannot be used; `message` says why, as bytes fit for a line. */
export class UnusableFile extends Error {}

const passwordBytesMax = 4096;

/** Permissions of those who are neither the owner nor of the group. */
const OTHERS_READ = 0o004;

/** The console's password: the first line of a file that others cannot read. Bytes. Throws `UnusableFile`. */
export function readPassword(path: string): string {
  const shown = displayBytes(path);
  const { bytes, mode } = readWhole(path);
  if ((mode & OTHERS_READ) !== 0)
    throw new UnusableFile(`password file ${shown} can be read by others: chmod o= ${shown}`);
  const [password = ""] = bytes.split(/\r?\n/, 1);
  if (password === "") throw new UnusableFile(`password file ${shown}: its first line is empty`);
  if (password.length > passwordBytesMax)
    throw new UnusableFile(`password file ${shown}: more than ${passwordBytesMax} bytes`);
  return password;
}

/** Lines of a file that are not empty; `-` is stdin. Bytes. Throws `UnusableFile`. */
export function readLines(path: string): string[] {
  const lines = readWhole(path).bytes.split("\n");
  return lines.map(withoutReturn).filter((line) => line !== "");
}

/** Commands of a script, those of stdin (`-`) as they come. Bytes. Throws `UnusableFile`, but for stdin. */
export function scriptLines(path: string): AsyncIterable<string> {
  return path === "-" ? stdinLines() : generate(readLines(path));
}

async function* generate(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
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

function readWhole(path: string): { readonly bytes: string; readonly mode: number } {
  try {
    const fd = path === "-" ? 0 : openSync(Buffer.from(path, "latin1"), "r");
    return { bytes: readFileSync(fd, "latin1"), mode: fstatSync(fd).mode };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UnusableFile(
      `cannot read ${displayBytes(path)}: ${displayBytes(textToBytes(code ?? message))}`,
    );
  }
}
