/** The Debian package, from its installation to its purge, on a machine with systemd. What it builds on is one story: the tests are its chapters. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Machine } from "./machine.ts";
import { buildExecutable, buildPackage, ROOT } from "./package.ts";
import { configure, FIRST, knows, msync, processStatus, SECOND, startSecond } from "./service.ts";

const folder = mkdtempSync(join(tmpdir(), "makuosan-deb-"));
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
const later = `${version}+1`;
/** What a package manager and a journal write down for themselves. */
const RECORDS = /^. \/(var\/(lib\/dpkg|log|cache|lib\/systemd)|etc\/machine-id|\.layer)(\/|$)/;

let machine: Machine;
let packages: Record<"first" | "second", string>;
let before: Set<string>;

beforeAll(async () => {
  await buildExecutable();
  packages = { first: await buildPackage(folder, version), second: await buildPackage(folder, later) };
  machine = await Machine.boot(mkdtempSync(join(folder, "root-")));
  // An index of all manual pages, after each step, is a matter of seconds and of another package.
  await machine.must(["rm", "-f", "/var/lib/man-db/auto-update"]);
  before = await machine.changes();
  for (const path of Object.values(packages)) {
    await Bun.write(machine.path(`/tmp/${path.split("/").at(-1)}`), Bun.file(path));
  }
}, 120_000);

