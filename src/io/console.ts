import { lchownSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import type { SocketHandler, TCPSocketListener } from "bun";
import { decodeUtf8 } from "../wire/utf8.ts";
import {
  Connection,
  type ConsoleOutput,
  type ConsoleSession,
  type ConsoleSocket,
} from "./console-connection.ts";
import { CONSOLES_MAX, type ConsolePool } from "./console-pool.ts";
import { systemErrorText } from "./errno-text.ts";
import { StartFailure } from "./start-failure.ts";

export type { ConsoleOutput, ConsoleSession } from "./console-connection.ts";

/** What every listener for consoles needs. */
export type ConsoleService = {
  /** A new connection; `peer` is its address for people. */
  open(output: ConsoleOutput, peer: string): ConsoleSession;
  log(level: number, text: string): void;
  /** All consoles of the daemon, whichever socket they come by. */
  readonly pool: ConsolePool;
};

export type ConsoleListener = ConsoleService & { readonly hostname: string; readonly port: number };

export type UnixConsoleListener = ConsoleService & {
  /** Bytes, one character each. */
  readonly path: string;
  /** To whom the socket is to belong; undefined: to this process. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
};

/** Of the socket's own address: what Linux has room for, without the NUL. */
const unixPathBytesMax = 107;
/** The mode 0660 of a new socket: the owner and its group may connect. */
const unixUmask = 0o117;
/** A daemon that listens has accepted by then; its backlog is full if it has not, so it is alive. */
const probeMs = 2_000;
/** A client that vanishes without a word is noticed after some of these. */
const keepAliveMs = 30_000;
/** For the client that is one too many to read why, before the connection is closed. */
const refusalMs = 1_000;

/** Listens for consoles on TCP. Throws what `listen(2)` reports, with `code`. Stop it with `stop(true)`. */
export function listenConsole(listener: ConsoleListener): TCPSocketListener<Connection | undefined> {
  return Bun.listen<Connection | undefined>({
    hostname: listener.hostname,
    port: listener.port,
    exclusive: true,
    allowHalfOpen: true,
    data: undefined,
    socket: handlers(listener),
  });
}

/**
 * Listens for consoles on a unix socket of mode 0660, in the place of one that nobody listens at. Throws StartFailure if another daemon does, if
 * something else has that name, or if the system refuses. `stop` closes it, with all its consoles, and removes it.
 */
export async function listenUnixConsole(listener: UnixConsoleListener): Promise<{ stop(): void }> {
  const path = unixPath(listener.path);
  const failed = (why: string) => new StartFailure(`console at ${path}: ${why}`);
  await removeStale(path, failed);
  const options = {
    unix: path,
    allowHalfOpen: true,
    data: undefined,
    socket: handlers(listener),
  };
  const before = process.umask(unixUmask);
  try {
    const server = Bun.listen<Connection | undefined>(options);
    try {
      if (listener.owner !== undefined) lchownSync(path, listener.owner.uid, listener.owner.gid);
    } catch (error) {
      server.stop(true);
      throw error;
    }
    return { stop: () => server.stop(true) };
  } catch (error) {
    throw failed(systemErrorText(error));
  } finally {
    process.umask(before);
  }
}

function handlers(service: ConsoleService): SocketHandler<Connection | undefined> {
  const { open, log, pool } = service;
  return {
    open: (socket) => {
      const peer = socket.remoteAddress ? `${socket.remoteAddress}:${socket.remotePort}` : "unix socket";
      if (pool.full) {
        log(1, `console ${peer}: refused, there are ${CONSOLES_MAX}`);
        refuse(socket);
        return;
      }
      socket.setKeepAlive(true, keepAliveMs);
      socket.data = new Connection(socket, {
        pool,
        open: (output) => open(output, peer),
        dropped: (why) => log(1, `console ${peer}: dropped, ${why}`),
      });
    },
    data: (socket, chunk) => socket.data?.received(chunk),
    drain: (socket) => socket.data?.flush(),
    end: (socket) => socket.data?.ended(),
    error: (socket) => socket.data?.drop("the connection is broken"),
    close: (socket) => {
      socket.data?.closed();
      socket.data = undefined;
    },
  };
}

/** Says why, and leaves the client the time to read it. */
function refuse(socket: ConsoleSocket): void {
  socket.write(`error: there are ${CONSOLES_MAX} consoles already\n`);
  socket.shutdown();
  setTimeout(() => socket.end(), refusalMs);
}

function unixPath(bytes: string): string {
  const path = decodeUtf8(Buffer.from(bytes, "latin1"));
  if (path === undefined) throw new StartFailure("the path of the console's socket is not UTF-8");
  if (bytes.length > unixPathBytesMax)
    throw new StartFailure(`console at ${path}: the path has more than ${unixPathBytesMax} bytes`);
  return path;
}

/** Removes a socket at which nobody listens any more. */
async function removeStale(path: string, failed: (why: string) => StartFailure): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw failed("there is something else with that name");
  const code = await probe(path);
  if (code === undefined) throw failed("another daemon answers there");
  if (code === "ENOENT") return;
  if (code !== "ECONNREFUSED") throw failed(`cannot find out whether another daemon is there (${code})`);
  // It may be another one by now, which a daemon that starts at the same time has made.
  if (lstatSync(path, { throwIfNoEntry: false })?.ino !== found.ino)
    throw failed("another daemon starts there");
  try {
    unlinkSync(path);
  } catch (error) {
    throw failed(`cannot remove the old socket: ${systemErrorText(error)}`);
  }
}

/** Connects to a unix socket; resolves to the error's code, or to undefined if somebody listens. */
function probe(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const done = (code: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(code);
    };
    const timer = setTimeout(() => done(undefined), probeMs);
    socket.once("connect", () => done(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      done(error.code === "EAGAIN" ? undefined : (error.code ?? error.message)),
    );
  });
}
