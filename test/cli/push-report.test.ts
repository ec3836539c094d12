import { expect, test } from "bun:test";
import { PushReport } from "../../src/cli/push-report.ts";
import type { Outcome } from "../../src/engine/ports.ts";
import { parseIp } from "../../src/io/interfaces.ts";
import type { PushLine } from "../../src/io/push-lines.ts";

type Step = { line: PushLine } | { outcome: Outcome; host?: string } | { ended: string | undefined };

function report(shown: { level: number; dryRun?: boolean }, ...steps: Step[]): string[] {
  const lines: string[] = [];
  const pushReport = new PushReport({ level: shown.level, dryRun: shown.dryRun ?? false }, (line) =>
    lines.push(line),
  );
  for (const step of steps) {
    if ("line" in step) pushReport.line(step.line);
    else if ("outcome" in step)
      pushReport.outcome(step.host ?? "host2", { ip: parseIp("10.0.0.2"), port: 9 }, step.outcome);
    else pushReport.ended(step.ended);
  }
  return lines;
}

const names = (host: string, updated: string[], skipped: string[] = []): Step => ({
  line: { kind: "names", host, updated, skipped },
});
const over: Step = { ended: undefined };

test("which levels want a line for each entry and host", () => {
  const wants = (level: number, dryRun: boolean) => new PushReport({ level, dryRun }, () => {}).wantsNames;
  expect([wants(0, false), wants(0, true), wants(1, false), wants(2, true)]).toEqual([
    false,
    true,
    true,
    true,
  ]);
});

test("updates and skips, by level", () => {
  const both = names("host2", ["a", "d/b"], ["c"]);
  expect(report({ level: 0 }, both, over)).toEqual([]);
  expect(report({ level: 1 }, both, over)).toEqual(["update host2:a", "update host2:d/b"]);
  expect(report({ level: 2 }, both, over)).toEqual(["update host2:a", "update host2:d/b", "skip   host2:c"]);
});

test("a dry run names each file once at level 0, and each host's from 1 on", () => {
  const steps = [names("host2", ["a", "b"], ["c"]), names("host3", ["b", "d"]), over];
  expect(report({ level: 0, dryRun: true }, ...steps)).toEqual([
    "(dryrun) [update:a]",
    "(dryrun) [update:b]",
    "(dryrun) [update:d]",
  ]);
  expect(report({ level: 1, dryRun: true }, ...steps)).toEqual([
    "(dryrun) update host2:a",
    "(dryrun) update host2:b",
    "(dryrun) update host3:b",
    "(dryrun) update host3:d",
  ]);
  expect(report({ level: 2, dryRun: true }, ...steps)).toContain("skip   host2:c");
});

test("one name is one line, and bytes that are not UTF-8 stay", () => {
  expect(report({ level: 1 }, names("h\u00f6st", ["a\nb\x1b[2J\\", "\xff\xc3\xbc", "\xc2\x9b1m"]))).toEqual([
    "update h\xc3\xb6st:a\\nb\\x1b[2J\\\\",
    "update h\xc3\xb6st:\xff\xc3\xbc",
    "update h\xc3\xb6st:\\xc2\\x9b1m",
  ]);
});

test("a complete host says nothing; a lost or refusing one is named at once", () => {
  expect(report({ level: 0 }, { outcome: { kind: "complete", updates: 3 } }, over)).toEqual([]);
  for (const text of ["receive time out", "has left", "no answer to the offer"]) {
    expect(report({ level: 0 }, { outcome: { kind: "lost", text } })).toEqual([
      "error: receive time out: 10.0.0.2(host2)",
    ]);
  }
  expect(report({ level: 0 }, { outcome: { kind: "refused", text: "read only" } })).toEqual([
    "error: read only: 10.0.0.2(host2)",
  ]);
});

test("a failed host is named once, with the file if that is known, whichever comes first", () => {
  const failed: Step = { outcome: { kind: "failed", text: "cannot write (errno 28)" } };
  const text = "cannot write: No space left on device";
  const explained: Step = { line: { kind: "failure", host: "host2", path: "d/a\nb", text } };
  const expected = [`error: ${text} host2:d/a\\nb`];
  expect(report({ level: 0 }, failed, explained, over)).toEqual(expected);
  expect(report({ level: 0 }, explained, failed, over)).toEqual(expected);
  expect(report({ level: 0 }, failed, over)).toEqual(["error: cannot write (errno 28): 10.0.0.2(host2)"]);
  expect(
    report({ level: 0 }, { line: { kind: "failure", host: "host2", path: undefined, text } }, failed, over),
  ).toEqual([`error: ${text} host2`]);
  // Another host's explanation is not this one's.
  expect(report({ level: 0 }, { ...failed, host: "host3" }, explained, over)).toContain(
    "error: cannot write (errno 28): 10.0.0.2(host3)",
  );
});

test("the sender's own trouble is an error, what it leaves out on purpose a notice", () => {
  const unreadable: Step = {
    line: { kind: "problem", path: "x", text: "error: cannot read (Permission denied):" },
  };
  const socket: Step = { line: { kind: "problem", path: "s", text: "skip: unix domain socket" } };
  expect(report({ level: 0 }, unreadable, socket)).toEqual(["error: cannot read (Permission denied): x"]);
  expect(report({ level: 1 }, unreadable, socket)).toEqual([
    "error: cannot read (Permission denied): x",
    "skip: unix domain socket s",
  ]);
});

test("why there was no push", () => {
  expect(report({ level: 0 }, { ended: "no other makuosan is alive on 224.0.0.108:5000\n" })).toEqual([
    "error: no other makuosan is alive on 224.0.0.108:5000\\n",
  ]);
  expect(report({ level: 0 }, { ended: "h\u00f6st9 is not contained in members" })).toEqual([
    "h\xc3\xb6st9 is not contained in members",
  ]);
});
