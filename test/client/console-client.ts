/** A client of the console, which sends words and receives answers; for tests that want to see the protocol from outside. */
import { connect, type Socket } from "node:net";
import { StreamSplitter } from "./stream.ts";

/** Where a console listens. */
export type Target =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** The lines that one command was answered with. */
export type Answer = readonly string[];

/** What came between the last prompt and the end of the connection. */
export type Farewell = { readonly lines: Answer; readonly rest: string };

/** How the console greeted: with its prompt, or with the question for a password. */
export type Greeting = "prompt" | "question";

const WAIT_MS = 20_000;

/** One connection to a console. Commands may be written ahead; their answers are read in order by `next`. */
export class ConsoleClient {
  readonly #socket: Socket;
  readonly #splitter = new StreamSplitter();
  readonly #answers: Answer[] = [];
  readonly #greeting = Promise.withResolvers<Greeting>();
  readonly #admitted = Promise.withResolvers<"admitted" | "refused">();
  readonly #end = Promise.withResolvers<Farewell>();
  #lines: string[] = [];
  #ready = false;
  #ended = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    // A connection that breaks is closed, too; whoever waits is told by that.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#close());
  }

  /** Connects; resolves before anything has been received. */
  static async connect(target: Target): Promise<ConsoleClient> {
    const socket =
      target.kind === "unix" ? connect(target.path) : connect({ host: target.host, port: target.port });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    socket.setNoDelay(true);
    return new ConsoleClient(socket);
  }

  /** How the console greeted. */
  greeting(): Promise<Greeting> {
    return within("a greeting", this.#greeting.promise);
  }

  /** Answers the question for the password. */
  async password(word: string): Promise<"admitted" | "refused"> {
    if ((await this.greeting()) !== "question") throw new Error("nobody asked for a password");
    this.write(`${word}\n`);
    return within("admission", this.#admitted.promise);
  }

  /** Sends these characters as they are, in one write. */
  write(text: string): void {
    this.#socket.write(Buffer.from(text, "utf8"));
  }

  /** The answer to the oldest command that has not been read yet; rejects if the connection ends before. */
  async next(waitMs: number = WAIT_MS): Promise<Answer> {
    const end = performance.now() + waitMs;
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      if (this.#ended) throw new Error(`closed after ${JSON.stringify(this.pending)}`);
      const left = end - performance.now();
      if (left <= 0) throw new Error(`no prompt in ${waitMs} ms after ${JSON.stringify(this.pending)}`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), Bun.sleep(left)]);
    }
  }

  /** Sends one command and waits for its answer; none may be on the way. */
  command(line: string, waitMs: number = WAIT_MS): Promise<Answer> {
    this.write(`${line}\n`);
    return this.next(waitMs);
  }

  /** What has come since the last prompt. */
  get pending(): Farewell {
    return { lines: [...this.#lines], rest: this.#splitter.rest };
  }

  /** Answers that have come and have not been read. */
  get unread(): number {
    return this.#answers.length;
  }

  /** Waits until the console closes the connection. */
  farewell(): Promise<Farewell> {
    return within("the end of the connection", this.#end.promise);
  }

  /** Closes at once, whatever is on the way. */
  destroy(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #receive(chunk: Uint8Array): void {
    for (const piece of this.#splitter.push(chunk)) {
      if (piece.kind === "line") this.#lines.push(piece.text);
      else if (piece.kind === "question") this.#greeting.resolve("question");
      else this.#prompt();
    }
    this.#wake();
  }

  #prompt(): void {
    if (this.#ready) {
      this.#answers.push(this.#lines);
      this.#lines = [];
      return;
    }
    this.#ready = true;
    this.#greeting.resolve("prompt");
    this.#admitted.resolve("admitted");
  }

  #close(): void {
    this.#ended = true;
    this.#greeting.reject(new Error("closed without a greeting"));
    this.#admitted.resolve("refused");
    this.#end.resolve(this.pending);
    this.#greeting.promise.catch(() => undefined);
    this.#wake();
  }
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${WAIT_MS} ms: ${what}`)), WAIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
