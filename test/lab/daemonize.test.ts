/** The executable as it is installed, under its two names: what the manual's first commands do, and what they leave. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { compileDaemon } from "../io/daemon-fixture.ts";
import { Lab } from "./lab.ts";
import { until } from "./run.ts";
import { expectEqual, others, SCENARIO_MS } from "./scenario.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/makuosan-installed-`);
  Bun.spawnSync(["chmod", "755", folder]);
  symlinkSync("makuosan", `${folder}/msync`);
  await compileDaemon(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

for (const more of ["", " -c -G adm,daemon"]) {
  test(
    `makuosan -b /var/www -u www-data -g www-data${more}, until pkill makuosan`,
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      const typed = (line: string) => `PATH=${folder}:$PATH; ${line}`;
      for (const host of lab.hosts) {
        await host.provideVarWww();
        await host.shell("chown www-data:www-data /var/www");
        // It returns, although somebody waits for the end of what it prints; and then it is there.
        await host.shell(typed(`makuosan -b /var/www -u www-data -g www-data${more} --log /srv/log`));
        expect(await host.shell(typed("msync --members"))).toMatch(/^Total: \d members\n$/m);
      }
      await lab.settled(lab.hosts);
      const host1 = lab.host(1);
      await host1.shell(
        "mkdir /var/www/tree && cp -a /etc/passwd /var/www/tree && chown -R www-data: /var/www/tree",
      );
      expect(await host1.shell(typed("msync -r"))).toBe("");
      await expectEqual(host1, others(lab));
      await host1.shell("pkill makuosan");
      // It has said goodbye: nobody has to find out.
      await until(
        "the others to know",
        async () => ((await lab.host(2).members()).length === 1 ? true : undefined),
        {
          timeoutMs: 2_000,
        },
      );
      await until("its end", async () =>
        (await host1.exec(["pgrep", "-x", "makuosan"])).status === 1 ? true : undefined,
      );
      expect(await host1.shell("ls -A /var/www")).toBe("tree\n");
      expect(await host1.shell("cat /srv/log")).not.toContain("fault");
    },
    SCENARIO_MS,
  );
}
