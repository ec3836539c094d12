/** The systemd unit: what it forbids, and that the daemon can do its work within that. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../lab/run.ts";
import { Machine } from "./machine.ts";
import { describedDropIns } from "./manual.ts";
import { buildExecutable, makeInstall } from "./package.ts";
import { configure, dropIn, FIRST, knows, msync, processStatus, SECOND, startSecond } from "./service.ts";

const folder = mkdtempSync(join(tmpdir(), "makuosan-service-"));
const UNIT = "/usr/local/lib/systemd/system/makuosan.service";
const dropIns = describedDropIns();
let machine: Machine;

beforeAll(async () => {
  await buildExecutable();
  machine = await Machine.boot(mkdtempSync(join(folder, "root-")));
  await makeInstall(`DESTDIR=${machine.path("")}`);
  await machine.must([
    "sh",
    "-c",
    "mkdir -p /srv/site && chown www-data: /srv/site && systemctl daemon-reload",
  ]);
  await configure(machine, {});
  await startSecond(machine, "/usr/local/sbin/makuosan");
}, 60_000);

afterEach(async () => {
  await dropIn(machine, "");
});

afterAll(async () => {
  await machine?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const mainPid = async () => (await machine.show("makuosan", "MainPID")).MainPID ?? "";

describe("the unit", () => {
  test("is verified without a complaint", async () => {
    const { status, stdout, stderr } = await machine.run(["systemd-analyze", "verify", UNIT]);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("has an exposure below 2.5", async () => {
    const report = await machine.must(["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT]);
    const exposure = Number(
      /Overall exposure level for makuosan.service: ([0-9.]+)/.exec(report)?.[1] ?? Number.NaN,
    );
    expect(exposure).toBeLessThan(2.5);
  });

  test("leaves the daemon what it needs and no more", async () => {
    const capabilities = [
      "CHOWN",
      "DAC_OVERRIDE",
      "DAC_READ_SEARCH",
      "FOWNER",
      "FSETID",
      "SETGID",
      "SETUID",
      "NET_BIND_SERVICE",
      "LEASE",
    ];
    const numbers = [0, 1, 2, 3, 4, 6, 7, 10, 28];
    expect(capabilities).toHaveLength(numbers.length);
    const mask = numbers.reduce((sum, number) => sum | (1n << BigInt(number)), 0n);
    const status = await processStatus(machine, await mainPid());
    expect(status).toMatchObject({
      CapBnd: mask.toString(16).padStart(16, "0"),
      CapPrm: "0".repeat(16),
      NoNewPrivs: "1",
      Seccomp: "2",
    });
  });

  test("keeps a daemon that is root from what is not its business", async () => {
    await configure(machine, { MAKUOSAN_USER: "root" });
    const inside = ["nsenter", "--target", await mainPid(), "--mount", "--"];
    for (const path of ["/usr/x", "/etc/x", "/boot/x", "/proc/sys/kernel/hostname", "/sys/kernel/x"]) {
      const { stderr } = await machine.run([...inside, "sh", "-c", 'echo x >"$1"', "sh", path]);
      expect(stderr).toMatch(/Read-only file system|nonexistent/);
    }
    await machine.must(["sh", "-c", "mkdir -p /home/somebody && touch /tmp/others"]);
    expect(await machine.must(["ls", "-A", "/home", "/tmp"])).toContain("somebody");
    expect(await machine.must([...inside, "ls", "-A", "/home", "/tmp"])).toBe("/home:\n\n/tmp:\n");
    expect((await machine.must([...inside, "ls", "/dev"])).split("\n")).not.toContain("kmsg");
  });
});

describe("the service", () => {
  test("as root receives files with any owner, their set-id bits, and FIFOs", async () => {
    await configure(machine, { MAKUOSAN_USER: "root" });
    await knows(machine, SECOND, "first");
    const make =
      "cd /srv/second && mkdir -p own && cd own && echo x >file && mkdir shared && mkfifo pipe && ln -s file link";
    const own =
      "chown -h 12345:54321 file shared link pipe && chmod 4751 file && chmod 2775 shared && chmod 600 pipe";
    await machine.must(["sh", "-c", `${make} && ${own}`]);
    await msync(machine, SECOND, "-r", "own");
    const facts = (base: string) =>
      machine.must(["sh", "-c", `cd ${base}/own && stat -c '%n %A %u %g %y' file shared link pipe`]);
    expect(await facts("/srv/site")).toBe(await facts("/srv/second"));
    expect(await facts("/srv/site")).toMatch(/^file -rwsr-x--x 12345 54321 /);
    await machine.must(["rm", "-r", "/srv/site/own", "/srv/second/own"]);
  }, 30_000);

  test("is not started again with settings that are wrong", async () => {
    await expect(configure(machine, { MAKUOSAN_BASE: "/nowhere" })).rejects.toThrow();
    const unit = await machine.show("makuosan", "SubState", "ExecMainStatus", "NRestarts");
    expect(unit).toEqual({ SubState: "failed", ExecMainStatus: "2", NRestarts: "0" });
  });

  test("is started again when it was killed", async () => {
    await dropIn(machine, "[Service]\nRestartSec=0\n");
    await configure(machine, {});
    await machine.must(["kill", "-KILL", await mainPid()]);
    await until("another start", async () => {
      const unit = await machine.show("makuosan", "SubState", "NRestarts");
      return unit.SubState === "running" && unit.NRestarts === "1" ? true : undefined;
    });
    await knows(machine, SECOND, "first");
  }, 30_000);

  test("reloads, though the daemon is not root any more", async () => {
    await configure(machine, {});
    const pid = await mainPid();
    await machine.must(["systemctl", "reload", "makuosan"]);
    expect(await machine.show("makuosan", "ActiveState", "MainPID")).toEqual({
      ActiveState: "active",
      MainPID: pid,
    });
  }, 30_000);

  test("has a place for the console's socket, and leaves none behind", async () => {
    const socket = "/run/makuosan/console";
    await configure(machine, { MAKUOSAN_OPTIONS: `-U ${socket}` });
    expect(await machine.must(["stat", "-c", "%F %a %U %G", socket])).toBe("socket 660 www-data www-data\n");
    expect(await msync(machine, `unix:${socket}`, "--status")).toContain("\nbasedir : /srv/site/\n");
    await machine.must(["systemctl", "stop", "makuosan"]);
    expect((await machine.run(["ls", "/run/makuosan"])).status).not.toBe(0);
  }, 30_000);

  test("is watched: a daemon that hangs is replaced", async () => {
    await dropIn(machine, "[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\nRestartSec=0\n");
    await configure(machine, {});
    const started = await machine.show("makuosan", "WatchdogTimestampMonotonic", "MainPID");
    await until("a sign of life", async () => {
      const now = await machine.show("makuosan", "WatchdogTimestampMonotonic", "MainPID");
      expect(now.MainPID).toBe(started.MainPID ?? "");
      return now.WatchdogTimestampMonotonic === started.WatchdogTimestampMonotonic ? undefined : true;
    });
    await machine.must(["kill", "-STOP", started.MainPID ?? ""]);
    await until("another daemon", async () => {
      const now = await machine.show("makuosan", "SubState", "MainPID");
      return now.SubState === "running" && now.MainPID !== started.MainPID ? true : undefined;
    });
  }, 30_000);
});

/** What the manual tells to add to the unit, what needs it, and how one sees that it helps. */
type Permission = {
  readonly item: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly prepare: string;
  /** Whether the daemon starts without it. */
  readonly starts: boolean;
  works(): Promise<boolean>;
};

