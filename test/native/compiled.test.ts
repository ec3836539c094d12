import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A finished executable contains the shim and ISA-L, and loads both without leaving a file anywhere. */

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "makuosan-compiled-"));
  mkdirSync(join(directory, "tmp"));
});
afterAll(() => rmSync(directory, { recursive: true }));

test("it computes checksums with nothing of the build in reach, and the temporary directory stays empty", () => {
  const program = join(directory, "program");
  const entry = new URL("compiled-program.ts", import.meta.url).pathname;
  const build = Bun.spawnSync([process.execPath, "build", "--compile", entry, "--outfile", program]);
  expect(build.exitCode, build.stderr.toString()).toBe(0);
  const run = Bun.spawnSync([program], { cwd: directory, env: { TMPDIR: join(directory, "tmp") } });
  expect(run.stderr.toString()).toBe("");
  const said = JSON.parse(run.stdout.toString());
  expect(said.checksum).toBe("e3069283");
  expect(said.libraries.length).toBeGreaterThan(0);
  // Both shared objects came from memory.
  for (const library of said.libraries) expect(library).toStartWith("/memfd:makuosan");
  expect(readdirSync(join(directory, "tmp"))).toEqual([]);
}, 30_000);
