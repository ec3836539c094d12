import { ConsoleReader, withoutEscapes } from "./console-reader.ts";
import type { Connect, ConsoleHandler, ConsoleSocket } from "./console-socket.ts";
import { displayBytes, textToBytes } from "./display.ts";
import type { Target } from "./msync-options.ts";

/** A connection to a daemon's console that has greeted, or will. */
export type Conversation = {
  /** Sends a line, to which the end is added; bytes, one character each. */
  send(line: string): void;
  /** Ends it; nothing is called any more. A push that was asked for is given up. */
  close(): void;
  /** As `close`, but the listener is told that it ended, and how. */
  end(text: string): void;
};

export type ConversationListener = {
  line(line: string): void;
  /** A command may be sent. */
  prompt(): void;
  /** It ended, not by `close`: `text` says how, for people, as bytes. `closed`: in order, by the daemon. Once, and last. */
  ended(how: { readonly text: string; readonly closed: boolean }): void;
};

export type ConversationOptions = {
  readonly target: Target;
  /** Bytes; undefined: there is none. */
  readonly password: string | undefined;
  /** How long it may take until there is a prompt, or until everything is over. */
  readonly patienceMs: number;
  readonly patienceFor: "prompt" | "everything";
  readonly connect: Connect;
};

/** A connection may be quiet for this long before the other side's kernel is asked whether it is still there. */
const keepAliveMs = 10_000;

/** Connects to a console and answers what it wants before its first prompt. Everything is told to the listener, later. */
export function openConversation(
  options: ConversationOptions,
  listen: (conversation: Conversation) => ConversationListener,
): Conversation {
  return new Link(options, listen);
}

/** A target, as it is written on the command line; bytes, fit for a line. */
export function targetText(target: Target): string {
  if (target.kind === "unix") return displayBytes(`unix:${target.path}`);
  return displayBytes(`tcp:${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`);
}

/** Why there is no connection to a console, given the system's code. */
export function unreachableText(where: string, code: string): string {
  return code === "EACCES"
    ? `no right to connect to ${where} (${code}): it is for the daemon's user and group`
    : `no makuosan at ${where} (${code}); see README, Troubleshooting`;
}

class Link implements Conversation {
  readonly #options: ConversationOptions;
  readonly #listener: ConversationListener;
  readonly #where: string;
  readonly #timer: ReturnType<typeof setTimeout>;
  #socket: ConsoleSocket | undefined;
  #unsent: Uint8Array[] = [];
  #greeted = false;
  #passwordSent = false;
  #over = false;

  constructor(options: ConversationOptions, listen: (conversation: Conversation) => ConversationListener) {
    this.#options = options;
    this.#listener = listen(this);
    this.#where = targetText(options.target);
    this.#timer = setTimeout(
      () =>
        this.end(
          this.#greeted
            ? `${this.#where} does not answer`
            : `no answer from ${this.#where}: is a makuosan listening there?`,
        ),
      options.patienceMs,
    );
    this.#connect();
  }

  send(line: string): void {
    this.#unsent.push(Buffer.from(`${line}\n`, "latin1"));
    this.#flush();
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  end(text: string): void {
    this.#end({ text, closed: false });
  }

  #connect(): void {
    const reader = new ConsoleReader({
      line: (line) => this.#line(line),
      prompt: () => {
        if (this.#over) return;
        this.#greeted = true;
        if (this.#options.patienceFor === "prompt") clearTimeout(this.#timer);
        this.#listener.prompt();
      },
      password: () => this.#answerPassword(),
    });
    const handler: ConsoleHandler = {
      open: (socket) => {
        socket.setKeepAlive(true, keepAliveMs);
        this.#socket = socket;
        if (this.#over) socket.terminate();
        else this.#flush();
      },
      data: (bytes) => {
        if (!this.#over) reader.receive(latin1(bytes));
      },
      drain: () => this.#flush(),
      error: (error) => this.#lost(codeOf(error)),
      close: (error) => this.#lost(error === undefined ? undefined : codeOf(error)),
    };
    const { target, connect } = this.#options;
    connect(target, handler).catch((error: unknown) => this.end(unreachableText(this.#where, codeOf(error))));
  }

  #line(line: string): void {
    if (this.#over) return;
    if (this.#greeted) {
      this.#listener.line(line);
      return;
    }
    const words = withoutEscapes(line);
    if (words.startsWith("error: ")) this.end(`${this.#where}: ${displayBytes(words.slice(7))}`);
    else if (this.#passwordSent && words.startsWith("sorry")) this.end(`wrong password for ${this.#where}`);
    // A terminal's line end after the password.
    else if (!this.#passwordSent || words !== "") this.end(this.#stranger());
  }

  #answerPassword(): void {
    const { password } = this.#options;
    if (this.#over) return;
    if (password === undefined) this.end(`${this.#where} wants a password: -K FILE is needed`);
    else if (this.#passwordSent) this.end(`wrong password for ${this.#where}`);
    else {
      this.#passwordSent = true;
      this.send(password);
    }
  }

  #lost(code: string | undefined): void {
    if (this.#greeted && code !== undefined) this.end(`lost ${this.#where}: ${code}`);
    else if (this.#greeted) this.#end({ text: `${this.#where} closed the connection`, closed: true });
    else if (this.#passwordSent) this.end(`wrong password for ${this.#where}`);
    else this.end(this.#stranger());
  }

  #stranger(): string {
    return `${this.#where} is no console of a makuosan`;
  }

  #end(how: { readonly text: string; readonly closed: boolean }): void {
    if (this.#over) return;
    this.close();
    this.#listener.ended(how);
  }

  #flush(): void {
    const socket = this.#socket;
    while (socket !== undefined && !this.#over) {
      const [bytes] = this.#unsent;
      if (bytes === undefined) return;
      const sent = Math.max(0, socket.write(bytes));
      if (sent < bytes.length) {
        this.#unsent[0] = bytes.subarray(sent);
        return;
      }
      this.#unsent.shift();
    }
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function codeOf(error: unknown): string {
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  return displayBytes(textToBytes(code ?? message ?? String(error)));
}
