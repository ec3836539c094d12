import { expect, test } from "bun:test";
import { setProcessName } from "../../src/io/shim.ts";

const unknown = { kind: "failed", errno: 2 };

test("privileges go in every thread, names and numbers are looked up, the process has its name", () => {
  const run = Bun.spawnSync([process.execPath, new URL("drop-program.ts", import.meta.url).pathname]);
  expect(run.stderr.toString()).toBe("");
  const said = JSON.parse(run.stdout.toString());
  expect(said).toMatchObject({
    name: "drop-program-na",
    root: { uid: 0, gid: 0 },
    number: { uid: 4_000_000_000 },
    tooLarge: unknown,
    nobody: unknown,
    group: { gid: 0 },
    noGroup: unknown,
  });
  expect(said.threads).toBeGreaterThan(1);
  expect(said.different).toHaveLength(1);
  if (process.geteuid?.() === 0) {
    expect(said.failed).toBeUndefined();
    const uid = "65534\t65534\t65534\t65534";
    const gid = "65533\t65533\t65533\t65533";
    expect(said.different).toEqual([`${uid} | ${gid} | 65531 65532 | 0000000000000000`]);
  } else {
    expect(said.failed).toEqual({ kind: "failed", errno: 1 });
  }
});

test("a name that is none is not set", () => {
  expect(() => setProcessName("a\0b")).toThrow("process name");
});
