import { expect, test } from "bun:test";
import { stageLine } from "../../src/io/stage-log.ts";
import { FailStep } from "../../src/wire/constants.ts";
import type { DiskFailure } from "../../src/wire/disk-port.ts";
import { keyOf } from "./console-fixture.ts";

const key = keyOf(0x1f);
const failure: DiskFailure = { entry: undefined, errno: 28, step: FailStep.write, path: undefined };

test("a failure is always in the log, with its reason and the name to blame", () => {
  const named = { ...failure, path: new TextEncoder().encode("d/ü") };
  expect(stageLine({ kind: "failed", key, failure })).toEqual({
    level: 0,
    text: expect.stringMatching(/^push [0-9a-f]+\/\d+ failed here: cannot write: No space left on device$/),
  });
  expect(stageLine({ kind: "failed", key, failure: named })?.text).toEndWith("left on device: d/ü");
});
