/** msync and the connection: passwords, strangers, consoles that die at any byte, and scripts. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import type { JsonEvent } from "../../src/cli/json-protocol.ts";
import { closing } from "./closing.ts";
import { HELLO, openJsonDaemon } from "./json-daemon.ts";
import { msync } from "./msync-fixture.ts";

const { later, opened } = closing();

function fileWith(text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), "msync-"));
  later(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file");
  writeFileSync(path, Buffer.from(text, "latin1"));
  chmodSync(path, mode);
  return path;
}

const id = 1;
const events: readonly JsonEvent[] = [
  { event: "started", id, hosts: ["höst2"], readOnly: [] },
  { event: "files", id, host: "höst2", action: "update", paths: ["ä", "b"] },
  { event: "outcome", id, host: "höst2", address: "10.0.0.2", outcome: "complete", updates: 2 },
  { event: "finished", id, ok: true, seconds: 0.1 },
];
const stream = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
const lines = ["update h\xc3\xb6st2:\xc3\xa4", "update h\xc3\xb6st2:b"];

/**
 * A console that greets with `first`, and, if the client then speaks, says the other bytes in parts, some turns after each other; then it closes
 * or stays. With no other bytes it does not wait for the client.
 */
function openBytes(
  said: { first: Uint8Array; rest: readonly Uint8Array[] },
  end: "close" | "reset" | "stay",
) {
  const leave = (socket: Socket<{ asked: boolean }>) => {
    if (end === "close") socket.end();
    if (end === "reset") socket.terminate();
  };
  const server = Bun.listen<{ asked: boolean }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = { asked: false };
        socket.write(said.first);
        if (said.rest.length === 0) leave(socket);
      },
      data: async (socket) => {
        if (socket.data.asked) return;
        socket.data.asked = true;
        for (const part of said.rest) {
          socket.write(part);
          await Bun.sleep(0);
        }
        leave(socket);
      },
    },
  });
  return { port: server.port, close: () => server.stop(true) };
}

const prompt = Buffer.from("> ");
const answer = Buffer.concat([Buffer.from(`${JSON.stringify(HELLO)}\n`), stream]);

describe("a console that dies", () => {
  test.each([
    ["close", "-rv", lines],
    ["reset", "-rv", lines],
    ["close", "-r", []],
    ["reset", "-r", []],
  ] as const)("at any byte (%s, %s) is never a success", async (end, flags, printed) => {
    const length = prompt.length + answer.length;
    const cuts = Array.from({ length }, (_, i) => i);
    const wrong: number[] = [];
    const from = async (cut: number) => {
      const rest = cut <= prompt.length ? [] : [answer.subarray(0, cut - prompt.length)];
      const console = openBytes({ first: prompt.subarray(0, cut), rest }, end);
      const { status, stderr } = await msync(console.port, flags);
      console.close();
      if (status !== 1 || stderr.length !== 1 || !stderr[0]?.startsWith("error: ")) wrong.push(cut);
    };
    // The last byte is the line end of `finished`: without it, nothing was said.
    for (let at = 0; at < cuts.length; at += 32) await Promise.all(cuts.slice(at, at + 32).map(from));
    expect(wrong).toEqual([]);
    const complete = opened(openBytes({ first: prompt, rest: [answer] }, end));
    expect(await msync(complete.port, flags)).toEqual({ status: 0, stdout: [...printed], stderr: [] });
  });

  test("says which console it was", async () => {
    const daemon = opened(openJsonDaemon({ onRequest: (_, client) => client.close() }));
    expect(await msync(daemon.port, "-r")).toEqual({
      status: 1,
      stdout: [],
      stderr: [`error: tcp:127.0.0.1:${daemon.port} closed the connection`],
    });
  });

  test("after a failure without a name, the failure is told", async () => {
    const failed: JsonEvent = {
      event: "outcome",
      id,
      host: "h",
      address: "1.2.3.4",
      outcome: "failed",
      text: "no room",
    };
    const daemon = opened(
      openJsonDaemon({
        onRequest: (_, client) => {
          client.event(failed);
          client.close();
        },
      }),
    );
    expect((await msync(daemon.port, "-r")).stderr).toEqual([
      "error: no room: 1.2.3.4(h)",
      `error: tcp:127.0.0.1:${daemon.port} closed the connection`,
    ]);
  });
});

