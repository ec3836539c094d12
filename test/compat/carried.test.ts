/** What is sent, what of it is carried over, and what makes a file one that is sent again. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { type Host, Lab } from "../lab/lab.ts";
import { SCENARIO_MS } from "../lab/scenario.ts";
import { clear, msync } from "./lab-cast.ts";

setDefaultTimeout(SCENARIO_MS);

let lab: Lab;
let host1: Host;
let host2: Host;
let host3: Host;

/** host2 takes everything that root can; host3 is not root. */
beforeAll(async () => {
  lab = await Lab.create({ hosts: 3 });
  [host1, host2, host3] = [lab.host(1), lab.host(2), lab.host(3)];
  await host3.shell("chown www-data:www-data /srv/www");
  await Promise.all([
    host1.daemon(),
    host2.daemon({ args: ["--devices"] }),
    host3.daemon({ args: ["-u", "www-data"] }),
  ]);
  await lab.settled(lab.hosts);
}, SCENARIO_MS);
afterAll(() => lab[Symbol.asyncDispose]());
beforeEach(() => clear(lab));

const nothing = { status: 0, out: [], err: [] };
const facts = (host: Host, name: string, format: string) =>
  host.shell(`cd /srv/www && stat -c '${format}' ${name}`);

test("files, directories, links that are not followed, FIFOs, and devices where they are allowed; no sockets", async () => {
  await host1.shell(`cd /srv/www && mkdir d && echo f >d/f && ln -s /etc outside && ln -s d/f inside && ln -s none dangling
    mkfifo fifo && mknod null c 1 3 && mknod loop b 7 9
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die'`);
  const pushed = await msync(host1, ["-rv"]);
  const names = ["d", "d/f", "dangling", "fifo", "inside", "outside"];
  expect(pushed.out).toEqual([
    "skip: unix domain socket socket",
    ...[...names, "loop", "null"].sort().map((name) => `update host2:${name}`),
    ...names.map((name) => `update host3:${name}`),
  ]);
  expect({ status: pushed.status, err: pushed.err }).toEqual({ status: 0, err: [] });
  const types = "cd /srv/www && find . -mindepth 1 -printf '%P %y %l\\n' | sort";
  const plain = ["d d ", "d/f f ", "dangling l none", "fifo p ", "inside l d/f"];
  expect((await host2.shell(types)).split("\n")).toEqual([
    ...plain,
    "loop b ",
    "null c ",
    "outside l /etc",
    "",
  ]);
  expect((await host3.shell(types)).split("\n")).toEqual([...plain, "outside l /etc", ""]);
  expect(await facts(host2, "null loop", "%t %T")).toBe("1 3\n7 9\n");
});

test("mode, owner, group and time are carried over, whole: 32 bits, nanoseconds", async () => {
  await host1.shell(`cd /srv/www && mkdir d && echo f >f && chown 70000:4000000000 f d && chmod 6751 f && chmod 1700 d
    ln -s f link && chown -h 70001:70002 link && touch -h -d '2001-02-03 04:05:06.123456789' f link d`);
  expect(await msync(host1, ["-r", "-t", "host2"])).toEqual(nothing);
  const wanted = await facts(host1, "f d", "%n %a %u %g %.9Y");
  expect(wanted).toBe(
    "f 6751 70000 4000000000 981173106.123456789\nd 1700 70000 4000000000 981173106.123456789\n",
  );
  expect(await facts(host2, "f d", "%n %a %u %g %.9Y")).toBe(wanted);
  expect(await facts(host2, "link", "%u %g")).toBe("70001 70002\n");
  // Who is not root owns what it receives.
  expect(await msync(host1, ["-t", "host3", "f"])).toEqual(nothing);
  expect(await facts(host3, "f", "%U %G %.9Y")).toBe("www-data www-data 981173106.123456789\n");
});

test("a difference in time, size, mode, or, for root, owner and group is an update; of a link, also its target", async () => {
  await host1.shell("cd /srv/www && echo 1234 >f && chmod 644 f && ln -s f link && touch -d @1000000000.5 f");
  expect(await msync(host1, ["-r"])).toEqual(nothing);
  const told = async (name: string) => {
    const { out } = await msync(host1, ["-n", "-vv", name]);
    return out
      .map((line) => line.replace("(dryrun) ", "").replace(/ +host(\d):.*/, "$1"))
      .sort()
      .join(" ");
  };
  const changed = async (line: string) => {
    for (const host of [host2, host3]) await host.shell(`cd /srv/www && ${line}`);
    const result = await told("f");
    await host2.shell(
      "cd /srv/www && chown root:root f && chmod 644 f && echo 1234 >f && touch -d @1000000000.5 f",
    );
    await host3.shell(
      "cd /srv/www && chown www-data:www-data f && chmod 644 f && echo 1234 >f && touch -d @1000000000.5 f",
    );
    return result;
  };
  expect(await told("f")).toBe("skip2 skip3");
  expect(await changed("touch -d @1000000000.500000001 f")).toBe("update2 update3");
  expect(await changed("echo 12345 >f && touch -d @1000000000.5 f")).toBe("update2 update3");
  expect(await changed("chmod 600 f")).toBe("update2 update3");
  expect(await changed("echo 5678 >f && touch -d @1000000000.5 f")).toBe("skip2 skip3");
  // Owners are only root's to give.
  expect(await changed("chown 1234 f")).toBe("skip3 update2");
  expect(await changed("chgrp 1234 f")).toBe("skip3 update2");
  expect(await told("link")).toBe("skip2 skip3");
  await host2.shell("cd /srv/www && ln -sfn d link && touch -h -d @1000000000 link");
  expect(await told("link")).toBe("skip3 update2");
  // Links have times, too, which the C program left alone.
  await host3.shell("cd /srv/www && touch -h -d @5 link");
  expect(await told("link")).toBe("update2 update3");
});

test("missing parents are made with mode 0755", async () => {
  await host1.shell("cd /srv/www && mkdir -m 700 a a/b && echo f >a/b/f");
  expect(await msync(host1, ["a/b/f"])).toEqual(nothing);
  for (const host of [host2, host3]) expect(await facts(host, "a a/b", "%a")).toBe("755\n755\n");
});