afterAll(async () => {
  await machine?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** dpkg with this package; it must not ask anybody anything. */
const dpkg = (...args: string[]) =>
  machine.must(
    [
      "dpkg",
      "--force-confdef",
      ...args.map((arg) => (arg.startsWith(folder) ? `/tmp/${arg.split("/").at(-1)}` : arg)),
    ],
    {
      env: { DEBIAN_FRONTEND: "noninteractive" },
    },
  );

describe("the package", () => {
  test("is installed, and the service runs, as the user that it should", async () => {
    expect(before.has("f /usr/sbin/makuosan")).toBe(false);
    await dpkg("-i", packages.first);
    expect(await machine.must(["dpkg", "--verify", "makuosan"])).toBe("");
    const unit = await machine.show("makuosan", "ActiveState", "SubState", "UnitFileState", "MainPID");
    expect(unit).toMatchObject({ ActiveState: "active", SubState: "running", UnitFileState: "enabled" });
    const status = await processStatus(machine, unit.MainPID ?? "");
    expect(status).toMatchObject({
      Name: "makuosan",
      Uid: "33 33 33 33",
      Gid: "33 33 33 33",
      CapEff: "0000000000000000",
      NoNewPrivs: "1",
      Seccomp: "2",
    });
    expect(await machine.must(["makuosan", "--version"])).toBe(`makuosan ${version}\n`);
    expect(await msync(machine, FIRST, "--status")).toContain("\nbasedir : /var/lib/makuosan/\n");
  }, 60_000);

  test("its manual is found, and its limits for socket buffers are known to sysctl", async () => {
    expect(await machine.must(["man", "-w", "makuosan", "msync"])).toBe(
      "/usr/share/man/man8/makuosan.8.gz\n/usr/share/man/man1/msync.1.gz\n",
    );
    const limits = await machine.must(["systemd-analyze", "cat-config", "sysctl.d/50-makuosan.conf"]);
    expect(limits).toContain("-net.core.rmem_max = 8388608\n");
  });

  test("its completions are found by bash, zsh and fish", async () => {
    const bash =
      "source /usr/share/bash-completion/bash_completion; _completion_loader msync; complete -p msync";
    expect(await machine.must(["bash", "-c", bash])).toBe("complete -F _msync msync\n");
    const zsh = 'autoload -U compinit; compinit -u -D; echo "$_comps[msync] $_comps[makuosan]"';
    expect(await machine.must(["zsh", "-fc", zsh])).toBe("_msync _makuosan\n");
    expect(await machine.must(["fish", "-c", "complete -C 'makuosan --no-gs'"])).toContain("--no-gso");
  });

  test("a push from its daemon arrives at another host, and one from there here", async () => {
    await machine.must(["mkdir", "-p", "/srv/site"]);
    await machine.must(["chown", "www-data:", "/srv/site"]);
    await configure(machine, {});
    await startSecond(machine, "/usr/sbin/makuosan");
    await Promise.all([knows(machine, FIRST, "second"), knows(machine, SECOND, "first")]);
    await machine.must([
      "sh",
      "-c",
      "cd /srv/site && mkdir a && echo index >a/index.html && ln -s index.html a/link && chown -R www-data: .",
    ]);
    const updates = await msync(machine, FIRST, "-r", "-v");
    expect(updates.split("\n").sort()).toEqual([
      "",
      "update second:a",
      "update second:a/index.html",
      "update second:a/link",
    ]);
    expect(await machine.must(["cat", "/srv/second/a/link"])).toBe("index\n");
    machine.write("/srv/second/back", "back\n");
    expect(await msync(machine, SECOND, "-v", "back")).toBe("update first:back\n");
    expect(await machine.must(["stat", "-c", "%U", "/srv/site/back"])).toBe("www-data\n");
  }, 60_000);

  test("is upgraded: the daemon is the new one, the settings are the old ones", async () => {
    const settings = readFileSync(machine.path("/etc/default/makuosan"), "utf8");
    const old = await machine.show("makuosan", "MainPID");
    await dpkg("-i", packages.second);
    expect(await machine.must(["dpkg-query", "-W", "makuosan"])).toBe(`makuosan\t${later}\n`);
    const now = await machine.show("makuosan", "MainPID", "ActiveState");
    expect(now.ActiveState).toBe("active");
    expect(now.MainPID).not.toBe(old.MainPID ?? "");
    expect(readFileSync(machine.path("/etc/default/makuosan"), "utf8")).toBe(settings);
    await knows(machine, FIRST, "second");
  }, 60_000);

  test("an upgrade starts no daemon that the administrator has switched off", async () => {
    await machine.must(["systemctl", "disable", "--now", "makuosan"]);
    await dpkg("-i", packages.first);
    const unit = await machine.show("makuosan", "UnitFileState");
    expect(unit.UnitFileState).toBe("disabled");
    await machine.must(["systemctl", "enable", "--now", "makuosan"]);
  }, 60_000);

  test("is removed but for its settings: no daemon runs; and comes back with them", async () => {
    await dpkg("-r", "makuosan");
    const { stdout } = await machine.run(["systemctl", "is-active", "makuosan"]);
    expect(stdout).toBe("inactive\n");
    expect((await machine.changes()).has("f /etc/default/makuosan")).toBe(true);
    expect((await machine.run(["ls", "/usr/sbin/makuosan"])).status).not.toBe(0);
    await dpkg("-i", packages.first);
    await knows(machine, FIRST, "second");
  }, 60_000);

  test("is purged: nothing is left, and nothing else has gone", async () => {
    await machine.must(["systemctl", "stop", "second"]);
    await machine.must(["rm", "-r", "/srv/site", "/srv/second"]);
    await dpkg("-P", "makuosan");
    const after = await machine.changes();
    const files = (paths: Set<string>, other: Set<string>) =>
      [...paths].filter((path) => !other.has(path) && !RECORDS.test(path));
    // Folders of the layer below show up once something in them was touched.
    const left = files(after, before).filter((line) => !line.startsWith("d "));
    expect(left).toEqual([]);
    expect(files(before, after)).toEqual([]);
    const folders = files(after, before).map((line) => line.slice(2));
    const own = folders.filter((path) => path.includes("makuosan"));
    expect(own).toEqual([]);
    expect((await machine.run(["dpkg-query", "-W", "makuosan"])).status).not.toBe(0);
    const units = await machine.run(["systemctl", "list-unit-files", "makuosan*", "--no-legend"]);
    expect(units.stdout).toBe("");
  }, 60_000);
});
