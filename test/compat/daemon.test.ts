/** Options and variables of the daemon that only show between running ones. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Daemon } from "../lab/daemon.ts";
import { type Host, Lab } from "../lab/lab.ts";
import { SCENARIO_MS } from "../lab/scenario.ts";
import { msync, type Outcome, startLine } from "./lab-cast.ts";

setDefaultTimeout(SCENARIO_MS);

/** The lines of `status`, by name. */
async function status(host: Host, port = 5000): Promise<ReadonlyMap<string, string>> {
  const { out } = await msync(host, ["-c", `tcp:127.0.0.1:${port}`, "--status"]);
  return new Map(
    out.flatMap((line) => {
      const found = /^(\S.*?) *: (.*)$/.exec(line);
      return found?.[1] === undefined || found[2] === undefined ? [] : [[found[1], found[2]] as const];
    }),
  );
}

async function ended(daemon: Daemon): Promise<void> {
  expect(await daemon.kill("SIGTERM")).toBe(0);
}

/** Expects of a push, which waits until every member must have been heard, that there is none. */
async function alone(push: () => Promise<Outcome>, group: string): Promise<void> {
  expect(await push()).toEqual({
    status: 1,
    out: [],
    err: [`error: no other makuosan is alive on ${group}; see README, Troubleshooting`],
  });
}

test("without -b the base is the current directory", async () => {
  await using lab = await Lab.create({ hosts: 1 });
  const host1 = lab.host(1);
  await startLine(host1, "mkdir /srv/here && cd /srv/here && exec makuosan -n");
  expect((await status(host1)).get("basedir")).toBe("/srv/here/");
});

test("-p and -m: a group is a port and an address, and the port is the console's, too", async () => {
  await using lab = await Lab.create({ hosts: 2 });
  const [host1, host2] = [lab.host(1), lab.host(2)];
  await Promise.all([
    host1.daemon({ args: ["-p", "5100"], port: 5100 }),
    host2.daemon({ args: ["-p", "5100"], port: 5100 }),
    startLine(host2, "mkdir /srv/other && exec makuosan -n -b /srv/other"),
    startLine(host1, "mkdir /srv/first && exec makuosan -n -b /srv/first -p 5200 -m 239.1.2.3", 5200),
    // The same port with another address is another group.
    startLine(host2, "mkdir /srv/second && exec makuosan -n -b /srv/second -p 5200 -m 239.1.2.4", 5200),
  ]);
  // The console speaks before the daemon is in its group, but tells its status only then.
  for (const host of lab.hosts) expect((await status(host, 5100)).get("send op")).toBe("0");
  await host1.shell("echo x >/srv/www/x");
  const push = (host: Host, port: number) => msync(host, ["-c", `tcp:127.0.0.1:${port}`, "-rv"]);
  expect(await push(host1, 5100)).toEqual({ status: 0, out: ["update host2:x"], err: [] });
  await alone(() => push(host2, 5000), "224.0.0.108:5000");
  await alone(() => push(host1, 5200), "239.1.2.3:5200");
  await alone(() => push(host2, 5200), "239.1.2.4:5200");
});

test("-i: an interface by name or by address, and no daemon on another one", async () => {
  await using lab = await Lab.create({ hosts: 2 });
  const [host1, host2] = [lab.host(1), lab.host(2)];
  const [, addressed] = await Promise.all([
    host1.daemon({ args: ["-i", "eth0"] }),
    host2.daemon({ args: ["-i", host2.address] }),
  ]);
  await lab.settled(lab.hosts);
  await ended(addressed);
  await host2.daemon({ args: ["-i", "lo"] });
  for (const host of lab.hosts) await alone(() => msync(host, ["-r"]), "224.0.0.108:5000");
});

test("-R, -S and -T are what status tells; -f is taken", async () => {
  await using lab = await Lab.create({ hosts: 1 });
  const host1 = lab.host(1);
  const plain = await host1.daemon();
  const before = await status(host1);
  expect(before.has("sendrate")).toBe(false);
  await ended(plain);
  await host1.daemon({ args: ["-R", "300000", "-S", "200000", "-T", "12.5", "-f", "3"] });
  const after = await status(host1);
  // What the kernel granted; it counts its own bookkeeping, too.
  expect(Number(after.get("recvsize"))).toBe(2 * 300_000);
  expect(Number(after.get("sendsize"))).toBe(2 * 200_000);
  expect(after.get("sendrate")).toBe("0/12.5");
});

test("every variable has its effect, and every option overrides it", async () => {
  await using lab = await Lab.create({ hosts: 1 });
  const host1 = lab.host(1);
  await host1.shell("mkdir /srv/env /srv/run && chown www-data /srv/env /srv/www /srv/run");
  const variables =
    "MAKUOSAN_BASE=/srv/env MAKUOSAN_PORT=5300 MAKUOSAN_USER=www-data MAKUOSAN_GROUP=daemon MAKUOSAN_GROUPS=adm,staff MAKUOSAN_SOCK=/srv/run/sock MAKUOSAN_RCVBUF=300000 MAKUOSAN_SNDBUF=200000";
  const daemon = await startLine(host1, `${variables} exec makuosan -n -l 127.0.0.1`, 5300);
  const id = async (...args: string[]) => (await host1.exec(["id", ...args])).stdout.trim();
  const group = async (name: string) => (await host1.shell(`getent group ${name}`)).split(":")[2];
  const identity = (of: Daemon) =>
    [
      ...readFileSync(`/proc/${of.pid}/status`, "latin1").matchAll(/^(?:Uid|Gid|Groups):\t(\S*)\t?(.*)$/gm),
    ].map((match) =>
      match[0]
        .replace(/^\w+:\s*/, "")
        .trim()
        .split(/\s+/),
    );
  // Whoever is answered this is answered by a daemon that is up.
  const told = await status(host1, 5300);
  const four = (number: string | undefined) => Array(4).fill(number);
  const www = await id("-u", "www-data");
  expect(identity(daemon)).toEqual([
    four(www),
    four(await group("daemon")),
    [await group("adm"), await group("staff")].sort((a, b) => Number(a) - Number(b)),
  ]);
  expect([told.get("basedir"), told.get("recvsize"), told.get("sendsize")]).toEqual([
    "/srv/env/",
    "600000",
    "400000",
  ]);
  expect(await host1.shell("stat -c '%a %U %G' /srv/run/sock")).toBe("660 www-data daemon\n");
  expect((await msync(host1, ["-c", "/srv/run/sock", "--members"])).status).toBe(0);
  await ended(daemon);
  const options =
    "-b /srv/www -p 5400 -u www-data -g www-data -G daemon -U /srv/run/other -R 250000 -S 150000";
  const other = await startLine(host1, `${variables} exec makuosan -n -l 127.0.0.1 ${options}`, 5400);
  const now = await status(host1, 5400);
  expect(identity(other)).toEqual([four(www), four(www), [await group("daemon")]]);
  expect([now.get("basedir"), now.get("recvsize"), now.get("sendsize")]).toEqual([
    "/srv/www/",
    "500000",
    "300000",
  ]);
  expect(await host1.shell("ls /srv/run")).toBe("other\n");
});