const receives = async (base: string) => {
  await knows(machine, SECOND, "first");
  machine.write("/srv/second/sent", "sent\n");
  await msync(machine, SECOND, "sent");
  return (await machine.run(["cat", `${base}/sent`])).stdout === "sent\n";
};

const PERMISSIONS: readonly Permission[] = [
  {
    item: "A base below /home or /root",
    settings: { MAKUOSAN_BASE: "/home/site", MAKUOSAN_USER: "root" },
    prepare: "mkdir -p /home/site",
    starts: false,
    works: () => receives("/home/site"),
  },
  {
    item: "A base below /usr , /boot or /etc",
    settings: { MAKUOSAN_BASE: "/etc/nginx", MAKUOSAN_USER: "root" },
    prepare: "mkdir -p /etc/nginx",
    starts: false,
    works: () => receives("/etc/nginx"),
  },
  {
    item: "c",
    settings: { MAKUOSAN_OPTIONS: "-c" },
    prepare: "true",
    starts: false,
    works: async () => {
      const root = await machine.must(["readlink", `/proc/${await mainPid()}/root`]);
      return root === "/srv/site\n" && (await receives("/srv/site"));
    },
  },
  {
    item: "-devices",
    settings: { MAKUOSAN_OPTIONS: "--devices", MAKUOSAN_USER: "root" },
    prepare: "rm -f /srv/second/node && mknod /srv/second/node c 1 3",
    starts: true,
    works: async () => {
      await knows(machine, SECOND, "first");
      const { status } = await machine.run(["msync", "-c", SECOND, "node"]);
      const made = await machine.run(["stat", "-c", "%F %t %T", "/srv/site/node"]);
      return status === 0 && made.stdout === "character special file 1 3\n";
    },
  },
  {
    item: "R or S beyond the limits of sysctl 8",
    settings: { MAKUOSAN_OPTIONS: "-R 50000000" },
    prepare: "true",
    starts: true,
    works: async () => (await msync(machine, FIRST, "--status")).includes("\nrecvsize: 100000000\n"),
  },
];

describe("what the manual tells to add to the unit", () => {
  test("is all here", () => {
    expect([...dropIns.keys()]).toEqual(PERMISSIONS.map(({ item }) => item));
  });

  for (const { item, settings, prepare, starts, works } of PERMISSIONS) {
    test(`${item}: is needed, and is enough`, async () => {
      await machine.must(["sh", "-c", prepare]);
      const started = await configure(machine, settings).then(
        () => true,
        () => false,
      );
      expect(started).toBe(starts);
      if (started) expect(await works()).toBe(false);
      await dropIn(machine, dropIns.get(item) ?? "");
      await configure(machine, settings);
      expect(await works()).toBe(true);
    }, 30_000);
  }
});
