/** What an operator does on the first day: four hosts, two files, and the commands of the manual as they are written. */
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { type Host, Lab } from "./lab.ts";
import { expectEqual, others, SCENARIO_MS } from "./scenario.ts";

const IDS = /^(Uid|Gid|Groups):[ \t]*(.*)$/gm;

/** Name, mode, owner, group, size and time of the base's entries, as `stat` prints them. */
function stat(host: Host): Promise<string> {
  return host.shell("cd /var/www && stat --format '%n %A %U %G %s %y' *");
}

async function start(lab: Lab) {
  for (const host of lab.hosts) {
    await host.provideVarWww();
    // The daemon gives up root for good, so the directory has to be its user's.
    await host.shell("chown www-data:www-data /var/www");
  }
  return lab.startAll({ base: "/var/www", args: ["-u", "www-data", "-g", "www-data"] });
}

describe("the case study", () => {
  test(
    "two files go to three hosts, with owner and time",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      const daemons = await start(lab);
      const host1 = lab.host(1);
      await host1.shell(
        "cd /var/www/ && echo hoge > hoge.html && echo fuga > fuga.html && chown www-data:www-data hoge.html fuga.html",
      );
      expect(await host1.shell("msync -r")).toBe("");
      const original = await stat(host1);
      expect(original).toMatch(
        /^fuga\.html -rw-r--r-- www-data www-data 5 .*\nhoge\.html -rw-r--r-- www-data www-data 5 .*\n$/,
      );
      for (const host of others(lab)) {
        expect(await stat(host)).toBe(original);
        expect(readFileSync(`${host.path()}/hoge.html`, "utf8")).toBe("hoge\n");
      }
      await expectEqual(host1, others(lab));
      for (const daemon of daemons) {
        const status = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
        const ids = Object.fromEntries(
          [...status.matchAll(IDS)].map((match) => [match[1], match[2]?.trim().split(/\s+/)]),
        );
        expect(ids).toEqual({ Uid: ["33", "33", "33", "33"], Gid: ["33", "33", "33", "33"], Groups: [""] });
      }
    },
    SCENARIO_MS,
  );

  test(
    "examples 1 to 3, and one host only",
    async () => {
      await using lab = await Lab.create({ hosts: 4 });
      const daemons = await start(lab);
      const [host1, host2, host3, host4] = [lab.host(1), lab.host(2), lab.host(3), lab.host(4)];
      await host1.shell(
        `cd /var/www && echo index > index.html && mkdir hogehoge && echo a > hogehoge/a && chown -R www-data:www-data .`,
      );

      await host1.shell("msync index.html");
      for (const host of others(lab)) expect(await host.shell("ls -A /var/www")).toBe("index.html\n");

      const dryRun = await host1.shell("msync -r -n");
      expect(dryRun.split("\n").filter(Boolean).sort()).toEqual([
        "(dryrun) [update:hogehoge/a]",
        "(dryrun) [update:hogehoge]",
      ]);
      for (const host of others(lab)) expect(await host.shell("ls -A /var/www")).toBe("index.html\n");

      await host1.shell("msync -t host3 -r hogehoge/");
      expect(await host2.shell("ls -A /var/www")).toBe("index.html\n");
      expect(await host4.shell("ls -A /var/www")).toBe("index.html\n");
      await expectEqual(host1, [host3]);

      await host1.shell("msync -r hogehoge/");
      await expectEqual(host1, others(lab));
      await host1.shell("touch -d '2001-02-03 04:05:06.789' /var/www/index.html && msync -r");
      await expectEqual(host1, others(lab));
      expect(statSync(`${host4.path()}/index.html`, { bigint: true }).mtimeNs % 1_000_000_000n).toBe(
        789_000_000n,
      );

      // `pkill makuosan` is how it is stopped: it must be found by name, end with status 0, and leave no file.
      await host2.shell("pkill makuosan");
      expect(await daemons[1]?.ended()).toBe(0);
      await host1.knows(["host3", "host4"], 1_000);
    },
    SCENARIO_MS,
  );
});
