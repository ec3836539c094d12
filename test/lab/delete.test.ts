/** `--delete`, between hosts whose trees differ in every way. */
import { describe, expect, test } from "bun:test";
import { KEPT_DIRECTORIES } from "./differing.ts";
import { DELETE, differingLab, expectMirrored, outsideOf } from "./differing-lab.ts";
import { listing } from "./judge.ts";
import type { Host } from "./lab.ts";
import { changedNames, reportedNames, snapshot } from "./names.ts";
import { others, SCENARIO_MS } from "./scenario.ts";

describe("--delete -r to four hosts that differ in every way", () => {
  test(
    "-n says line for line what then happens; all are equal, and what is excluded is untouched",
    async () => {
      await using lab = await differingLab({ owners: true });
      const host1 = lab.host(1);
      await lab.startAll();
      const receivers = others(lab);
      const outsides = receivers.map((host) => listing(outsideOf(host), { changed: false }));
      const untouched = lab.hosts.map((host) => listing(host.path(), { changed: true }));
      const dry = await host1.msync([...DELETE, "-n", "-v"]);
      expect({ status: dry.status, stderr: dry.stderr }).toEqual({ status: 0, stderr: "" });
      expect(lab.hosts.map((host) => listing(host.path(), { changed: true }))).toEqual(untouched);

      const before = receivers.map((host) => snapshot(host.path(), { changed: true }));
      const plain = receivers.map((host) => snapshot(host.path(), { changed: false }));
      const real = await host1.msync([...DELETE, "-v"]);
      expect({ status: real.status, stderr: real.stderr }).toEqual({ status: 0, stderr: "" });
      const said = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1").split("\n").sort();
      expect(said(real.stdoutBytes)).toEqual(
        said(
          Buffer.from(
            Buffer.from(dry.stdoutBytes)
              .toString("latin1")
              .replaceAll(/^\(dryrun\) /gm, ""),
            "latin1",
          ),
        ),
      );
      for (const [i, host] of receivers.entries()) {
        const was = before[i] ?? new Map();
        await expectMirrored(host1, host, was);
        // What was said is what happened: no more, no less.
        const happened = changedNames(plain[i] ?? new Map(), snapshot(host.path(), { changed: false }));
        for (const name of ["", ...KEPT_DIRECTORIES]) happened.delete(`update ${name}`);
        expect([...reportedNames(real.stdoutBytes, host.name)].sort()).toEqual([...happened].sort());
        expect(listing(outsideOf(host), { changed: false })).toEqual(outsides[i] ?? []);
      }
      // And again: nothing is left to say.
      const again = await host1.msync([...DELETE, "-v"]);
      expect({ status: again.status, said: again.stdout + again.stderr }).toEqual({ status: 0, said: "" });
    },
    SCENARIO_MS,
  );
});

describe("a host that cannot take a removal", () => {
  test(
    "says so before it changes anything, and holds up nobody",
    async () => {
      await using lab = await differingLab({ owners: true });
      const [host1, host2, host3, host4, host5] = lab.hosts as [Host, Host, Host, Host, Host];
      await lab.startAll();
      const counts = countRemovals(await host1.msync([...DELETE, "-n", "-v"]));
      // Between the second and the third: two hosts would lose more.
      const most = [...counts.values()].sort((a, b) => a - b)[1] ?? 0;
      const refusing = others(lab).filter((host) => (counts.get(host.name) ?? 0) > most);
      expect(refusing.length).toBe(2);
      const all = new Map(others(lab).map((host) => [host, snapshot(host.path(), { changed: true })]));
      const untouched = refusing.map((host) => listing(host.path(), { changed: true }));
      const limited = await host1.msync([...DELETE, "-v", "--max-delete", String(most)]);
      expect(limited.status).toBe(1);
      expect(refusing.map((host) => listing(host.path(), { changed: true }))).toEqual(untouched);
      for (const host of others(lab)) {
        const lines = limited.stderr.split("\n").filter((line) => line.includes(host.name));
        if (!refusing.includes(host)) {
          expect(lines).toEqual([]);
          await expectMirrored(host1, host, all.get(host) ?? new Map());
          continue;
        }
        const many = counts.get(host.name);
        expect(lines).toEqual([`error: too many names to remove (${many}, at most ${most}) ${host.name}`]);
        expect(limited.stdout.includes(`delete ${host.name}:`)).toBe(false);
      }
      // A mounted file system, and a name that must stay below one that must make room.
      await host2.shell(
        "mkdir /srv/www/extra-mount /srv/www/extra-mount/on && mount -t tmpfs lab /srv/www/extra-mount/on",
      );
      await host3.shell(
        "rm -rf /srv/www/same/a && mkdir -p /srv/www/same/a/b && echo > /srv/www/same/a/b/c.keep",
      );
      await host4.shell("echo > /srv/www/goes");
      await host5.shell("echo > /srv/www/goes");
      const before = [host2, host3].map((host) => listing(host.path(), { changed: true }));
      const blocked = await host1.msync([...DELETE, "-v"]);
      expect(blocked.status).toBe(1);
      expect([host2, host3].map((host) => listing(host.path(), { changed: true }))).toEqual(before);
      expect(blocked.stderr.split("\n").sort()).toEqual([
        "",
        "error: cannot compare: Directory not empty host3:same/a",
        "error: cannot remove: Device or resource busy host2:extra-mount/on",
      ]);
      for (const host of [host4, host5]) await expectMirrored(host1, host, all.get(host) ?? new Map());
    },
    SCENARIO_MS,
  );
});

/** Names that would go, by host, of a run with `-n -v`. */
function countRemovals({ stdout }: { readonly stdout: string }): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, host = ""] of stdout.matchAll(/^\(dryrun\) delete ([^:]+):/gm))
    counts.set(host, (counts.get(host) ?? 0) + 1);
  return counts;
}
