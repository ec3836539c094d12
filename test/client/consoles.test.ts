/** The console's connection: passwords, sockets, ends at the wrong moment, lines of any length, and a host that is lost. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import type { Daemon } from "../lab/daemon.ts";
import { Lab } from "../lab/lab.ts";
import { until } from "../lab/run.ts";
import { parseMembers, parseResult, parseStatus } from "./answers.ts";
import { place, quiet, UnixDaemon, Way } from "./rig.ts";

const TEST_MS = 60_000;
const PASSWORD = "correct horse";
/** Enough for some seconds at the rate limit of host1. */
const LONG_SEND_BYTES = 3 << 20;

let lab: Lab;
let way: Way;
let guarded: Way;
let receiver: Daemon;

beforeAll(async () => {
  lab = await Lab.create({ hosts: 4 });
  const [host1, ...others] = lab.hosts;
  if (host1 === undefined) throw new Error("no host");
  writeFileSync(host1.path("/srv/password"), `${PASSWORD}\n`, { mode: 0o600 });
  mkdirSync(host1.path("/srv/guarded"));
  const [, first] = await Promise.all([
    host1.daemon({ args: ["-T", "8"] }),
    ...others.map((host) => host.daemon()),
    host1.daemon({ base: "/srv/guarded", args: ["-p", "5001", "-K", "/srv/password"], port: 5001 }),
  ]);
  if (first === undefined) throw new Error("no receiver");
  receiver = first;
  await lab.settled(lab.hosts);
  way = await Way.to(host1);
  guarded = await Way.to(host1, 5001);
}, TEST_MS);

afterAll(async () => {
  await way?.[Symbol.asyncDispose]();
  await guarded?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
}, TEST_MS);

describe("a password", () => {
  test("the right one opens the console", async () => {
    using client = await guarded.connect();
    expect(await client.greeting()).toBe("question");
    expect(await client.password(PASSWORD)).toBe("admitted");
    expect(await client.command("echo inside")).toEqual(["inside"]);
  });

  test("the right one with CR LF, and commands in the same write", async () => {
    using client = await guarded.connect();
    client.write(`${PASSWORD}\r\necho one\r\necho two\r\nquit\r\n`);
    expect(await client.next()).toEqual(["one"]);
    expect(await client.next()).toEqual(["two"]);
    await client.farewell();
  });

  test("wrong ones are told so, and nothing is done", async () => {
    const wrong = ["wrong", "", "correct hors", "correct horse battery", "CORRECT HORSE", "x".repeat(5_000)];
    await Promise.all(
      wrong.map(async (word) => {
        using client = await guarded.connect();
        expect(await client.greeting()).toBe("question");
        client.write(`${word}\necho inside\n`);
        expect(await client.farewell()).toEqual({ lines: ["sorry."], rest: "" });
      }),
    );
  });

  test("nobody asks where there is none", async () => {
    using client = await way.connect();
    expect(await client.greeting()).toBe("prompt");
  });
});

describe("a unix socket", () => {
  const SOCKET = "/srv/console";

  test(
    "answers as TCP does, belongs to user and group, and a stale one is replaced",
    async () => {
      const host = lab.host(2);
      await host.shell("mkdir /srv/unix && chown www-data:www-data /srv/unix");
      const args = ["-b", "/srv/unix", "-p", "5002", "-u", "www-data", "-g", "www-data"];
      {
        await using daemon = await UnixDaemon.start(host, SOCKET, args);
        const { mode, uid, gid } = statSync(host.path(SOCKET));
        expect({ mode: mode & 0o777, uid, gid }).toEqual({ mode: 0o660, uid: 33, gid: 33 });
        using client = await daemon.connect();
        client.write("echo a\nxyzzy\nmembers\nstatus\nquit\n");
        expect(await client.next()).toEqual(["a"]);
        expect(await client.next()).toEqual(["mexec: command error 'xyzzy'"]);
        expect(await client.next()).toEqual(["Total: 0 members"]);
        expect(await client.next()).toContain("basedir : /srv/unix/");
        await client.farewell();

        mkdirSync(host.path("/srv/second"));
        const second = ["-n", "-b", "/srv/second", "-p", "5003", "-U", SOCKET];
        expect((await host.makuosan(second)).status).not.toBe(0);
        using again = await daemon.connect();
        expect(await again.command("echo still here")).toHaveLength(1);
      }
      expect(existsSync(host.path(SOCKET))).toBe(true);
      await using daemon = await UnixDaemon.start(host, SOCKET, args);
      using client = await daemon.connect();
      expect(await client.command("echo b")).toEqual(["b"]);
    },
    TEST_MS,
  );
});

describe("another group on the same hosts", () => {
  test(
    "members of names of any length are aligned and sorted; a chroot is shown as such",
    async () => {
      const names = ["host2", "a-rather-long-name", "zz"];
      const hosts = lab.hosts.slice(1);
      await Promise.all(
        hosts.map(async (host, i) => {
          await host.shell(`mkdir /srv/named && hostname ${names[i]}`);
          await host.daemon({
            base: "/srv/named",
            args: ["-p", "5004", ...(i === 0 ? ["-c"] : [])],
            port: 5004,
          });
          await host.shell(`hostname ${host.name}`);
        }),
      );
      await using named = await Way.to(lab.host(2), 5004);
      using client = await named.connect();
      const found = await until("two members", async () => {
        const members = parseMembers(await client.command("members"));
        return members?.total === 2 ? members : undefined;
      });
      const version = found.members[0]?.version ?? "";
      expect(found).toEqual({
        members: [
          { name: "a-rather-long-name", address: lab.host(3).address, version },
          { name: "zz", address: lab.host(4).address, version },
        ],
        total: 2,
        aligned: true,
      });
      const status = await client.command("status");
      const bases = status.filter((line) => /^(basedir|chroot)/.test(line));
      expect(bases).toEqual([expect.stringMatching(/^chroot {2}: /)]);
    },
    TEST_MS,
  );
});

