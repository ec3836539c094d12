import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { Cluster, compileDaemon, daemonCommand, hasEnded, msyncAt, run, until } from "./daemon-fixture.ts";

/** The way to the background: what the process that is started says and returns, and what the one that stays is. */
setDefaultTimeout(20_000);

let cluster: Cluster;
let base: string;
let executable: string;
const started: number[] = [];

beforeAll(async () => {
  cluster = new Cluster();
  base = `${cluster.folder}/base`;
  mkdirSync(base);
  writeFileSync(`${cluster.folder}/word`, "word\n", { mode: 0o600 });
  executable = await compileDaemon(cluster.folder);
});
afterEach(async () => {
  for (const pid of started.splice(0)) {
    if (!hasEnded(pid)) process.kill(pid, "SIGKILL");
    await until(() => hasEnded(pid), 5_000);
  }
});
afterAll(() => cluster.close());

/** The process that wrote a daemon's log. */
function loggedPid(log: string): number {
  const pid = Number(/makuosan\[(\d+)\]/.exec(readFileSync(log, "utf8"))?.[1]);
  started.push(pid);
  return pid;
}

/** A process's parent and session, and its terminal (0: none). */
function descent(pid: number): { readonly session: number; readonly terminal: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return { session: Number(fields[3]), terminal: Number(fields[4]) };
}

/** What a process has open, as bytes. */
function descriptors(pid: number): string[] {
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
  // One may be closed meanwhile.
  return open.flatMap((path) =>
    lstatSync(path, { throwIfNoEntry: false }) !== undefined
      ? [readlinkSync(path, { encoding: "buffer" }).toString("latin1")]
      : [],
  );
}

for (const kind of ["sources", "executable"] as const) {
  test(`${kind}: when the command returns, the daemon is up, away from everything`, async () => {
    const command = kind === "sources" ? [...daemonCommand, "-D"] : [executable];
    const { listen, args } = cluster.arguments(kind, "base");
    const log = `${cluster.folder}/${kind}.log`;
    // Paths are relative to where it was started, also for a process that has gone to another directory.
    const files = ["--log", `${kind}.log`, "-K", "word", "-U", `${kind}.sock`];
    // A descriptor that a daemon has no business with: whoever waits for its end would wait for the daemon's.
    const argv = ["sh", "-c", 'exec 9>&1; exec "$@"', "sh", ...command, ...args, ...files];
    expect(await run(argv, cluster.folder)).toEqual({ status: 0, stdout: "", stderr: "" });
    const pid = loggedPid(log);
    expect(readFileSync(log, "utf8")).toContain(" is up: ");
    expect(descent(pid)).toEqual({ session: pid, terminal: 0 });
    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("makuosan\n");
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
    for (const fd of [0, 1, 2]) expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toBe("/dev/null");
    // It says that it is up by a pipe, which it closes then.
    const pipes = () => descriptors(pid).filter((to) => to.startsWith("pipe:"));
    await until(() => pipes().length === 0, 5_000);
    expect(pipes()).toEqual([]);
    const socket = `${cluster.folder}/${kind}.sock`;
    for (const target of [`unix:${socket}`, `tcp:${listen}:5000`]) {
      const wanted = { status: 0, stdout: "Total: 0 members\n", stderr: "" };
      expect(await msyncAt(target, "-K", `${cluster.folder}/word`, "--members")).toEqual(wanted);
    }
    process.kill(pid, "SIGTERM");
    expect(await until(() => hasEnded(pid), 5_000)).toBe(true);
    expect(existsSync(socket)).toBe(false);
  });
}

test("-n keeps the executable in the foreground", async () => {
  const daemon = await cluster.startCommand([executable, "-n"], "stays", base);
  expect(readFileSync(`/proc/${daemon.process.pid}/comm`, "utf8")).toBe("makuosan\n");
  daemon.process.kill("SIGTERM");
  expect(await daemon.process.exited).toBe(0);
});

test("a path that is no text arrives as it is", async () => {
  const log = `${cluster.folder}/bytes.log`;
  const { args } = cluster.arguments("bytes", "base");
  mkdirSync(Buffer.from(`${cluster.folder}/b\xff`, "latin1"));
  const script = 'exec "$@" -b "$(printf \'b\\377\')"';
  const argv = ["sh", "-c", script, "sh", ...daemonCommand, "-D", ...args, "--log", log];
  expect(await run(argv, cluster.folder)).toMatchObject({ status: 0, stderr: "" });
  const pid = loggedPid(log);
  expect(descriptors(pid)).toContain(`${cluster.folder}/b\xff`);
});

describe("what goes wrong", () => {
  test("at the command line or on this host: status 2, and nothing is started", async () => {
    for (const wrong of [
      ["-p", "0"],
      ["-u", "no-such-user"],
      ["-b", "/no/such/base"],
      ["-k", "/no/key"],
    ]) {
      const { status, stdout, stderr } = await run([executable, "-b", base, "-i", "127.0.0.1", ...wrong]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^makuosan: [^\n]+\n$/);
    }
  });

  test("in the second process: status 1, and its reason", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(5876, "127.0.0.76", resolve));
    const args = ["-b", base, "-i", "127.0.0.1", "-l", "127.0.0.76", "-p", "5876"];
    for (const command of [[...daemonCommand, "-D"], [executable]]) {
      expect(await run([...command, ...args])).toEqual({
        status: 1,
        stdout: "",
        stderr:
          "makuosan: console at 127.0.0.76 port 5876: the port is in use; is another makuosan running?\n",
      });
    }
    server.close();
  });

  const program = new URL("background-program.ts", import.meta.url).pathname;
  const outcome = async (mode: string, ...more: string[]) => {
    const { stdout, stderr } = await run([process.execPath, program, mode, ...more]);
    return { ...JSON.parse(stdout), stderr };
  };

  test("the second process ends without a word, in whatever way", async () => {
    const text = "the daemon was ended by signal 9 before it was up";
    expect(await outcome("killed")).toEqual({ status: 1, text, stderr: "" });
    expect(await outcome("failed")).toEqual({ status: 1, text: "", stderr: "this is why\n" });
    expect(await outcome("ended")).toEqual({
      status: 1,
      text: "the daemon was ended before it was up",
      stderr: "",
    });
  });

  test("nothing: the second process goes on when the first has gone", async () => {
    const file = `${cluster.folder}/ran`;
    expect(await outcome("up", file)).toEqual({ status: 0, text: "", stderr: "" });
    expect(await until(() => existsSync(file) && readFileSync(file, "utf8") !== "", 5_000)).toBe(true);
  });

  test("a mark in the environment alone does not make a second process", async () => {
    const { stderr, status } = await run([
      "env",
      "MAKUOSAN_BACKGROUND=3",
      ...daemonCommand,
      "-D",
      "-b",
      "/none",
    ]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "makuosan: base directory /none: No such file or directory\n",
    });
  });
});
