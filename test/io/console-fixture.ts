import { connect, type Socket } from "node:net";
import { openConsoleSession } from "../../src/cli/console-session.ts";
import type { Command, EngineEvent } from "../../src/engine/ports.ts";
import { listenConsole } from "../../src/io/console.ts";
import type { ConsoleDaemon } from "../../src/io/console-daemon.ts";
import { ConsolePool } from "../../src/io/console-pool.ts";
import { EngineClient } from "../../src/io/engine-client.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import type { PushKey } from "../../src/wire/disk-port.ts";

export type PushCommand = Extract<Command, { kind: "push" }>;

/** A console on a free port of the loopback, with an engine that the test plays. */
export function openFixture(special: Partial<ConsoleDaemon> = {}, pool = new ConsolePool()) {
  const commands: Command[] = [];
  const logged: string[] = [];
  const running = new Set<string>();
  const engine = new EngineClient((command) => {
    commands.push(command);
    if (command.kind === "members") {
      setTimeout(() => engine.onEvent({ kind: "members", request: command.request, members: [] }), 5);
    }
  });
  const daemon: ConsoleDaemon = {
    engine,
    name: "here",
    group: "224.0.0.108:5000",
    shownBase: "/b",
    noSend: false,
    compressLevel: 3,
    password: undefined,
    resolveGroup: () => undefined,
    status: (answer) =>
      answer({
        process: 1,
        version: "0",
        base: "/b",
        chroot: false,
        receiveBuffer: 1,
        sendBuffer: 2,
        rate: 0,
        rateLimit: undefined,
        commands: [...running],
        engine: { sending: [], receiving: [], counters: {} },
        counters: {},
      }),
    track: (command) => {
      running.add(command);
      return () => running.delete(command);
    },
    ...special,
  };
  const server = listenConsole({
    hostname: "127.0.0.1",
    port: 0,
    open: (output) => openConsoleSession(daemon, output),
    log: (_, text) => logged.push(text),
    pool,
  });
  return {
    commands,
    logged,
    daemon,
    pool,
    engine,
    port: server.port,
    event: (event: EngineEvent) => engine.onEvent(event),
    /** Waits for the engine to be given its next command of this kind, and takes it. */
    async taken<K extends Command["kind"]>(kind: K): Promise<Extract<Command, { kind: K }>> {
      for (let tries = 0; tries < 400; tries++) {
        const at = commands.findIndex((command) => command.kind === kind);
        if (at >= 0) return commands.splice(at, 1)[0] as Extract<Command, { kind: K }>;
        await Bun.sleep(5);
      }
      throw new Error(`the engine was given no ${kind}`);
    },
    close: () => server.stop(true),
  };
}

export type Fixture = ReturnType<typeof openFixture>;

/** The key of a push with this number. */
export function keyOf(push: number): PushKey {
  return { owner: 5n as NodeId, push: push as PushId };
}

/** A raw console client. Text is bytes, one character each. */
export async function openClient(port: number) {
  const socket: Socket = connect({ host: "127.0.0.1", port });
  let text = "";
  let ended = false;
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {
    ended = true;
  });
  socket.on("close", () => {
    ended = true;
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  const until = async (what: () => boolean, name: string) => {
    for (let tries = 0; tries < 600 && !what(); tries++) await Bun.sleep(5);
    if (!what()) throw new Error(`${name} did not come; there is ${JSON.stringify(text)}`);
  };
  return {
    socket,
    send: (bytes: string) => socket.write(Buffer.from(bytes, "latin1")),
    /** Waits for exactly this to have come since the last call. */
    async expect(wanted: string): Promise<void> {
      await until(() => text.length >= wanted.length, JSON.stringify(wanted));
      if (!text.startsWith(wanted))
        throw new Error(`${JSON.stringify(text)} is not ${JSON.stringify(wanted)}`);
      text = text.slice(wanted.length);
    },
    /** Waits for the other side to close; returns what came before. */
    async rest(): Promise<string> {
      await until(() => ended, "the end");
      return text;
    },
    /** What has come and was not expected yet. */
    pending: () => text,
  };
}