test("bytes may come in any parts", async () => {
  for (const size of [1, 2, 3, 7, 64]) {
    const parts = Array.from({ length: Math.ceil(answer.length / size) }, (_, i) =>
      answer.subarray(i * size, (i + 1) * size),
    );
    const console = opened(openBytes({ first: prompt, rest: parts }, "stay"));
    expect(await msync(console.port, "-r", "-v")).toEqual({ status: 0, stdout: lines, stderr: [] });
  }
});

describe("who is no makuosan, or another", () => {
  const cases: { name: string; said: string; text: (where: string) => string }[] = [
    {
      name: "a web server",
      said: "HTTP/1.1 400 Bad Request\r\n\r\n",
      text: (at) => `${at} is no console of a makuosan`,
    },
    {
      name: "one that refuses",
      said: "error: too many\x1b consoles\n",
      text: (at) => `${at}: too many consoles`,
    },
    {
      name: "one without JSON",
      said: "> mexec: command error 'json'\n> ",
      text: (at) => `${at} does not speak as a makuosan of this version does`,
    },
    {
      name: "no hello",
      said: '> {"event":"finished","id":1,"ok":true,"seconds":1}\n',
      text: (at) => `${at} does not speak as a makuosan of this version does`,
    },
    {
      name: "of a later protocol",
      said: `> ${JSON.stringify({ ...HELLO, protocol: 2, version: "9.0" })}\n`,
      text: (at) => `${at} is makuosan 9.0, which wants another msync`,
    },
    {
      name: "one that speaks badly",
      said: `> ${JSON.stringify(HELLO)}\n{"event":"finished","id":1,"ok":"yes","seconds":1}\n`,
      text: (at) => `${at} does not speak as a makuosan of this version does`,
    },
  ];
  test.each(cases)("$name", async ({ said, text }) => {
    const greets = said.startsWith("> ");
    const first = greets ? prompt : Buffer.from(said);
    const rest = greets ? [Buffer.from(said.slice(2))] : [];
    const console = opened(openBytes({ first, rest }, "stay"));
    expect(await msync(console.port, "-r")).toEqual({
      status: 1,
      stdout: [],
      stderr: [`error: ${text(`tcp:127.0.0.1:${console.port}`)}`],
    });
  });

  test("a unix socket that is not there", async () => {
    const { status, stderr } = await msync(1, "-c", "/nowhere/at all", "-r");
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: ["error: no makuosan at unix:/nowhere/at all (ENOENT); see README, Troubleshooting"],
    });
  });
});

describe("a password", () => {
  const daemonWith = (password: string) =>
    opened(
      openJsonDaemon({
        password,
        onRequest: (_, client) => {
          for (const event of events) client.event(event);
        },
      }),
    );

  test("opens the console, whatever bytes it has", async () => {
    for (const password of ["secret", "zwei W\xc3\xb6rter", "\xff\xfe "]) {
      const daemon = daemonWith(password);
      const file = fileWith(`${password}\nnot this\n`);
      expect(await msync(daemon.port, "-r", "-v", "-K", file)).toEqual({
        status: 0,
        stdout: lines,
        stderr: [],
      });
      expect(await msync(daemon.port, "--members", "-K", file)).toMatchObject({ status: 0 });
    }
  });

  test("that is wrong, or not given", async () => {
    const daemon = daemonWith("secret");
    const at = `tcp:127.0.0.1:${daemon.port}`;
    for (const [args, text] of [
      [["-K", fileWith("other\n")], `wrong password for ${at}`],
      [[], `${at} wants a password: -K FILE is needed`],
    ] as const) {
      for (const action of ["-r", "--status"])
        expect(await msync(daemon.port, action, ...args)).toEqual({
          status: 1,
          stdout: [],
          stderr: [`error: ${text}`],
        });
    }
    expect(daemon.requests).toEqual([]);
  });

  test("in a file that cannot be used: one line, 2, and nobody is asked", async () => {
    const open = fileWith("secret\n", 0o604);
    const group = fileWith("secret\n", 0o640);
    const empty = fileWith("\nsecret");
    for (const [file, text] of [
      [open, `password file ${open}: others than its owner may read or write it; run: chmod 600 ${open}`],
      [group, `password file ${group}: others than its owner may read or write it; run: chmod 600 ${group}`],
      [empty, `password file ${empty}: its first line is empty`],
      ["/nowhere", "password file /nowhere: No such file or directory"],
      ["/", "password file /: this is no regular file"],
    ] as const) {
      expect(await msync(1, "-r", "-K", file)).toEqual({ status: 2, stdout: [], stderr: [`msync: ${text}`] });
    }
  });
});

