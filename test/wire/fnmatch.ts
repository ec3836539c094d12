import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The C library's fnmatch(3), FNM_PATHNAME, locale "C". */

const FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wpedantic", "-Werror"];

/** Whether each pattern matches its text, both Latin-1. */
export function fnmatch(pairs: readonly (readonly [pattern: string, text: string])[]): boolean[] {
  const folder = mkdtempSync(join(tmpdir(), "fnmatch-"));
  try {
    const program = join(folder, "fnmatch");
    run([process.env.CC ?? "cc", ...FLAGS, "-o", program, join(import.meta.dir, "fnmatch.c")], "");
    const lines = pairs.map((pair) => pair.map((text) => `.${toHex(text)}`).join(" "));
    const answers = run([program], `${lines.join("\n")}\n`);
    if (answers.length !== pairs.length) throw new Error(`${answers.length} answers`);
    return Array.from(answers, (answer) => answer === "1");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toHex(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

function run(command: string[], input: string): string {
  const { stdout, stderr, success } = Bun.spawnSync(command, { stdin: Buffer.from(input) });
  if (!success) throw new Error(`${command[0]}: ${stderr}`);
  return stdout.toString();
}
