import { expect, test } from "bun:test";
import { Connection, type ConsoleOutput, type ConsoleSocket } from "../../src/io/console-connection.ts";
import { ConsolePool } from "../../src/io/console-pool.ts";

/** A connection over a socket that is none: `takes` says how many bytes the system takes of each write. */
function open(takes: (bytes: number) => number = (bytes) => bytes) {
  const calls: string[] = [];
  const lines: string[] = [];
  const state = { sent: "", ready: true };
  const socket = {
    write: (bytes: Buffer) => {
      const taken = takes(bytes.length);
      if (taken > 0) state.sent += bytes.toString("latin1", 0, taken);
      return taken;
    },
    pause: () => calls.push("pause"),
    resume: () => calls.push("resume"),
    shutdown: () => calls.push("shutdown"),
    end: () => calls.push("end"),
    terminate: () => calls.push("terminate"),
  };
  const pool = new ConsolePool();
  const outputs: ConsoleOutput[] = [];
  const connection = new Connection(socket as unknown as ConsoleSocket, {
    pool,
    open: (output) => {
      outputs.push(output);
      return {
        get ready() {
          return state.ready;
        },
        lineBytesMax: 1 << 22,
        line: (text) => lines.push(text),
        overlong: () => lines.push("(overlong)"),
        hungUp: () => calls.push("hungUp"),
        inputEnded: () => calls.push("inputEnded"),
        closed: () => calls.push("closed"),
      };
    },
    dropped: (why) => calls.push(why),
  });
  const [output] = outputs;
  if (output === undefined) throw new Error("no session was opened");
  return { calls, lines, state, pool, connection, output };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("who sends many lines at once has 128 of them done before others have their turn", async () => {
  const { lines, connection } = open();
  connection.received(Buffer.from("\n".repeat(300)));
  expect(lines).toHaveLength(128);
  await turn();
  expect(lines).toHaveLength(256);
  await turn();
  expect(lines).toHaveLength(300);
});

test("input waits while the session is busy; at more than 8 MiB the client waits, too", () => {
  const { calls, lines, state, connection, output, pool } = open();
  state.ready = false;
  const half = Buffer.from(`${"x".repeat((4 << 20) - 1)}\n`);
  connection.received(half);
  connection.received(half);
  expect([lines.length, calls]).toEqual([0, []]);
  connection.received(Buffer.from("\n"));
  expect(calls).toEqual(["pause"]);
  expect(pool.heldBytes).toBe((8 << 20) + 1);
  state.ready = true;
  output.next();
  expect(lines.map((line) => line.length)).toEqual([(4 << 20) - 1, (4 << 20) - 1, 0]);
  expect(calls).toEqual(["pause", "resume"]);
  expect(pool.heldBytes).toBe(0);
});

test("no line is taken while 256 KiB of answers have not been read, and all when they have", () => {
  let room = 0;
  const { lines, state, connection, output } = open((bytes) => Math.min(bytes, room));
  output.write("a".repeat((256 << 10) + 1));
  connection.received(Buffer.from("1\n2\n"));
  expect(lines).toEqual([]);
  room = 1;
  connection.flush();
  expect(lines).toEqual(["1", "2"]);
  room = 1 << 20;
  connection.flush();
  expect(state.sent).toBe("a".repeat((256 << 10) + 1));
});

test("all that is said in one turn goes out together, whole, in however small parts the system takes it", async () => {
  const writes: number[] = [];
  const whole = open((bytes) => {
    writes.push(bytes);
    return bytes;
  });
  for (const word of ["a", "bc", "d"]) whole.output.write(word);
  await turn();
  expect([whole.state.sent, writes]).toEqual(["abcd", [4]]);
  const slow = open(() => 1);
  slow.output.write("abcd");
  for (let i = 0; i < 4; i++) slow.connection.flush();
  expect(slow.state.sent).toBe("abcd");
});

test("the end comes when all is out: first this side's, and the whole when the peer ends, too", () => {
  let room = 0;
  const { calls, lines, state, connection, output } = open((bytes) => Math.min(bytes, room));
  output.write("last");
  output.end();
  output.write("never");
  connection.received(Buffer.from("more\n"));
  expect(calls).toEqual([]);
  room = 100;
  connection.flush();
  expect([state.sent, calls]).toEqual(["last", ["shutdown"]]);
  connection.received(Buffer.from("more\n"));
  connection.ended();
  expect(calls).toEqual(["shutdown", "end"]);
  connection.closed();
  connection.closed();
  expect(calls).toEqual(["shutdown", "end", "closed"]);
  expect(lines).toEqual([]);
});

test("a peer that has ended before has all lines done, then is closed at once", () => {
  const { calls, lines, state, connection, output } = open();
  state.ready = false;
  connection.received(Buffer.from("1\n2\nno line"));
  connection.ended();
  expect(calls).toEqual(["hungUp"]);
  state.ready = true;
  output.next();
  expect([lines, calls]).toEqual([
    ["1", "2"],
    ["hungUp", "inputEnded"],
  ]);
  output.next();
  output.end();
  expect(calls).toEqual(["hungUp", "inputEnded", "end"]);
});

test("who is dropped is told of, closed once, and holds nothing", () => {
  const { calls, connection, output, pool } = open(() => -1);
  output.write("x");
  expect(pool.heldBytes).toBe(1);
  connection.drop("because");
  connection.drop("again");
  expect(calls).toEqual(["because", "terminate", "closed"]);
  expect([pool.heldBytes, connection.heldBytes]).toEqual([0, 0]);
  output.write("y");
  output.end();
  connection.received(Buffer.from("z\n"));
  connection.flush();
  expect(connection.heldBytes).toBe(0);
});
