import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { run } from "./daemon-fixture.ts";

test("every thread that has been started answers when it is asked whether it lives", async () => {
  const base = mkdtempSync(`${tmpdir()}/makuosan-threads-`);
  const program = new URL("threads-program.ts", import.meta.url).pathname;
  const { status, stdout, stderr } = await run([process.execPath, program, base]);
  rmSync(base, { recursive: true });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  // The source starts with the first push.
  expect(JSON.parse(stdout)).toEqual({ engine: true, stage: true, source: false });
});
