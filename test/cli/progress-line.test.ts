import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatBytes,
  formatSeconds,
  type Progress,
  progressText,
  summaryText,
} from "../../src/cli/progress-line.ts";

type Host = Progress["last"]["hosts"][number];

const host = (name: string, state: Host["state"] = "live"): Host => ({
  host: name,
  state,
  doneBytes: 0,
  bytesPerSecond: 0,
});

function progress(
  last: Partial<Progress["last"]> = {},
  failed: readonly (readonly [string, string])[] = [],
): Progress {
  return {
    last: {
      phase: "content",
      sentBytes: 500_000_000,
      contentBytes: 2_000_000_000,
      bytesPerSecond: 250_000_000,
      hosts: [host("host2"), host("host3"), host("host4", "prepared"), host("host5", "ended")],
      ...last,
    },
    failed: new Map(failed),
  };
}

test("the whole line", () => {
  expect(progressText(progress(), 200)).toBe(
    "sending   25%  500 MB of 2.00 GB  250 MB/s  0:06 left  2/4 hosts",
  );
});

test("hosts in trouble are named, and are not done", () => {
  const silent = { hosts: [host("host2", "silent"), host("host3", "ended"), host("h\u00f6st", "prepared")] };
  expect(progressText(progress(silent, [["host3", "lost"]]), 200)).toBe(
    "sending   25%  500 MB of 2.00 GB  250 MB/s  0:06 left  1/3 hosts  ! host3 lost, host2 silent",
  );
  // One that was silent before it was lost is named once.
  expect(progressText(progress({ hosts: [host("host2", "silent")] }, [["host2", "lost"]]), 200)).toEndWith(
    "0/1 hosts  ! host2 lost",
  );
});

test("phases are words, and show what they know", () => {
  const early = { contentBytes: 0, sentBytes: 0, bytesPerSecond: 0 };
  expect(progressText(progress({ ...early, phase: "offer", hosts: [] }), 200)).toBe("asking");
  expect(progressText(progress({ ...early, phase: "manifest" }), 200)).toBe("comparing  2/4 hosts");
  expect(progressText(progress({ ...early, phase: "need" }), 200)).toBe("comparing  2/4 hosts");
  const late = { sentBytes: 2_000_000_000, bytesPerSecond: 0 };
  expect(progressText(progress({ ...late, phase: "prepare" }), 200)).toBe(
    "preparing  100%  2.00 GB of 2.00 GB  0 B/s  2/4 hosts",
  );
  expect(progressText(progress({ ...late, phase: "commit" }), 200)).toStartWith("committing  100%");
  expect(progressText(progress({ phase: "new\x1b" as "offer" }), 200)).toStartWith("new\\x1b  ");
});

describe("what does not fit", () => {
  test("goes in the order of its worth", () => {
    const at = (columns: number) => progressText(progress(), columns);
    expect(at(64)).toBe("sending   25%  500 MB of 2.00 GB  250 MB/s  0:06 left  2/4 hosts");
    expect(at(63)).toBe("sending   25%  250 MB/s  0:06 left  2/4 hosts");
    expect(at(44)).toBe("sending   25%  0:06 left  2/4 hosts");
    expect(at(34)).toBe("sending   25%  2/4 hosts");
    expect(at(23)).toBe("sending   25%");
    expect(at(12)).toBe("sending");
    expect(at(3)).toBe("sen");
    expect(at(0)).toBe("");
    // A character of two columns is left out if only one is left.
    expect(progressText(progress({}, [["\u56db", "lost"]]), 12)).toBe("sending  ! ");
  });

  test("of the hosts in trouble becomes a number", () => {
    const lost = Array.from({ length: 40 }, (_, i) => [`host${i}`, "lost"] as const);
    expect(progressText(progress({}, lost), 80)).toBe(
      "sending   25%  250 MB/s  0:06 left  0/4 hosts  ! host0 lost, host1 lost +38",
    );
  });

  test("is never written, whatever the names are", () => {
    const name = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string(),
      fc.constantFrom("四海", "e\u0301", "👩‍👩‍👧"),
    );
    const failures = fc.array(fc.tuple(name, fc.constantFrom("lost", "refused", "failed")));
    const bytes = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(fc.nat({ max: 120 }), failures, bytes, bytes, bytes, (columns, failed, sent, all, rate) => {
        const last = { sentBytes: sent, contentBytes: all, bytesPerSecond: rate };
        const text = progressText(progress(last, failed), columns);
        expect(Bun.stringWidth(text)).toBeLessThanOrEqual(columns);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(text).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      }),
    );
  });
});

test("the summary", () => {
  const summary = { bytes: 1_234_000_000, seconds: 4.12, hosts: 4, complete: 3 };
  expect(summaryText(summary)).toBe("1.23 GB in 4.1 s, 300 MB/s, 3 of 4 hosts");
  expect(summaryText({ ...summary, bytes: 0, seconds: 12.6, hosts: 1, complete: 1 })).toBe(
    "13 s, 1 of 1 host",
  );
  expect(summaryText({ ...summary, seconds: 0 })).toContain("in 0.0 s");
});

test("bytes have three digits", () => {
  const shown = [0, 999, 999.4, 1000, 9994, 9995, 99_949, 99_950, 999_499, 999_500, 1e15, 2e18].map(
    formatBytes,
  );
  expect(shown).toEqual([
    "0 B",
    "999 B",
    "999 B",
    "1.00 kB",
    "9.99 kB",
    "10.0 kB",
    "99.9 kB",
    "100 kB",
    "999 kB",
    "1.00 MB",
    "1.00 PB",
    "2000 PB",
  ]);
});

test("times", () => {
  expect([0, 0.1, 59, 60, 61.2, 3599.5, 3661].map(formatSeconds)).toEqual([
    "0:00",
    "0:01",
    "0:59",
    "1:00",
    "1:02",
    "1:00:00",
    "1:01:01",
  ]);
});
