/** Removals of less than everything, and daemons that are not root or see nothing but their base. */
import { describe, expect, test } from "bun:test";
import { DELETE, differingLab, expectMirrored, outsideOf } from "./differing-lab.ts";
import { listing } from "./judge.ts";
import { type Host, Lab } from "./lab.ts";
import { changedNames, reportedNames, snapshot } from "./names.ts";
import { must } from "./run.ts";
import { others, push, SCENARIO_MS } from "./scenario.ts";

/** A sender, and four receivers that have the same and something besides, in `part` and outside of it. */
async function extraLab(): Promise<Lab> {
  const lab = await Lab.create({ hosts: 5 });
  const host1 = lab.host(1);
  await host1.shell(
    "cd /srv/www && mkdir -p part/in rest && echo a > part/a && echo b > part/in/b && echo c > rest/c",
  );
  for (const host of others(lab)) {
    await must(["cp", "-a", `${host1.path()}/.`, host.path()]);
    await host.shell(
      "cd /srv/www && mkdir -p part/extra/deep rest/extra && echo differs > part/a && echo differs > rest/c && " +
        "touch part/extra/deep/x part/in/y rest/extra/z partly part.d && ln -s part/extra link",
    );
  }
  await lab.startAll();
  return lab;
}

/** Runs something at host 1, and expects these changes, and no other, at each of the others. */
async function expectChanges(
  lab: Lab,
  changes: readonly string[],
  act: () => Promise<unknown>,
): Promise<void> {
  const before = others(lab).map((host) => snapshot(host.path(), { changed: false }));
  await act();
  for (const [i, host] of others(lab).entries()) {
    const changed = changedNames(before[i] ?? new Map(), snapshot(host.path(), { changed: false }));
    changed.delete("update ");
    expect({ host: host.name, changed: [...changed].sort() }).toEqual({
      host: host.name,
      changed: [...changes].sort(),
    });
  }
}

/** What every host but the first is said to have changed, as `changedNames` has it. */
function expectSaid(lab: Lab, stdout: Uint8Array, said: readonly string[]): void {
  for (const host of others(lab)) {
    const reported = [...reportedNames(stdout, host.name)].sort();
    expect({ host: host.name, reported }).toEqual({ host: host.name, reported: [...said].sort() });
  }
}

describe("removals of a part", () => {
  test(
    "--delete PATH -r: nothing outside of it goes or changes",
    async () => {
      await using lab = await extraLab();
      const changes = ["update part", "update part/a", "update part/in"];
      const gone = [
        "delete part/extra",
        "delete part/extra/deep",
        "delete part/extra/deep/x",
        "delete part/in/y",
      ];
      await expectChanges(lab, [...changes, ...gone], async () => {
        const { stdoutBytes } = await push(lab.host(1), ["--delete", "-r", "-v", "part"]);
        expectSaid(lab, stdoutBytes, [...changes, ...gone]);
      });
    },
    SCENARIO_MS,
  );

  test(
    "--sync PATH: what is missing here goes there, with all that is in it, and nothing else does",
    async () => {
      await using lab = await extraLab();
      const host1 = lab.host(1);
      // The link goes, not what it points to; what is nowhere is no error; without --sync, it is one.
      const paths = ["part/extra", "link", "nowhere/at/all", "rest/c"];
      const gone = ["delete part/extra", "delete part/extra/deep", "delete part/extra/deep/x", "delete link"];
      // Neither is an entry, so their times are not the sender's.
      const touched = ["update part", "update rest"];
      for (const dry of [["-n"], []]) {
        await expectChanges(lab, dry.length > 0 ? [] : [...gone, "update rest/c", ...touched], async () => {
          const { stdoutBytes } = await push(host1, ["--sync", "-v", ...dry, ...paths]);
          expectSaid(lab, stdoutBytes, [...gone, "update rest/c"]);
        });
      }
      await expectChanges(lab, [], async () => {
        const plain = await host1.msync(["-v", "rest/extra"]);
        const said = { status: plain.status, stderr: plain.stderr };
        expect(said).toEqual({ status: 1, stderr: "error: rest/extra: No such file or directory\n" });
      });
    },
    SCENARIO_MS,
  );

  test(
    "dsync on the console: names go, no content comes",
    async () => {
      await using lab = await extraLab();
      const host1 = lab.host(1);
      const names = ["part/extra", "part/extra/deep", "part/extra/deep/x", "part/in/y"];
      const lines = (word: string) =>
        others(lab).flatMap((host) => names.map((name) => `${word}${host.name}:${name}`));
      const saidBy = (answer: string) => answer.replaceAll(/^> /gm, "").split("\n").filter(Boolean).sort();
      await expectChanges(lab, [], async () => {
        expect(saidBy(await host1.console("dsync -r -n part"))).toEqual(lines("(dryrun) delete ").sort());
      });
      // Of `part/in` the owner's time is set again; of `part` as well.
      const touched = ["update part", "update part/in"];
      await expectChanges(lab, [...names.map((name) => `delete ${name}`), ...touched], async () => {
        expect(saidBy(await host1.console("dsync -r part"))).toEqual(lines("delete ").sort());
      });
      await expectChanges(lab, ["delete link"], async () => {
        expect(saidBy(await host1.console("dsync link"))).toEqual(
          others(lab).map((host) => `delete ${host.name}:link`),
        );
      });
    },
    SCENARIO_MS,
  );
});

