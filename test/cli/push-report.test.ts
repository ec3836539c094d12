import { expect, test } from "bun:test";
import { PushReport, type Shown } from "../../src/cli/push-report.ts";
import type { Outcome } from "../../src/engine/ports.ts";
import { parseIp } from "../../src/io/ip.ts";
import type { PushLine } from "../../src/io/push-lines.ts";

type Step =
  | { line: PushLine }
  | { outcome: Outcome; host?: string }
  | { removals: string[]; host?: string }
  | { readOnly: string[] }
  | { need: number; host?: string }
  | { ended: string | undefined };

function report(
  shown: { level: number; dryRun?: boolean; verb?: Shown["verb"]; removesMax?: number },
  ...steps: Step[]
): string[] {
  const lines: string[] = [];
  const { level, dryRun = false, verb = "send", removesMax } = shown;
  const pushReport = new PushReport({ level, dryRun, verb, removesMax }, (line) => lines.push(line));
  for (const step of steps) {
    if ("line" in step) pushReport.line(step.line);
    else if ("outcome" in step)
      pushReport.outcome(step.host ?? "host2", { ip: parseIp("10.0.0.2"), port: 9 }, step.outcome);
    else if ("removals" in step)
      pushReport.removals(
        step.host ?? "host2",
        step.removals.map((path) => new Uint8Array(Buffer.from(path, "latin1"))),
      );
    else if ("need" in step) pushReport.need(step.host ?? "host2", 1, step.need);
    else if ("readOnly" in step) pushReport.started(["host2"], step.readOnly);
    else pushReport.ended(step.ended);
  }
  return lines;
}

const names = (host: string, updated: string[], skipped: string[] = []): Step => ({
  line: { kind: "names", host, updated, skipped },
});
const over: Step = { ended: undefined };

test("which pushes want a line for each entry and host", () => {
  const wants = (verb: Shown["verb"], level: number, dryRun: boolean) =>
    new PushReport({ verb, level, dryRun, removesMax: undefined }, () => {}).wantsNames;
  for (const verb of ["send", "sync"] as const) {
    expect([wants(verb, 0, false), wants(verb, 0, true)]).toEqual([false, true]);
    expect([wants(verb, 1, false), wants(verb, 2, true)]).toEqual([true, true]);
  }
  expect([wants("dsync", 0, false), wants("check", 0, false)]).toEqual([true, true]);
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

test("a dsync tells its removals at every level, host by host, and nothing else of the tree", () => {
  const steps: Step[] = [
    names("host2", ["x"], ["y"]),
    { removals: ["a", "d/b"] },
    { removals: ["a"], host: "h\u00f6st" },
    over,
  ];
  const lines = ["delete host2:a", "delete host2:d/b", "delete h\xc3\xb6st:a"];
  for (const level of [0, 1, 3]) {
    expect(report({ level, verb: "dsync" }, ...steps)).toEqual(lines);
    expect(report({ level, verb: "dsync", dryRun: true }, ...steps)).toEqual(
      lines.map((line) => `(dryrun) ${line}`),
    );
  }
});

test("other pushes tell their removals from level 1 on; a dry run at level 0 each name once", () => {
  for (const verb of ["send", "sync"] as const) {
    const steps: Step[] = [{ removals: ["a", "b\n"] }, { removals: ["b\n", "c"], host: "host3" }, over];
    expect(report({ level: 0, verb }, ...steps)).toEqual([]);
    expect(report({ level: 0, verb, dryRun: true }, ...steps)).toEqual([
      "(dryrun) [delete:a]",
      "(dryrun) [delete:b\\n]",
      "(dryrun) [delete:c]",
    ]);
    const lines = ["delete host2:a", "delete host2:b\\n", "delete host3:b\\n", "delete host3:c"];
    expect(report({ level: 1, verb }, ...steps)).toEqual(lines);
    expect(report({ level: 1, verb, dryRun: true }, ...steps)).toEqual(
      lines.map((line) => `(dryrun) ${line}`),
    );
  }
  // A name that changes at one host and goes at another is both.
  expect(
    report({ level: 0, dryRun: true }, names("host2", ["a"]), { removals: ["a"], host: "host3" }),
  ).toEqual(["(dryrun) [update:a]", "(dryrun) [delete:a]"]);
});

test("a dsync that cannot remove says where and why, and that the host has failed", () => {
  const failed: Step = { outcome: { kind: "failed", text: "cannot remove (errno 13)" } };
  const line: Step = {
    line: { kind: "failure", host: "host2", path: "d/a", text: "cannot remove: Permission denied" },
  };
  expect(report({ level: 0, verb: "dsync" }, line, failed, over)).toEqual([
    "delete error (Permission denied) host2:d/a",
    "error: cannot remove (errno 13): 10.0.0.2(host2)",
  ]);
  expect(report({ level: 0, verb: "sync" }, line, failed, over)).toEqual([
    "error: cannot remove: Permission denied host2:d/a",
  ]);
  const many: Step = {
    line: { kind: "failure", host: "host2", path: undefined, text: "too many names to remove" },
  };
  expect(report({ level: 0, verb: "dsync" }, many, failed, over)).toEqual([
    "error: too many names to remove host2",
  ]);
});

test("a host that would remove too many names says how many", () => {
  const steps: Step[] = [
    { need: 1, host: "host3" },
    { need: 2 },
    { line: { kind: "failure", host: "host3", path: "x", text: "cannot stage: No space left on device" } },
    { line: { kind: "failure", host: "host2", path: undefined, text: "too many names to remove" } },
    over,
  ];
  const other = "error: cannot stage: No space left on device host3:x";
  expect(report({ level: 1, removesMax: 1 }, ...steps)).toEqual([
    other,
    "error: too many names to remove (2, at most 1) host2",
  ]);
});

test("a check tells what differs, and from level 1 on what does not", () => {
  const both = names("host2", ["a", "b\n"], ["c"]);
  expect(report({ level: 0, verb: "check" }, both, over)).toEqual(["host2: NG a", "host2: NG b\\n"]);
  for (const level of [1, 2])
    expect(report({ level, verb: "check" }, both, over)).toEqual([
      "host2: NG a",
      "host2: NG b\\n",
      "host2: OK c",
    ]);
});

test("entries of hosts that do not receive are told from level 3 on, as that", () => {
  const steps: Step[] = [
    { readOnly: ["host8", "h\u00f6st"] },
    names("host8", [], ["a\n", "b"]),
    names("host2", ["b"], ["a\n"]),
    names("h\u00f6st", [], ["b"]),
    over,
  ];
  expect(report({ level: 3 }, ...steps)).toEqual([
    "skipro host8:a\\n",
    "skipro host8:b",
    "update host2:b",
    "skip   host2:a\\n",
    "skipro h\xc3\xb6st:b",
  ]);
  expect(report({ level: 2 }, ...steps)).toEqual(["update host2:b", "skip   host2:a\\n"]);
  expect(report({ level: 3, verb: "dsync" }, ...steps)).toEqual([]);
});

test("one name is one line, and bytes that are not UTF-8 stay", () => {
  expect(report({ level: 1 }, names("h\u00f6st", ["a\nb\x1b[2J\\", "\xff\xc3\xbc", "\xc2\x9b1m"]))).toEqual([
    "update h\xc3\xb6st:a\\nb\\x1b[2J\\",
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
