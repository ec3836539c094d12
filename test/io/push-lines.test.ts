import { expect, test } from "bun:test";
import { Errno } from "../../src/disk/sys.ts";
import { failureText, toPushLine } from "../../src/io/push-lines.ts";
import { FailStep } from "../../src/wire/constants.ts";
import { freshKey } from "../disk/support.ts";

test.each([
  [FailStep.rename, Errno.EACCES, "cannot rename: Permission denied"],
  [FailStep.digest, 0, "wrong content"],
  [FailStep.remove, Errno.EBUSY, "cannot remove: Device or resource busy"],
  // Nothing is received below a mount point, or where an overlay's layers meet.
  [
    FailStep.compare,
    Errno.EXDEV,
    "cannot compare: Invalid cross-device link (another file system is mounted there)",
  ],
  // No system call failed: the limit that the owner has set was reached.
  [FailStep.remove, 0, "too many names to remove"],
] as const)("a failure in step %d with errno %d is told as %j", (step, errno, text) => {
  expect(failureText(step, errno)).toBe(text);
  const line = {
    kind: "failure",
    key: freshKey(),
    host: "h",
    path: Buffer.from("a\xff", "latin1"),
    step,
    errno,
  } as const;
  expect(toPushLine(line)).toEqual({ kind: "failure", host: "h", path: "a\xff", text });
});

test("what is left out on purpose is a notice, and a group that cannot be changed an error", () => {
  const text = (problem: "foreign" | "excluded" | "group") => {
    const line = toPushLine({ kind: "problem", key: freshKey(), path: Buffer.from("f"), problem, errno: 1 });
    return line.kind === "problem" ? line.text : line.kind;
  };
  expect(text("foreign")).toBe("skip: owned by another user:");
  expect(text("excluded")).toBe("skip: excluded:");
  expect(text("group")).toBe("error: cannot change the group (Operation not permitted):");
});