describe("--delete -r by daemons", () => {
  const nobody = ["-u", "www-data", "-g", "www-data"];
  test.each([
    ["that are not root", nobody],
    ["in a chroot", ["-c"]],
    ["in a chroot that are not root", ["-c", ...nobody]],
  ] as const)(
    "%s",
    async (_, args) => {
      const isRoot = !args.some((word) => word === "-u");
      await using lab = await differingLab({ owners: isRoot });
      if (!isRoot) for (const host of lab.hosts) await giveAway(host);
      await lab.startAll({ args });
      const [host1, receivers] = [lab.host(1), others(lab)];
      const outsides = receivers.map((host) => listing(outsideOf(host), { changed: false }));
      const before = receivers.map((host) => snapshot(host.path(), { changed: true }));
      const dry = await push(host1, [...DELETE, "-n", "-v"]);
      const real = await push(host1, [...DELETE, "-v"]);
      for (const [i, host] of receivers.entries()) {
        await expectMirrored(host1, host, before[i] ?? new Map());
        expect([...reportedNames(real.stdoutBytes, host.name)].sort()).toEqual(
          [...reportedNames(dry.stdoutBytes, host.name)].sort(),
        );
        expect(listing(outsideOf(host), { changed: false })).toEqual(outsides[i] ?? []);
      }
    },
    SCENARIO_MS,
  );

  test(
    "that are not root: what only root could remove is refused before anything changes",
    async () => {
      await using lab = await Lab.create({ hosts: 3 });
      for (const host of lab.hosts)
        await host.shell("cd /srv/www && mkdir d && touch -d @1 d/f d && chown -R 33:33 .");
      await lab.host(1).shell("touch /srv/www/new && chown 33:33 /srv/www/new");
      await lab
        .host(2)
        .shell("cd /srv/www && touch goes && mkdir -p locked/in && touch locked/in/x && chown 33:33 goes");
      await lab.host(3).shell("cd /srv/www && touch goes && chown 33:33 goes");
      await lab.startAll({ args: nobody });
      const before = listing(lab.host(2).path(), { changed: true });
      const result = await lab.host(1).msync(["--delete", "-r", "-v"]);
      expect({ status: result.status, stderr: result.stderr }).toEqual({
        status: 1,
        stderr: "error: cannot remove: Permission denied host2:locked/in/x\n",
      });
      expect(listing(lab.host(2).path(), { changed: true })).toEqual(before);
      expect([...reportedNames(result.stdoutBytes, "host3")].sort()).toEqual(["delete goes", "update new"]);
    },
    SCENARIO_MS,
  );
});

/** Makes a host's whole tree the daemon's user's, without anything that this one could not read. */
async function giveAway(host: Host): Promise<void> {
  for (const path of [host.path(), outsideOf(host)])
    await must(["sh", "-c", '[ ! -e "$1" ] || { chown -hR 33:33 "$1" && chmod -R u+rX "$1"; }', "sh", path]);
}
