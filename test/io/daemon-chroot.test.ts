import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import {
  Cluster,
  compileDaemon,
  daemonCommand,
  describeTree,
  run,
  runDaemonOnce,
  type TestDaemon,
} from "./daemon-fixture.ts";

/** Option -c: a daemon whose root is its base, and whom it leaves that as. */
setDefaultTimeout(20_000);

let cluster: Cluster;
let executable: string;
const root = process.getuid?.() === 0;

beforeAll(async () => {
  cluster = new Cluster();
  Bun.spawnSync(["chmod", "755", cluster.folder]);
  executable = await compileDaemon(cluster.folder);
});
afterAll(() => cluster.close());

function makeBase(name: string): string {
  const path = `${cluster.folder}/${name}`;
  mkdirSync(path);
  Bun.spawnSync(["chown", "www-data:www-data", path]);
  return path;
}

for (const kind of ["sources", "executable"] as const) {
  describe.if(root)(`a confined daemon from the ${kind}`, () => {
    let confined: TestDaemon;
    let other: TestDaemon;
    const drop = ["-u", "www-data", "-g", "www-data", "-G", "adm,daemon"];

    beforeAll(async () => {
      const command = kind === "sources" ? daemonCommand : [executable, "-n"];
      const base = makeBase(`${kind}-confined`);
      const socket = `${cluster.folder}/${kind}.sock`;
      [confined, other] = await Promise.all([
        cluster.startCommand(command, `${kind}1`, base, ...drop, "-c", "-U", socket),
        cluster.startCommand(command, `${kind}2`, makeBase(`${kind}-other`), ...drop),
      ]);
      await Promise.all([confined.knows(other.name), other.knows(confined.name)]);
    });

    test("sees nothing but its base", () => {
      const { pid } = confined.process;
      expect(readlinkSync(`/proc/${pid}/root`)).toBe(confined.base);
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(confined.base);
      expect(existsSync(`/proc/${pid}/root/etc/passwd`)).toBe(false);
      expect(existsSync(`/proc/${pid}/root/../etc/passwd`)).toBe(false);
      // A directory outside that is held open would be a way out.
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      const outside = open.filter((to) => to.startsWith("/") && !/^\/(memfd:|dev\/null)/.test(to));
      expect(new Set(outside)).toEqual(new Set([confined.base]));
    });

    test("every thread of it is who it should be, and may do nothing more", async () => {
      // Now the source's thread works, too.
      writeFileSync(`${confined.base}/first`, "");
      await confined.msync("-r");
      const id = async (...args: string[]) => (await run(["id", ...args])).stdout.trim();
      const group = async (name: string) => (await run(["getent", "group", name])).stdout.split(":")[2];
      const { stdout } = await run(["sh", "-c", `cat /proc/${confined.process.pid}/task/*/status`]);
      const of = (name: string) =>
        new Set([...stdout.matchAll(new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "gm"))].map((m) => m[1]));
      const names = [...stdout.matchAll(/^Name:\t(.*)$/gm)].map((match) => match[1]);
      expect(names).toEqual(expect.arrayContaining(["makuosan", "engine", "source", "stage"]));
      expect(of("Uid")).toEqual(
        new Set([
          Array(4)
            .fill(await id("-u", "www-data"))
            .join("\t"),
        ]),
      );
      expect(of("Gid")).toEqual(
        new Set([
          Array(4)
            .fill(await id("-g", "www-data"))
            .join("\t"),
        ]),
      );
      const groups = (await Promise.all(["daemon", "adm"].map(group))).map(Number).sort((a, b) => a - b);
      expect(of("Groups")).toEqual(new Set([groups.join(" ")]));
      for (const set of ["CapPrm", "CapEff", "CapAmb"])
        expect(of(set)).toEqual(new Set(["0000000000000000"]));
    });

    test("sends and receives, and knows its base by its own name", async () => {
      mkdirSync(`${confined.base}/tree/deep`, { recursive: true });
      writeFileSync(`${confined.base}/tree/deep/file`, "x".repeat(300_000));
      Bun.spawnSync(["chown", "-R", "www-data:www-data", confined.base]);
      expect(await confined.msync("-r", "-t", other.name)).toMatchObject({ status: 0, stderr: "" });
      expect(describeTree(other.base)).toEqual(describeTree(confined.base));
      writeFileSync(`${other.base}/tree/back`, "y".repeat(300_000));
      Bun.spawnSync(["chown", "-R", "www-data:www-data", other.base]);
      expect(await other.msync("-r", "-t", confined.name)).toMatchObject({ status: 0, stderr: "" });
      expect(describeTree(confined.base)).toEqual(describeTree(other.base));
      expect((await confined.status()).get("chroot")).toBe(`${confined.base}/`);
      expect((await other.status()).get("basedir")).toBe(`${other.base}/`);
    });

    test("a link that leads outside is sent as a link, and nobody goes through it", async () => {
      writeFileSync(`${cluster.folder}/${kind}-secret`, "secret");
      symlinkSync(cluster.folder, `${confined.base}/out`);
      expect(await confined.msync("out", "-t", other.name)).toMatchObject({ status: 0 });
      expect(readlinkSync(`${other.base}/out`)).toBe(cluster.folder);
      const through = await confined.msync(`out/${kind}-secret`, "-t", other.name);
      expect(through.status).toBe(1);
      expect(through.stderr).toStartWith("error: ");
      expect(JSON.stringify(describeTree(other.base))).not.toContain("-secret");
    });

    test("knows the system's groups by name, of which it has no list any more", async () => {
      expect(await confined.msync("-g", "adm", "first", "-t", other.name)).toMatchObject({
        stderr: "",
        status: 0,
      });
      const adm = Number((await run(["getent", "group", "adm"])).stdout.split(":")[2]);
      expect(statSync(`${confined.base}/first`).gid).toBe(adm);
      expect((await confined.msync("-g", "no-such-group", "first")).status).toBe(1);
    });

    test("SIGHUP says what cannot be done, and the end is clean", async () => {
      confined.process.kill("SIGHUP");
      await confined.says("in a chroot the log cannot be opened again: it stays as it is");
      confined.process.kill("SIGTERM");
      expect(await confined.process.exited).toBe(0);
      // Its name means something else there: the next start takes its place.
      expect(existsSync(`${cluster.folder}/${kind}.sock`)).toBe(true);
      const socket = ["-U", `${cluster.folder}/${kind}.sock`];
      const next = await cluster.start(`${kind}3`, makeBase(`${kind}-third`), ...socket);
      for (const daemon of [next, other]) {
        daemon.process.kill("SIGTERM");
        expect(await daemon.process.exited).toBe(0);
      }
    });
  });
}

test.if(root)("without -c the root stays what it is", async () => {
  const daemon = await cluster.start("free", makeBase("free"));
  expect(readlinkSync(`/proc/${daemon.process.pid}/root`)).toBe("/");
});

test.if(root)("root is told that it could leave", async () => {
  const daemon = await cluster.start("rooted", makeBase("rooted"), "-c");
  expect(daemon.log).toContain("root can leave a chroot: name another user with -u");
  expect(readFileSync(`/proc/${daemon.process.pid}/comm`, "utf8")).toBe("makuosan\n");
});

test("who may not change the root is refused", async () => {
  const base = makeBase("refused");
  const others = root ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
  const options = ["-n", "-b", base, "-i", "127.0.0.1", "-l", "127.0.0.75", "-p", "5875", "-c"];
  const { status, stderr } = await run([...others, executable, ...options]);
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr:
      "makuosan: cannot make the base directory the root (-c): Operation not permitted; only root can\n",
  });
  expect((await runDaemonOnce("-c", "-b", "/none")).status).toBe(2);
});
