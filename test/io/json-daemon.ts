import type { Socket } from "bun";
import type { JsonEvent, JsonPush, JsonRequest } from "../../src/cli/json-protocol.ts";

/** One client of the fake daemon. */
export type FakeClient = {
  /** Sends bytes, or text as UTF-8. */
  raw(what: string | Uint8Array): void;
  event(event: JsonEvent): void;
  close(): void;
};

export type FakeDaemonOptions = {
  /** undefined: the machine's console opens at once. */
  readonly password?: string;
  /** Instead of the greeting `> `. */
  readonly greeting?: string;
  /** Called with each request; by default nothing is answered. */
  onRequest?(request: JsonRequest, client: FakeClient): void;
  /** Called with each line of the text console but `json`; a prompt follows by itself. */
  onLine?(line: string, client: FakeClient): void;
};

export const HELLO: JsonEvent = {
  event: "hello",
  protocol: 1,
  version: "2.0.0",
  name: "host1",
  group: "224.0.0.108:5000",
};

type State = { partial: string; json: boolean; admitted: boolean };

/** A daemon's console that says what a test wants, on a free port of the loopback. */
export function openJsonDaemon(options: FakeDaemonOptions = {}) {
  const requests: JsonRequest[] = [];
  const lines: string[] = [];
  let open = 0;
  const server = Bun.listen<State>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        open += 1;
        const admitted = options.password === undefined;
        socket.data = { partial: "", json: false, admitted };
        socket.write(options.greeting ?? (admitted ? "> " : "password: \x1bE"));
      },
      data: (socket, chunk) => {
        const parts = (socket.data.partial + chunk.toString("latin1")).split("\n");
        socket.data.partial = parts.pop() ?? "";
        for (const line of parts) take(socket, line);
      },
      close: () => {
        open -= 1;
      },
    },
  });
  const take = (socket: Socket<State>, line: string) => {
    const client = clientOf(socket);
    if (!socket.data.admitted) {
      socket.data.admitted = line === options.password;
      if (socket.data.admitted) client.raw("> ");
      else {
        client.raw("sorry.\n");
        client.close();
      }
    } else if (socket.data.json) {
      const request = JSON.parse(Buffer.from(line, "latin1").toString("utf8")) as JsonRequest;
      requests.push(request);
      options.onRequest?.(request, client);
    } else if (line === "json") {
      socket.data.json = true;
      client.event(HELLO);
    } else {
      lines.push(line);
      options.onLine?.(line, client);
      client.raw("> ");
    }
  };
  return {
    port: server.port,
    requests,
    lines,
    /** Connections that are open now. */
    open: () => open,
    close: () => server.stop(true),
  };
}

/** A daemon that answers each push with these events. */
export function openReplay(events: readonly JsonEvent[]) {
  return openJsonDaemon({
    onRequest: (request, client) => {
      if (request.request === "push") for (const event of events) client.event(event);
    },
  });
}

/** The push that a fake daemon was asked for. */
export function pushOf(daemon: { readonly requests: readonly JsonRequest[] }): JsonPush {
  const [request] = daemon.requests;
  if (request?.request !== "push") throw new Error(`no push but ${JSON.stringify(request)}`);
  return request;
}

function clientOf(socket: Socket<State>): FakeClient {
  return {
    raw: (what) => void socket.write(what),
    event: (event) => void socket.write(`${JSON.stringify(event)}\n`),
    close: () => void socket.end(),
  };
}
