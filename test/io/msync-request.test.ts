/** What msync asks of the machine's console. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closing } from "./closing.ts";
import { openReplay, pushOf } from "./json-daemon.ts";
import { msync } from "./msync-fixture.ts";

const { later, opened } = closing();
const id = 1;

describe("the request", () => {
  const asked = async (...args: string[]) => {
    const daemon = opened(openReplay([{ event: "finished", id, ok: true, seconds: 0 }]));
    await msync(daemon.port, ...args);
    return pushOf(daemon);
  };
  const plain = {
    request: "push",
    id,
    paths: [],
    recursive: false,
    mode: "send",
    removes: "nothing",
    dryRun: false,
    excludes: [],
    files: false,
    progress: false,
  } as const;

  test("says what the command line says", async () => {
    expect(await asked("a", "b")).toEqual({ ...plain, paths: ["a", "b"] });
    expect(
      await asked(
        "-rn",
        "-t",
        "h2,h3",
        "-g",
        "web",
        "--delete",
        "--max-delete=5",
        "--exclude=*~",
        "--exclude",
        "tmp",
      ),
    ).toEqual({
      ...plain,
      recursive: true,
      dryRun: true,
      hosts: ["h2", "h3"],
      group: "web",
      removes: "extra",
      removesMax: 5,
      excludes: ["*~", "tmp"],
      files: true,
    });
    expect(await asked("--sync", "gone")).toEqual({ ...plain, paths: ["gone"], removes: "missing" });
    expect(await asked("--no-fsync", "x")).toEqual({ ...plain, paths: ["x"], fsync: false });
    expect(await asked("--check", "-r")).toEqual({ ...plain, recursive: true, mode: "check", files: true });
    expect(await asked("-v", "x")).toEqual({ ...plain, paths: ["x"], files: true });
    expect(await asked("--json", "x")).toEqual({ ...plain, paths: ["x"], files: true, progress: true });
    expect(await asked("--json", "--no-progress", "x")).toEqual({ ...plain, paths: ["x"], files: true });
  });

  test("carries names whatever bytes they have", async () => {
    const paths = ["with blank", "-dash", "tab\t", "line\nend", "back\\ slash", "%41", '"', "\xc3\xbc"];
    const { paths: got } = await asked("--", ...paths, "\xff/x");
    expect(got).toEqual([
      ...paths.slice(0, -1),
      "ü",
      { base64: Buffer.from([0xff, 0x2f, 0x78]).toString("base64") },
    ]);
  });

  test("carries the patterns of files, without empty lines", async () => {
    const folder = mkdtempSync(join(tmpdir(), "msync-"));
    later(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "patterns");
    writeFileSync(file, "*.o\n\n# not special\r\nlast");
    const { excludes } = await asked("-r", "--exclude=first", `--exclude-from=${file}`);
    expect(excludes).toEqual(["first", "*.o", "# not special", "last"]);
    const missing = await msync(1, "-r", `--exclude-from=${file}x`);
    expect(missing).toEqual({
      status: 2,
      stdout: [],
      stderr: [`msync: cannot read ${file}x: No such file or directory`],
    });
  });
});
