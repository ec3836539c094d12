/** Two hundred consoles at once, and some that do not read; and how much memory it takes to tell names. */
import { describe, expect, test } from "bun:test";
import {
  consoleLab,
  DeafConsoles,
  GROWTH_MAX,
  load,
  longNames,
  noMoreDescriptors,
  unequal,
  usageOf,
} from "./consoles.ts";
import { others, push, SCENARIO_MS } from "./scenario.ts";

/** The environment's MAKUOSAN_LAB_CONSOLE_SECONDS makes it longer; `test/bench/consoles.ts` takes 60. */
const SECONDS = Number(process.env.MAKUOSAN_LAB_CONSOLE_SECONDS ?? 10);
/** Questions of a console that does not read: their answers would be some 40 MB. */
const QUESTIONS = 20_000;
/** What a push of them tells at level 2 is 16 MB. */
const FILES = 4_000;

/** What a push of so many tells is 24 MB; what that may cost, in bytes. */
const NAMED = 6_000;
const NAMES_GROWTH_MAX = 256 << 20;

describe("one console", () => {
  test(
    "names that are told and read take little memory, how often soever",
    async () => {
      const { lab, daemon } = await consoleLab();
      await using _ = lab;
      const host1 = lab.host(1);
      longNames(host1, NAMED);
      await push(host1, ["-r"]);
      const before = usageOf(daemon);
      for (let round = 0; round < 3; round++) {
        const { stdout } = await push(host1, ["-r", "-n", "-vv"]);
        expect(stdout.split("\n").length).toBeGreaterThan(4 * NAMED);
      }
      expect(usageOf(daemon).most - before.resident).toBeLessThan(NAMES_GROWTH_MAX);
    },
    SCENARIO_MS,
  );
});

describe("200 consoles", () => {
  test(
    "no wrong answer, memory and descriptors bounded, whoever does not read",
    async () => {
      const { lab, daemon } = await consoleLab();
      await using _ = lab;
      const host1 = lab.host(1);
      longNames(host1, FILES);
      await push(host1, ["-r"]);
      const before = usageOf(daemon);
      {
        using deaf = await DeafConsoles.open(host1, { questions: QUESTIONS, pushers: 2 });
        const report = await load(host1, others(lab), SECONDS);
        expect(report.wrong).toEqual([]);
        for (const count of [report.members, report.statuses, report.pushes])
          expect(count).toBeGreaterThan(200);
        // What was kept for those that did not read is right, to the end.
        const heard = await deaf.listen();
        for (const talker of heard.talkers) expect(talker).toEqual({ answers: QUESTIONS, different: 1 });
        for (const pusher of heard.pushers) expect(pusher?.end).toBe("> the end\n> ");
        for (const pusher of heard.pushers) expect(pusher?.lines).toBeGreaterThanOrEqual(4 * FILES);
      }
      await noMoreDescriptors(daemon, before.descriptors);
      expect(usageOf(daemon).most - before.resident).toBeLessThan(GROWTH_MAX);
      // Of the directory that all of them pushed into, only a push of the whole brings the time.
      await push(host1, ["-r"]);
      expect(await unequal(lab)).toEqual([]);
    },
    SCENARIO_MS,
  );
});
