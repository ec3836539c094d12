/** The moment of the switch, seen by those who read the tree meanwhile. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { Lab } from "./lab.ts";
import { expectEqual, others, push, randomFile, SCENARIO_MS } from "./scenario.ts";

const FILES = 200;

describe("a push that replaces a tree", () => {
  test(
    "every file is old or new at every moment, never missing, never mixed",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      const host1 = lab.host(1);
      await lab.startAll();
      const write = (letter: string, size: number): void => {
        mkdirSync(`${host1.path()}/t`, { recursive: true });
        for (let i = 0; i < FILES; i++) writeFileSync(`${host1.path()}/t/${i}`, letter.repeat(size));
      };
      write("o", 20_000);
      await push(host1, ["-r"]);

      const readers = others(lab).map((host) => {
        const script = `${import.meta.dir}/tree-reader.ts`;
        const argv = [process.execPath, script, `${host.base}/t`, String(FILES)];
        return Bun.spawn(host.namespace.command(argv), { stdout: "pipe" }).stdout.getReader();
      });
      await Promise.all(readers.map((reader) => reader.read()));
      write("n", 30_000);
      await randomFile(host1, "large", 16);
      await push(host1, ["-r"]);
      for (const reader of readers) {
        const counts = JSON.parse(new TextDecoder().decode((await reader.read()).value));
        expect(counts).toMatchObject({ missing: 0, mixed: 0 });
        // It was there before, and it saw the end.
        expect(counts.old).toBeGreaterThan(FILES);
        expect(counts.new).toBeGreaterThanOrEqual(FILES);
      }
      await expectEqual(host1, others(lab));
    },
    SCENARIO_MS,
  );
});
