/** What is wrong gives one clear line and the right exit status, and leaves nothing half-done. */
import { describe, expect, test } from "bun:test";
import { leftovers, listing } from "./judge.ts";
import { type Host, Lab } from "./lab.ts";
import type { Result } from "./run.ts";
import { expectEqual, push, randomFile, SCENARIO_MS, smallFiles } from "./scenario.ts";

/** Exit statuses: what failed at a host or could not be asked; what was asked wrongly, or a daemon that cannot start. */
const FAILED = 1;
const USAGE = 2;

/** Expects this status, and one line on stderr that holds these words. */
function refused(result: Result, status: number, words: string | RegExp): void {
  const lines = result.stderr.split("\n").filter((line) => line !== "");
  expect({ status: result.status, lines: lines.length, stderr: result.stderr }).toMatchObject({
    status,
    lines: 1,
  });
  if (typeof words === "string") expect(result.stderr).toContain(words);
  else expect(result.stderr).toMatch(words);
}

describe("a daemon that cannot start", () => {
  test(
    "says why in one line, with status 2",
    async () => {
      await using lab = await Lab.create({ hosts: 1 });
      const host = lab.host(1);
      await host.shell("cd /srv && echo x > file && mkdir -m 700 closed && mkdir -m 555 readonly");
      const start = (...args: string[]) => host.makuosan(["-n", ...args]);
      refused(await start("-b", "/srv/missing"), USAGE, "/srv/missing: No such file or directory");
      refused(await start("-b", "/srv/file"), USAGE, "/srv/file: Not a directory");
      refused(
        await start("-b", "/srv/closed", "-u", "www-data"),
        USAGE,
        /\/srv\/closed cannot be (read|written).*Permission denied/,
      );
      refused(
        await start("-b", "/srv/readonly", "-u", "www-data"),
        USAGE,
        /\/srv\/readonly cannot be written.*Permission denied/,
      );
      refused(await start("-b", host.base, "-i", "eth9"), USAGE, "eth9");
      refused(await start("-b", host.base, "-i", "10.1.2.3"), USAGE, "10.1.2.3");
      refused(await start("-b", host.base, "-m", "10.1.2.3"), USAGE, "10.1.2.3");
      refused(await start("-b", host.base, "-m", "nonsense"), USAGE, "nonsense");
      refused(await start("-b", host.base, "-p", "70000"), USAGE, "70000");
      refused(await start("-b", host.base, "-u", "nobody-of-this-name"), USAGE, "nobody-of-this-name");
      refused(await start("-b", host.base, "-T", "fast"), USAGE, "fast");
      refused(await start("-b", host.base, "--no-such-option"), USAGE, "--no-such-option");
      const empty = await host.makuosan([]);
      expect(empty.status).toBe(1);
      expect(empty.stderr).toContain("Usage: makuosan");
    },
    SCENARIO_MS,
  );

  test(
    "a port in use, and the one who uses it goes on",
    async () => {
      await using lab = await Lab.create({ hosts: 2 });
      const [host1, host2] = [lab.host(1), lab.host(2)];
      await lab.startAll();
      refused(await host1.makuosan(["-n", "-b", host1.base]), USAGE, /5000.*in use/i);
      await host1.shell("echo x > /srv/www/x");
      await push(host1, ["-r"]);
      await expectEqual(host1, [host2]);
    },
    SCENARIO_MS,
  );
});

describe("msync", () => {
  test(
    "no daemon, no arguments, wrong ones",
    async () => {
      await using lab = await Lab.create({ hosts: 1 });
      const host = lab.host(1);
      refused(await host.msync(["-r"]), FAILED, "no makuosan at tcp:127.0.0.1:5000");
      refused(await host.msync(["-r", "-c", "tcp:127.0.0.1:99999"]), USAGE, "tcp:127.0.0.1:99999");
      refused(await host.msync(["--no-such-option"]), USAGE, "--no-such-option");
      refused(await host.msync(["-n"]), USAGE, "a path or -r is needed");
      const empty = await host.msync([]);
      expect(empty.status).toBe(1);
      expect(empty.stderr).toContain("Usage: msync");
    },
    SCENARIO_MS,
  );

  test(
    "no members, an unknown host, a path that is missing or outside",
    async () => {
      await using lab = await Lab.create({ hosts: 2 });
      const [host1, host2] = [lab.host(1), lab.host(2)];
      await host1.daemon();
      await host1.shell("echo x > /srv/www/x && echo secret > /srv/secret && ln -s /srv /srv/www/out");
      refused(
        await host1.msync(["-r"]),
        FAILED,
        "no other makuosan is alive on 224.0.0.108:5000; see README, Troubleshooting",
      );

      await host2.daemon();
      await lab.settled(lab.hosts);
      const before = listing(host2.path(), { changed: true });
      const unknown = await host1.msync(["-r", "-t", "host7"]);
      expect(unknown.status).toBe(FAILED);
      expect(unknown.stdout + unknown.stderr).toContain("host7 is not contained in members");
      refused(await host1.msync(["missing"]), FAILED, "missing");
      refused(await host1.msync(["../secret"]), FAILED, "../secret");
      refused(await host1.msync(["/srv/secret"]), FAILED, "/srv/secret");
      refused(await host1.msync(["out/secret"]), FAILED, "out/secret");
      expect(listing(host2.path(), { changed: true })).toEqual(before);
    },
    SCENARIO_MS,
  );
});

describe("a receiver that cannot", () => {
  /** Host 2 fails in some way; host 3 must have everything all the same. */
  async function pushes(lab: Lab, words: RegExp): Promise<void> {
    const [host1, host2, host3] = [lab.host(1), lab.host(2), lab.host(3)];
    const before = listing(seen(host2), { changed: false }).slice(1);
    const result = await host1.msync(["-r"]);
    expect(result.status).toBe(FAILED);
    expect(result.stderr).toMatch(words);
    for (const line of result.stderr.trimEnd().split("\n")) expect(line).toMatch(/^error: .*host2/);
    expect(listing(seen(host2), { changed: false }).slice(1)).toEqual(before);
    await expectEqual(host1, [host3]);
    await nothingLeft([host2, host3]);
  }

  test(
    "write is named with its reason, and changes nothing; the others finish",
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      for (const host of lab.hosts) await host.shell("chown www-data:www-data /srv/www");
      await lab.host(2).shell("mkdir -p /srv/www/small && echo mine > /srv/www/small/5");
      smallFiles(lab.host(1), 10, "new");
      await lab.host(1).shell("chown -R www-data:www-data /srv/www");
      await lab.startAll({ args: ["-u", "www-data", "-g", "www-data"] });
      await pushes(lab, /Permission denied/);
    },
    SCENARIO_MS,
  );

  test(
    "store it for want of space: the same",
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      await lab.host(2).shell("mount -t tmpfs -o size=4m small /srv/www && echo mine > /srv/www/mine");
      await randomFile(lab.host(1), "large", 16);
      await lab.startAll();
      await pushes(lab, /No space left on device|out of space/i);
      // With room again the same push succeeds.
      await lab.host(2).shell("mount -o remount,size=64m /srv/www && rm /srv/www/mine");
      await push(lab.host(1), ["-r"]);
      const below = (host: Host) => listing(seen(host), { changed: false }).slice(1);
      expect(below(lab.host(2))).toEqual(below(lab.host(1)));
    },
    SCENARIO_MS,
  );
});

/** The base as the host itself sees it, with what is mounted there. */
function seen(host: Host): string {
  return host.namespace.path(host.base);
}

async function nothingLeft(hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) expect(await leftovers(seen(host))).toEqual([]);
}
