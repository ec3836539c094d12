import { expect, test } from "bun:test";
import { resolve } from "node:path";

const MEMORY = resolve(import.meta.dir, "../../src/io/memory.ts");

/** A process of its own, as it is the whole process that lets go: KiB of files that it has mapped before and after, and what it can still do. */
const PROGRAM = `
import { readFileSync } from "node:fs";
import { releaseProgram } from ${JSON.stringify(MEMORY)};
const mapped = () => Number(/^RssFile:\\s+(\\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
const before = mapped();
releaseProgram();
const after = mapped();
const text = JSON.stringify({ before, after, sorted: [3, 1, 2].sort(), zipped: Bun.gunzipSync(Bun.gzipSync("text")).length });
console.log(text);
`;

test("what the start has used of the program is let go, and what is used again comes back", async () => {
  const child = Bun.spawn([process.execPath, "-e", PROGRAM], { stdout: "pipe", stderr: "inherit" });
  const said = JSON.parse(await new Response(child.stdout).text());
  expect(await child.exited).toBe(0);
  expect(said).toMatchObject({ sorted: [1, 2, 3], zipped: 4 });
  expect(said.after).toBeLessThan(said.before / 2);
});