describe("-f", () => {
  test("sends one command after the other, and fails if one did", async () => {
    const daemon = opened(
      openJsonDaemon({
        onLine: (line, client) => {
          if (line.startsWith("echo ")) client.raw(Buffer.from(`${line.slice(5)}\n`, "latin1"));
          if (line === "send -r") client.raw("update h:a\nerror: receive time out: 1.2.3.4(h)\n");
        },
      }),
    );
    const script = fileWith("exclude add *~\n\nsend -r\r\necho \xfft");
    expect(await msync(daemon.port, "-v", "-f", script)).toEqual({
      status: 1,
      stdout: ["update h:a", "\xfft"],
      stderr: ["error: receive time out: 1.2.3.4(h)"],
    });
    expect(daemon.lines).toEqual(["loglevel 1", "exclude add *~", "send -r", "echo \xfft"]);
    expect(await msync(daemon.port, "-f", fileWith("echo a\n"))).toEqual({
      status: 0,
      stdout: ["a"],
      stderr: [],
    });
    expect(await msync(daemon.port, "-f", fileWith(""))).toEqual({ status: 0, stdout: [], stderr: [] });
  });

  test.each([
    "mexec: command error 'x'",
    "host9 is not contained in members",
    "host2: NG a",
    "delete error (Permission denied) host2:a",
    "error: x",
  ])("%s: 1", async (line) => {
    const daemon = opened(openJsonDaemon({ onLine: (_, client) => client.raw(`${line}\n`) }));
    expect((await msync(daemon.port, "-f", fileWith("x\n"))).status).toBe(1);
  });

  test("a script may say goodbye, but the console may not", async () => {
    const daemon = opened(
      openJsonDaemon({
        onLine: (line, client) => (line === "quit" || line === "die" ? client.close() : undefined),
      }),
    );
    expect(await msync(daemon.port, "-f", fileWith("echo a\nquit\nnever\n"))).toMatchObject({
      status: 0,
      stderr: [],
    });
    expect(daemon.lines).toEqual(["echo a", "quit"]);
    expect(await msync(daemon.port, "-f", fileWith("die\n"))).toMatchObject({
      status: 1,
      stderr: [`error: tcp:127.0.0.1:${daemon.port} closed the connection`],
    });
  });

  test("a script cannot go on in JSON, whose answers have no end that it knows", async () => {
    const daemon = opened(openJsonDaemon({ onLine: (line, client) => client.raw(`<${line}>\n`) }));
    expect(await msync(daemon.port, "-f", fileWith("echo a\n json\nnever\n"))).toEqual({
      status: 1,
      stdout: ["<echo a>"],
      stderr: ["error: json: a script is of lines of text; there is --json"],
    });
    expect(daemon.lines).toEqual(["echo a"]);
  });

  test("that cannot be read: 2", async () => {
    expect(await msync(1, "-f", "/nowhere")).toEqual({
      status: 2,
      stdout: [],
      stderr: ["msync: cannot read /nowhere: No such file or directory"],
    });
  });
});
