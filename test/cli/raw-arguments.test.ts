import { expect, test } from "bun:test";

/** What msync says of these arguments, from a checkout, where there is no daemon. */
function said(...args: readonly string[]): string {
  const program = `${import.meta.dir}/../../src/msync.ts`;
  const run = Bun.spawnSync([process.execPath, program, ...args], {
    env: { ...process.env, MSYNC_TARGET: "unix:/nonexistent" },
  });
  return `${run.exitCode} ${run.stdout}${run.stderr}`;
}

test("what follows -- is a path, also when that comes first", () => {
  expect(said("--version")).toMatch(/^0 msync /);
  expect(said("-r", "--", "--version")).toMatch(/^1 error: no makuosan at unix:\/nonexistent/);
  expect(said("--", "--version")).toMatch(/^1 error: no makuosan at unix:\/nonexistent/);
});