describe("lines", () => {
  test("an unfinished one is not obeyed before its end", async () => {
    using client = await way.connect();
    expect(await client.greeting()).toBe("prompt");
    client.write("echo unfin");
    await quiet();
    expect({ unread: client.unread, pending: client.pending }).toEqual({
      unread: 0,
      pending: { lines: [], rest: "" },
    });
    client.write("ished\n");
    expect(await client.next()).toEqual(["unfinished"]);
  });

  test("a long word is echoed", async () => {
    using client = await way.connect();
    const word = "x".repeat(100_000);
    expect(await client.command(`echo ${word}`)).toEqual([word]);
  });

  test("a thousand commands in one write", async () => {
    using client = await way.connect();
    const words = Array.from({ length: 1_000 }, (_, i) => `word${i}`);
    client.write(words.map((word) => `echo ${word}\n`).join(""));
    for (const word of words) expect(await client.next()).toEqual([word]);
  });

  test.each([
    ["16 MiB without an end", "x".repeat(16 << 20)],
    ["16 MiB and an end", `echo ${"x".repeat(16 << 20)}\n`],
    ["bytes of no alphabet", "\0\x01\x7f\xff \\\n\\\\\n\\"],
  ])("%s do the other consoles no harm", async (_, text) => {
    using other = await way.connect();
    using client = await way.connect();
    await client.greeting();
    client.write(text);
    expect(await other.command("echo before")).toEqual(["before"]);
    await quiet();
    client.destroy();
    expect(await other.command("echo after")).toEqual(["after"]);
    using third = await way.connect();
    expect(await third.command("echo third")).toEqual(["third"]);
  });
});

function plantBig(name: string): void {
  const bytes = new Uint8Array(LONG_SEND_BYTES);
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  place(lab.host(1), name, { text: bytes });
}

function arrived(name: string): boolean[] {
  return lab.hosts.slice(1).map((host) => existsSync(`${host.path()}/${name}`));
}

/** A count that `status` shows to another console. */
async function count(name: string): Promise<number> {
  using client = await way.connect();
  const entry = parseStatus(await client.command("status"))?.find((found) => found.name.trim() === name);
  if (entry === undefined) throw new Error(`status shows no ${name}`);
  expect(entry.items).toHaveLength(Number(entry.value));
  return Number(entry.value);
}

describe("a long send", () => {
  test(
    "is alive once a second, if that is wanted; the next commands wait",
    async () => {
      plantBig("one");
      using client = await way.connect();
      const started = performance.now();
      client.write("loglevel 1\nalive on\nsend one\nalive off\nsend -r -n -t host2\necho end\nquit\n");
      for (let i = 0; i < 2; i++) await client.next();
      const idle = await count("command");
      expect(await count("send op")).toBeGreaterThan(0);
      expect(idle).toBeGreaterThan(0);
      const lines = await client.next();
      const seconds = (performance.now() - started) / 1000;
      const alive = lines.filter((line) => parseResult(line).kind === "alive").length;
      expect(alive).toBeGreaterThanOrEqual(2);
      expect(Math.abs(alive - seconds)).toBeLessThan(1.5);
      expect(lines.filter((line) => line !== "alive").sort()).toEqual(
        ["host2", "host3", "host4"].map((host) => `update ${host}:one`),
      );
      for (let i = 0; i < 2; i++) expect(await client.next()).not.toContain("alive");
      expect(await client.next()).toEqual(["end"]);
      await client.farewell();
      expect(arrived("one")).toEqual([true, true, true]);

      using other = await way.connect();
      const entries = parseStatus(await other.command("status"));
      expect(entries?.find((entry) => entry.name === "sendrate")?.value).toMatch(/^[\d.]+\/8$/);
    },
    TEST_MS,
  );

  test(
    "is cancelled when its console closes",
    async () => {
      plantBig("two");
      const client = await way.connect();
      client.write("alive off\nsend two\necho end\n");
      await client.next();
      await until("the send to run", async () => ((await count("send op")) > 0 ? true : undefined));
      client.destroy();
      await until("its end", async () => ((await count("send op")) === 0 ? true : undefined), {
        timeoutMs: 1_500,
      });
      await Bun.sleep(3_500);
      expect(arrived("two")).toEqual([false, false, false]);
      using next = await way.connect();
      expect(await next.command("send two")).toEqual([]);
      expect(arrived("two")).toEqual([true, true, true]);
    },
    TEST_MS,
  );

  test(
    "names a host that is lost",
    async () => {
      place(lab.host(1), "three", { text: "three" });
      await receiver.kill("SIGSTOP");
      using client = await way.connect();
      client.write("loglevel 0\nalive on\nsend three\nalive off\nquit\n");
      for (let i = 0; i < 2; i++) await client.next();
      const lines = (await client.next()).filter((line) => line !== "alive");
      expect(lines).toEqual([`error: receive time out: ${lab.host(2).address}(host2)`]);
      expect(arrived("three")).toEqual([false, true, true]);
      await client.next();
      await client.farewell();
      await receiver.kill("SIGCONT");
    },
    TEST_MS,
  );
});
