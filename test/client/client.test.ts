/** The console of a daemon among four, as a client sees it that knows only its description. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { Lab } from "../lab/lab.ts";
import { must } from "../lab/run.ts";
import type { ConsoleClient } from "./console-client.ts";
import { place, Way } from "./rig.ts";
import { type Level, plant, plantLong, type Step, steps } from "./script.ts";

const LEVELS = [0, 1, 2, 3] as const;
const TEST_MS = 60_000;

let lab: Lab;
let way: Way;

beforeAll(async () => {
  lab = await Lab.create({ hosts: 4 });
  await Promise.all([
    lab.host(1).daemon(),
    lab.host(2).daemon(),
    lab.host(3).daemon({ args: ["-s"] }),
    lab.host(4).daemon({ args: ["-r"] }),
  ]);
  await lab.settled(lab.hosts);
  way = await Way.to(lab.host(1));
}, TEST_MS);

afterAll(async () => {
  await way?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
}, TEST_MS);

/** Reads the answers to these steps, which have been sent, and compares them. */
async function hear(client: ConsoleClient, expected: readonly Step[]): Promise<void> {
  for (const step of expected) {
    const answer = await client.next();
    if (step.read === undefined) continue;
    const got = step.read(answer);
    expect({ line: step.line, got }).toEqual({ line: step.line, got: step.expected });
  }
}

function text(given: readonly Step[], end = "\n"): string {
  return [...given.map((step) => step.line), "quit", "echo late"].map((line) => line + end).join("");
}

async function expectGone(client: ConsoleClient): Promise<void> {
  const farewell = await client.farewell();
  expect(client.unread).toBe(0);
  expect(farewell.lines).not.toContain("late");
}

/** What the steps have left behind on each host. */
function expectTree(folder: string): void {
  const read = (index: number, name: string) => {
    const path = `${lab.host(index).path()}/${folder}/${name}`;
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  };
  const names = ["fresh", "older", "two words", "kept.bak", "gone", "stray"];
  const seen = [2, 3, 4].map((index) => names.map((name) => read(index, name)));
  const received = ["fresh", "newer", "2", "another", undefined, undefined];
  expect(seen).toEqual([received, received, [undefined, "older", undefined, "another", "gone", "stray"]]);
}

describe("every command", () => {
  test.each(LEVELS)(
    "in one write, at level %d",
    async (level: Level) => {
      plant(lab.hosts, `level${level}`);
      using client = await way.connect();
      const all = steps(`level${level}`, level);
      client.write(text(all));
      await hear(client, all);
      await expectGone(client);
      expectTree(`level${level}`);
    },
    TEST_MS,
  );

  test(
    "byte by byte",
    async () => {
      plant(lab.hosts, "bytes");
      using client = await way.connect();
      const all = steps("bytes", 2);
      const sent = (async () => {
        for (const byte of text(all)) {
          client.write(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      await Promise.all([sent, hear(client, all)]);
      await expectGone(client);
      expectTree("bytes");
    },
    TEST_MS,
  );

  test(
    "with CR LF",
    async () => {
      plant(lab.hosts, "dos");
      using client = await way.connect();
      const all: Step[] = [
        ...steps("dos", 3),
        { line: "ec\rho\r inside\r", expected: ["inside"], read: (answer) => answer },
      ];
      client.write(text(all, "\r\n"));
      await hear(client, all);
      await expectGone(client);
      expectTree("dos");
    },
    TEST_MS,
  );

  test("from a console that never sends", async () => {
    place(lab.host(3), "never", { text: "never" });
    await using other = await Way.to(lab.host(3));
    using client = await other.connect();
    expect(await client.command("send never")).toEqual(["error: this server can't send"]);
    expect(await client.command("sync never")).toEqual(["error: this server can't send"]);
  });

  test.each(["quit", "exit", "bye"])("%s closes the connection", async (word) => {
    using client = await way.connect();
    client.write(`${word}\n`);
    await client.farewell();
  });

  test("send -g changes the group here and there", async () => {
    place(lab.host(1), "grouped", { text: "grouped" });
    using client = await way.connect();
    await client.command("loglevel 1");
    expect(await client.command("send -g www-data -t host2 grouped")).toEqual(["update host2:grouped"]);
    for (const index of [1, 2]) {
      const path = `${lab.host(index).path()}/grouped`;
      expect(await must(["stat", "--format", "%g", path])).toBe("33\n");
    }
  });

  test("a path of more than 1,024 bytes", async () => {
    const path = plantLong(lab.host(1));
    using client = await way.connect();
    await client.command("loglevel 1");
    expect(await client.command(`send -t host2 ${path}`)).toEqual([`update host2:${path}`]);
  });
});

describe("eight consoles at once", () => {
  // Pattern, and what it leaves of the tree.
  const NAMES = ["X/.hidden", "X/a.bak", "X/a.txt", "X/sub", "X/sub/b.bak", "X/sub/c"];
  const without = (...names: readonly string[]) => NAMES.filter((name) => !names.includes(name));
  const CASES: readonly (readonly [string, readonly string[]])[] = [
    ["*.bak", without("X/a.bak", "X/sub/b.bak")],
    ["X/*.bak", without("X/a.bak")],
    ["sub/?*", without("X/sub/b.bak", "X/sub/c")],
    ["a.txt/", NAMES],
    ["/X/a.txt", NAMES],
    ["srv/www/X/[ab].txt", without("X/a.txt")],
    ["?hidden", without("X/.hidden")],
    ["sub/*", without("X/sub", "X/sub/b.bak", "X/sub/c")],
  ];

  test(
    "each with its own excludes and verbosity",
    async () => {
      for (const name of NAMES) if (name !== "X/sub") place(lab.host(1), name, { text: name });
      const clients = await Promise.all(CASES.map(() => way.connect()));
      const shown = clients.map(async (client, i) => {
        const level = i % 2;
        client.write(`exclude add ${CASES[i]?.[0]}\nloglevel ${level}\nsend -r -n -t host2 X\nquit\n`);
        await client.next();
        await client.next();
        const marks = level === 0 ? /^\(dryrun\) \[update:(.+)\]$/ : /^\(dryrun\) update host2:(.+)$/;
        const names = (await client.next()).map((line) => marks.exec(line)?.[1] ?? line);
        return names.filter((name) => !/^X\/?$/.test(name)).sort();
      });
      const got = (await Promise.all(shown)).map((names, i) => [CASES[i]?.[0], names]);
      expect(got).toEqual(CASES.map(([pattern, names]) => [pattern, [...names]]));
      for (const client of clients) await client.farewell();
    },
    TEST_MS,
  );

  test(
    "each sends a tree of its own",
    async () => {
      const clients = await Promise.all(CASES.map(() => way.connect()));
      await Promise.all(
        clients.map(async (client, i) => {
          for (const name of ["1", "2"]) place(lab.host(1), `own${i}/${name}`, { text: name });
          client.write(`loglevel 1\nsend -r -t host3 own${i}\nquit\n`);
          await client.next();
          const lines = (await client.next()).filter((line) => !/own\d\/?$/.test(line));
          expect([...lines].sort()).toEqual([`update host3:own${i}/1`, `update host3:own${i}/2`]);
          await client.farewell();
        }),
      );
    },
    TEST_MS,
  );
});
