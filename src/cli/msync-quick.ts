import type { Connect, ConsoleHandler, ConsoleSocket } from "./console-socket.ts";
import { JSON_PROTOCOL, type JsonEvent } from "./json-protocol.ts";
import type { MsyncOptions, MsyncPush } from "./msync-options.ts";
import { pushRequest } from "./msync-request.ts";
import type { MsyncWorld } from "./msync-world.ts";

/** A push that is over by then does not need the whole of msync. */
const quickMs = 100;

/** A push of which nothing is said if all goes well. */
export type PlainOptions = MsyncOptions & { readonly action: MsyncPush };

/** Whether nothing is to be read before, and nothing to be said after, a push that goes well. */
export function isPlain(options: MsyncOptions): options is PlainOptions {
  const { action, level, passwordFile } = options;
  if (action.kind !== "push" || level > 0 || passwordFile !== undefined) return false;
  const { mode, removes, dryRun, json, progress, excludeFiles } = action;
  const silent = mode === "send" && removes === "nothing" && !dryRun && !json && progress !== "always";
  return silent && excludeFiles.length === 0;
}

type Event = Partial<JsonEvent> & { readonly [member: string]: unknown };

/**
 * The course of nearly every push: a daemon of this version greets, takes the request and soon says that every host has everything. Whatever is not
 * exactly that (a word that has to be passed on, a host that fails, a signal, time) is for the whole of msync: a conversation goes on where this
 * one is, by `goOn`, and hears what has been heard here. It says the same, as it would have from the start; what has been sent is not sent again.
 */
export class QuickPush {
  /** "done": every target has every file, and there is nothing to say. */
  readonly result: Promise<"done" | "more">;
  readonly #request: string;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #connected: Promise<unknown>;
  #settle: (result: "done" | "more") => void = () => {};
  #stage: "prompt" | "hello" | "push" | "over" = "prompt";
  #socket: ConsoleSocket | undefined;
  /** What has been received, as far as it has no meaning yet. */
  #text = "";
  /** All that happened, for whoever goes on. */
  #heard: ((handler: ConsoleHandler) => void)[] = [];
  /** Bytes sent, which whoever goes on will want to send first. */
  #sent = 0;
  #handler: ConsoleHandler | undefined;

  constructor({ target, action }: PlainOptions, world: MsyncWorld, connect: Connect) {
    this.result = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const progress = world.showsProgress(action.progress);
    this.#request = `${JSON.stringify(pushRequest(action, { files: false, progress }))}\n`;
    this.#timer = setTimeout(() => this.#end("more"), quickMs);
    world.stop.addEventListener("abort", () => this.#end("more"));
    this.#connected = connect(target, {
      open: (socket) => {
        this.#socket = socket;
        this.#tell((handler) => handler.open(this.#restOf(socket)));
      },
      data: (bytes) => {
        this.#tell((handler) => handler.data(bytes));
        if (this.#stage !== "over") this.#receive(bytes);
      },
      drain: () => this.#tell((handler) => handler.drain()),
      error: (error) => this.#lose((handler) => handler.error(error)),
      close: (error) => this.#lose((handler) => handler.close(error)),
    });
    this.#connected.catch(() => this.#end("more"));
  }

  /** For the conversation that goes on, once: instead of a connection of its own, this one's, from the beginning. */
  readonly goOn: Connect = async (_, handler) => {
    await this.#connected;
    this.#handler = handler;
    const heard = this.#heard;
    this.#heard = [];
    for (const tell of heard) tell(handler);
  };

  #tell(what: (handler: ConsoleHandler) => void): void {
    if (this.#handler === undefined) this.#heard.push(what);
    else what(this.#handler);
  }

  #lose(what: (handler: ConsoleHandler) => void): void {
    this.#tell(what);
    this.#end("more");
  }

  #end(result: "done" | "more"): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    clearTimeout(this.#timer);
    this.#settle(result);
  }

  #receive(bytes: Uint8Array): void {
    this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    if (this.#stage === "prompt") return this.#greet();
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      const next = this.#judge(line);
      if (next !== undefined) return this.#end(next);
    }
  }

  #greet(): void {
    if (this.#text === ">") return;
    if (this.#text !== "> ") return this.#end("more");
    this.#text = "";
    this.#stage = "hello";
    this.#send("json\n");
  }

  /** What a line comes to; undefined: that the next one be heard. */
  #judge(line: string): "done" | "more" | undefined {
    const event = parse(line);
    if (this.#stage === "hello") {
      if (event?.event !== "hello" || event.protocol !== JSON_PROTOCOL) return "more";
      this.#stage = "push";
      this.#send(this.#request);
      return undefined;
    }
    switch (event?.event) {
      case "started":
      case "need":
      case "progress":
        return undefined;
      case "outcome":
        return event.outcome === "complete" ? undefined : "more";
      case "finished":
        return event.ok === true && event.rejected === undefined ? "done" : "more";
      default:
        return "more";
    }
  }

  #send(line: string): void {
    const bytes = Buffer.from(line);
    const sent = Math.max(0, this.#socket?.write(bytes) ?? 0);
    this.#sent += sent;
    if (sent < bytes.length) this.#end("more");
  }

  /** The connection, for a conversation that begins anew: what it sends has been sent in part. */
  #restOf(socket: ConsoleSocket): ConsoleSocket {
    return {
      write: (bytes) => {
        const before = Math.min(this.#sent, bytes.length);
        this.#sent -= before;
        return before === bytes.length ? before : before + Math.max(0, socket.write(bytes.subarray(before)));
      },
      terminate: () => socket.terminate(),
      setKeepAlive: (on, afterMs) => socket.setKeepAlive(on, afterMs),
    };
  }
}

function parse(line: string): Event | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Event) : undefined;
  } catch {
    return undefined;
  }
}
