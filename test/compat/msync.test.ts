/** Each option of msync against real daemons: what it does, what is printed where, and the exit status. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Host, Lab } from "../lab/lab.ts";
import { SCENARIO_MS } from "../lab/scenario.ts";
import { clear, msync, outcomeOf } from "./lab-cast.ts";

setDefaultTimeout(SCENARIO_MS);

let lab: Lab;
let host1: Host;
let host2: Host;
let host3: Host;
beforeAll(async () => {
  lab = await Lab.create({ hosts: 3 });
  [host1, host2, host3] = [lab.host(1), lab.host(2), lab.host(3)];
  await Promise.all([
    host1.daemon({ args: ["-U", "/srv/console", "-l", "127.0.0.1"] }),
    host2.daemon(),
    host3.daemon(),
  ]);
  await lab.settled(lab.hosts);
}, SCENARIO_MS);
afterAll(() => lab[Symbol.asyncDispose]());
beforeEach(async () => {
  await clear(lab);
  await host1.shell("cd /srv/www && mkdir d && echo a >d/a && echo b >b && echo 'two words' >'two words'");
});

const nothing = { status: 0, out: [], err: [] };
const names = (host: Host) => host.shell("cd /srv/www && find . -mindepth 1 -printf '%P\\n' | sort");

describe("what is sent", () => {
  test("a path, several, names with blanks, the whole base", async () => {
    expect(await msync(host1, ["b"])).toEqual(nothing);
    expect(await names(host2)).toBe("b\n");
    expect(await msync(host1, ["d/a", "two words"])).toEqual(nothing);
    expect(await names(host2)).toBe("b\nd\nd/a\ntwo words\n");
    await clear(lab);
    await host1.shell("cd /srv/www && mkdir d && echo a >d/a && echo b >b");
    expect(await msync(host1, ["-r"])).toEqual(nothing);
    expect(await names(host3)).toBe("b\nd\nd/a\n");
  });

  test("paths are relative to the daemon's base, wherever msync runs", async () => {
    expect(await host1.shell("cd / && msync b")).toBe("");
    expect(await names(host2)).toBe("b\n");
    const inside = outcomeOf(await host1.exec(["sh", "-c", "cd /srv/www/d && msync a"]));
    expect(inside).toEqual({ status: 1, out: [], err: ["error: a: No such file or directory"] });
  });

  test("-t: to this host, or these", async () => {
    expect(await msync(host1, ["-t", "host3", "-r", "d/"])).toEqual(nothing);
    expect([await names(host2), await names(host3)]).toEqual(["", "d\nd/a\n"]);
    expect(await msync(host1, ["-rt", "host2,host3"])).toEqual(nothing);
    expect(await names(host2)).toBe(await names(host1));
    const unknown = await msync(host1, ["-t", "host9", "b"]);
    expect(unknown).toEqual({ status: 1, out: ["host9 is not contained in members"], err: [] });
  });

  test("-g: the group is changed here first", async () => {
    expect(await msync(host1, ["-g", "daemon", "b"])).toEqual(nothing);
    for (const host of [host1, host2]) expect(await host.shell("stat -c %G /srv/www/b")).toBe("daemon\n");
    const unknown = await msync(host1, ["-g", "no-such-group", "b"]);
    expect(unknown).toEqual({ status: 1, out: [], err: ["error: there is no group no-such-group"] });
  });

  test("--exclude, --exclude-from a file and stdin: neither sent nor deleted", async () => {
    await host2.shell("echo keep >/srv/www/keep.log");
    await host1.shell("printf 'd/\\n\\n*.swp\\n' >/srv/patterns && echo s >/srv/www/x.swp");
    expect(await msync(host1, ["--exclude=b", "--exclude", "two words", "-rn"])).toEqual({
      ...nothing,
      out: ["(dryrun) [update:d/a]", "(dryrun) [update:d]", "(dryrun) [update:x.swp]"],
    });
    expect(await msync(host1, ["--exclude-from=/srv/patterns", "-rn"])).toEqual({
      ...nothing,
      out: ["(dryrun) [update:b]", "(dryrun) [update:two words]"],
    });
    const args = ["--delete", "--exclude-from=-", "-r"];
    expect(await msync(host1, args, { input: "*.swp\n*.log\n" })).toEqual(nothing);
    expect(await names(host2)).toBe("b\nd\nd/a\nkeep.log\ntwo words\n");
  });
});

describe("what is deleted", () => {
  beforeEach(async () => {
    await msync(host1, ["-r"]);
    await host2.shell("cd /srv/www && echo e >extra && mkdir -p d/old && echo o >d/old/o");
    await host3.shell("cd /srv/www && echo g >gone");
  });

  test("--delete: all that is missing here, below what is sent; told at every level", async () => {
    const gone = ["host2:d/old", "host2:d/old/o", "host2:extra", "host3:gone"];
    const dry = gone.map((line) => `(dryrun) delete ${line}`);
    expect(await msync(host1, ["--delete", "-rn"])).toEqual({
      ...nothing,
      out: ["(dryrun) [update:d]", ...dry],
    });
    expect(await msync(host1, ["--delete", "-rnv"])).toEqual({
      ...nothing,
      out: [...dry, "(dryrun) update host2:d"],
    });
    expect(await msync(host1, ["--delete", "-r"])).toEqual({
      ...nothing,
      out: gone.map((line) => `delete ${line}`),
    });
    for (const host of [host2, host3]) expect(await names(host)).toBe(await names(host1));
  });

  test("--sync: a given path that is missing here, and nothing else", async () => {
    expect(await msync(host1, ["--sync", "gone", "b"])).toEqual(nothing);
    expect(await names(host3)).toBe(await names(host1));
    expect(await names(host2)).toBe("b\nd\nd/a\nd/old\nd/old/o\nextra\ntwo words\n");
    expect(await msync(host1, ["gone"])).toMatchObject({ status: 1, out: [] });
  });
});

describe("what is told", () => {
  test("-v, and as often as it is repeated; -l", async () => {
    await msync(host1, ["-t", "host2", "b"]);
    const update = ["update host3:b"];
    const skip = ["skip   host2:b", ...update];
    expect(await msync(host1, ["-n", "b"])).toEqual({ ...nothing, out: ["(dryrun) [update:b]"] });
    for (const level of ["-v", "-l1"])
      expect(await msync(host1, ["-n", level, "b"])).toEqual({
        ...nothing,
        out: ["(dryrun) update host3:b"],
      });
    expect(await msync(host1, ["-vvn", "b"])).toEqual({
      ...nothing,
      out: ["(dryrun) update host3:b", "skip   host2:b"],
    });
    expect(await msync(host1, ["-l", "1", "-v", "b"])).toEqual({ ...nothing, out: skip });
    expect(await msync(host1, ["-vv", "b"])).toEqual({
      ...nothing,
      out: ["skip   host2:b", "skip   host3:b"],
    });
  });

  test("error lines go to stderr, all others to stdout", async () => {
    await host1.shell("printf 'echo out\\nsend missing\\nsend -t host9 b\\nnonsense\\n' >/srv/script");
    expect(await msync(host1, ["-f", "/srv/script"])).toEqual({
      status: 1,
      out: ["host9 is not contained in members", "mexec: command error 'nonsense'", "out"],
      err: ["error: missing: No such file or directory"],
    });
  });

  test("--check: what differs, and that it does by the exit status", async () => {
    await msync(host1, ["-r"]);
    expect(await msync(host1, ["--check", "-r"])).toEqual(nothing);
    await host3.shell("cd /srv/www && echo x >b && rm d/a");
    const different = ["host3: NG b", "host3: NG d/a"];
    expect(await msync(host1, ["--check", "-r"])).toEqual({ status: 1, out: different, err: [] });
    expect(await msync(host1, ["--check", "-v", "b"])).toEqual({
      status: 1,
      out: ["host2: OK b", "host3: NG b"],
      err: [],
    });
    expect(await host3.shell("cat /srv/www/b")).toBe("x\n");
  });

  test("--members and --status", async () => {
    const members = await msync(host1, ["--members"]);
    expect(members).toMatchObject({ status: 0, err: [] });
    expect(members.out.join("\n")).toMatch(
      /^Total: 2 members\nhost2 10\.77\.0\.2 \(Ver\d+\.\d+\.\d+\)\nhost3 10\.77\.0\.3 \(Ver\d+\.\d+\.\d+\)$/,
    );
    const status = await msync(host1, ["--status"]);
    expect(status).toMatchObject({ status: 0, err: [] });
    expect(status.out).toEqual(expect.arrayContaining(["basedir : /srv/www/", "command : 1", "  status"]));
  });
});

describe("with whom msync talks", () => {
  test("-c and MSYNC_TARGET: a port, a socket, a plain path", async () => {
    const asked = async (args: readonly string[], target?: string) => {
      const env = target === undefined ? {} : { MSYNC_TARGET: target };
      const { status, out } = await msync(host1, [...args, "--members"], { env });
      return { status, last: out[0] };
    };
    const answer = { status: 0, last: "Total: 2 members" };
    expect(await asked([])).toEqual(answer);
    for (const target of ["tcp:127.0.0.1:5000", "unix:/srv/console", "/srv/console"]) {
      expect(await asked(["-c", target])).toEqual(answer);
      expect(await asked([], target)).toEqual(answer);
      expect(await asked(["-c", target], "unix:/none")).toEqual(answer);
    }
    expect(await asked([], "unix:/none")).toEqual({ status: 1, last: undefined });
  });

  test("-K: the console's password", async () => {
    await host1.shell(
      "(umask 077 && echo 'pass word' >/srv/word && echo wrong >/srv/wrong) && mkdir /srv/locked",
    );
    const daemon = await host1.daemon({
      base: "/srv/locked",
      args: ["-p", "5100", "-K", "/srv/word"],
      port: 5100,
    });
    const ask = (...args: string[]) => msync(host1, ["-c", "tcp:127.0.0.1:5100", ...args, "--members"]);
    expect(await ask("-K", "/srv/word")).toEqual({ ...nothing, out: ["Total: 0 members"] });
    expect(await ask("-K", "/srv/wrong")).toMatchObject({ status: 1, out: [] });
    expect(await ask()).toMatchObject({ status: 1, out: [] });
    expect(await daemon.kill("SIGTERM")).toBe(0);
  });

  test("-f: console commands from a file, or stdin", async () => {
    await host1.shell("printf 'loglevel 1\\nexclude add d\\nsend -r\\n' >/srv/script");
    const out = ["update host2:b", "update host2:two words", "update host3:b", "update host3:two words"];
    expect(await msync(host1, ["-f", "/srv/script"])).toEqual({ ...nothing, out });
    expect(await msync(host1, ["-f", "-"], { input: "echo from stdin\nsend b\n" })).toEqual({
      ...nothing,
      out: ["from stdin"],
    });
  });
});

test("no arguments, and --delete or -g where nothing is sent: usage, status 1; -h and -V: 0", async () => {
  for (const args of [
    [],
    ...["--check", "--status", "--members"].flatMap((what) => [
      [what, "--delete", "-r"],
      [what, "-g", "daemon", "-r"],
    ]),
  ]) {
    const { status, stdout, stderr } = await host1.msync(args);
    expect({ args, status, stdout }).toEqual({ args, status: 1, stdout: "" });
    expect(stderr).toStartWith("Usage: msync");
  }
  expect(await host1.shell("msync -h")).toStartWith("Usage: msync");
  expect(await host1.shell("msync -V")).toMatch(/^msync \d+\.\d+\.\d+\n$/);
});
