/** The progress line of a real push, on a real terminal, and its absence everywhere else. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Lab } from "./lab.ts";
import { faultsOf, Terminal } from "./progress.ts";
import { expectEqual, others, randomFile, SCENARIO_MS } from "./scenario.ts";

/** What is pushed, and a limit that makes it last some seconds. */
const MEBIBYTES = 96;
const RATE = ["-T", "400"];
const PUSH = { bytes: MEBIBYTES << 20, hosts: 4 };
const UPDATES = ["update host2:large", "update host3:large", "update host4:large", "update host5:large"];
const SUMMARY = /^101 MB in \d+(\.\d)? s, [\d.]+ MB\/s, /;

describe("the progress of a push to four hosts", () => {
  test(
    "on a terminal: at three moments; with a host that dies; with output to a file",
    async () => {
      await using lab = await Lab.create({ hosts: 5 });
      const host1 = lab.host(1);
      const daemons = await lab.startAll({ args: RATE });
      await randomFile(host1, "large", MEBIBYTES);
      const whole = new Terminal(host1, "exec msync -r -v");
      let before = 0;
      for (const percent of [5, 35, 65]) {
        const moment = await whole.progress(`${percent} %`, (progress) => progress.percent >= percent);
        expect(faultsOf(moment, PUSH)).toEqual([]);
        expect(moment.trouble).toBe("");
        expect(moment.sent).toBeGreaterThan(before);
        before = moment.sent;
      }
      expect(await whole.ended()).toBe(0);
      // The line is gone; what remains are the results, and one line about all of it.
      expect([...whole.rows.slice(0, -1)].sort()).toEqual(UPDATES);
      expect(whole.rows.at(-1)).toMatch(SUMMARY);
      expect(whole.rows.at(-1)).toEndWith("4 of 4 hosts");
      await expectEqual(host1, others(lab));

      await randomFile(host1, "large", MEBIBYTES);
      const broken = new Terminal(host1, "exec msync -r");
      await broken.progress("20 %", (progress) => progress.percent >= 20);
      daemons[4]?.killNow();
      const trouble = await broken.progress("trouble", (progress) => progress.trouble !== "");
      expect(trouble.trouble).toMatch(/^host5 (silent|lost)$/);
      expect(faultsOf(trouble, PUSH)).toEqual([]);
      expect(await broken.ended()).toBe(1);
      expect(broken.rows.slice(0, -1)).toEqual(["error: receive time out: 10.77.0.5(host5)"]);
      expect(broken.rows.at(-1)).toMatch(SUMMARY);
      expect(broken.rows.at(-1)).toEndWith("3 of 4 hosts");
      await expectEqual(host1, others(lab).slice(0, 3));

      await lab.host(5).daemon({ args: RATE });
      await lab.settled(lab.hosts);
      await randomFile(host1, "large", MEBIBYTES);
      const quiet = new Terminal(host1, "exec msync -r -v > /srv/out 2>&1");
      expect(await quiet.ended()).toBe(0);
      expect(quiet.raw).toBe("");
      expect(readFileSync(host1.path("/srv/out"), "latin1").split("\n").sort()).toEqual(["", ...UPDATES]);
      await expectEqual(host1, others(lab));
    },
    SCENARIO_MS,
  );
});
