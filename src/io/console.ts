import type { Socket, TCPSocketListener } from "bun";

/** What a console connection is to its session: bytes, one character each. */
export type ConsoleOutput = {
  write(text: string): void;
  /** Closes the connection when all that was written is out. */
  end(): void;
};

/** One console connection's conversation. */
export type ConsoleSession = {
  /** A line without its end. */
  line(text: string): void;
  /** The peer sends no more: what needs it to listen is off, what was asked is still answered. */
  inputEnded(): void;
  /** The connection is gone. */
  closed(): void;
};

export type ConsoleListener = {
  readonly hostname: string;
  readonly port: number;
  /** A new connection; `peer` is its address for people. */
  open(output: ConsoleOutput, peer: string): ConsoleSession;
  log(level: number, text: string): void;
};

/** A line may be this long: a command names many paths. */
const lineBytesMax = 4 << 20;
/** A reader that leaves more than this unread is dropped. */
const unsentBytesMax = 64 << 20;
const batchBytes = 256 << 10;

type Connection = {
  session: ConsoleSession;
  /** Input since the last line end. */
  partial: string[];
  partialBytes: number;
  unsent: Buffer[];
  unsentBytes: number;
  ending: boolean;
};

/** Listens for consoles (the text protocol on TCP). Throws what `listen(2)` reports, with `code`. Stop it with `stop(true)`. */
export function listenConsole(listener: ConsoleListener): TCPSocketListener<Connection | undefined> {
  return Bun.listen<Connection | undefined>({
    hostname: listener.hostname,
    port: listener.port,
    exclusive: true,
    allowHalfOpen: true,
    data: undefined,
    socket: {
      open: (socket) => openConnection(socket, listener),
      data: (socket, chunk) => receive(socket, chunk, listener),
      drain: flush,
      end: (socket) => socket.data?.session.inputEnded(),
      error: (socket) => void socket.terminate(),
      close: (socket) => {
        const connection = socket.data;
        socket.data = undefined;
        connection?.session.closed();
      },
    },
  });
}

type ConsoleSocket = Socket<Connection | undefined>;

function openConnection(socket: ConsoleSocket, listener: ConsoleListener): void {
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  const output: ConsoleOutput = {
    write: (text) =>
      write(socket, text, () =>
        listener.log(1, `console ${peer}: dropped, it does not read what it asked for`),
      ),
    end: () => {
      const connection = socket.data;
      if (connection === undefined) return;
      connection.ending = true;
      flush(socket);
    },
  };
  const idle: ConsoleSession = { line: () => {}, inputEnded: () => {}, closed: () => {} };
  // The session writes its first prompt while it is being made, so the connection must be there before it.
  const connection: Connection = {
    session: idle,
    partial: [],
    partialBytes: 0,
    unsent: [],
    unsentBytes: 0,
    ending: false,
  };
  socket.data = connection;
  connection.session = listener.open(output, peer);
}

function receive(socket: ConsoleSocket, chunk: Buffer, listener: ConsoleListener): void {
  const connection = socket.data;
  if (connection === undefined || connection.ending) return;
  let start = 0;
  for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
    const line = connection.partial.join("") + chunk.toString("latin1", start, end);
    connection.partial = [];
    connection.partialBytes = 0;
    start = end + 1;
    connection.session.line(line.replaceAll("\r", ""));
    if (socket.data === undefined) return;
  }
  if (start === chunk.length) return;
  connection.partial.push(chunk.toString("latin1", start));
  connection.partialBytes += chunk.length - start;
  if (connection.partialBytes <= lineBytesMax) return;
  listener.log(1, "console: dropped, a line is too long");
  socket.terminate();
}

function write(socket: ConsoleSocket, text: string, dropped: () => void): void {
  const connection = socket.data;
  if (connection === undefined || connection.ending || text === "") return;
  const bytes = Buffer.from(text, "latin1");
  connection.unsent.push(bytes);
  connection.unsentBytes += bytes.length;
  // One system call for all that is said in one turn; what the kernel does not take then waits for `drain`.
  if (connection.unsent.length === 1) queueMicrotask(() => flush(socket));
  if (connection.unsentBytes <= unsentBytesMax) return;
  dropped();
  socket.terminate();
}

function flush(socket: ConsoleSocket): void {
  const connection = socket.data;
  if (connection === undefined) return;
  while (connection.unsent.length > 0) {
    const batch = takeBatch(connection.unsent);
    const sent = Math.max(0, socket.write(batch));
    connection.unsentBytes -= sent;
    if (sent < batch.length) {
      connection.unsent.unshift(batch.subarray(sent));
      return;
    }
  }
  if (connection.ending) socket.end();
}

/** Removes the first buffers, about `batchBytes` in all, and returns them as one. */
function takeBatch(unsent: Buffer[]): Buffer {
  let bytes = 0;
  let count = 0;
  while (count < unsent.length && bytes < batchBytes) bytes += unsent[count++]?.length ?? 0;
  const parts = unsent.splice(0, count);
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}
