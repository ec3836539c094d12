import type { Socket } from "bun";
import { ByteQueue } from "./byte-queue.ts";
import type { ConsolePool, PoolMember } from "./console-pool.ts";
import { LineReader } from "./line-reader.ts";

/** What a console connection is to its session. */
export type ConsoleOutput = {
  /** Bytes, or text with one character for each. */
  write(text: string | Buffer): void;
  /** Counts a command of so many bytes as running until the returned function is called; undefined: there is no room for it now. */
  hold(bytes: number): (() => void) | undefined;
  /** To be called when the session takes lines again. */
  next(): void;
  /** Takes no more lines, and closes the connection when all that was written is out. */
  end(): void;
};

/** One console connection's conversation. */
export type ConsoleSession = {
  /** Whether it takes a line now. Until then input waits, and when there is much of it, so does the client. */
  readonly ready: boolean;
  /** Bytes that a line may have. */
  readonly lineBytesMax: number;
  /** A line without its end. */
  line(text: string): void;
  /** Instead of a line that has too many bytes. */
  overlong(): void;
  /** The peer sends no more: what needs it to listen is off. Lines that it has sent may follow. */
  hungUp(): void;
  /** All lines have been taken, and no more will come. */
  inputEnded(): void;
  /** The connection is gone. */
  closed(): void;
};

export type ConsoleSocket = Socket<Connection | undefined>;

/** Input that waits for the session; the client may send more when it is less. */
const inputBytesMax = 8 << 20;
/** No line is taken while so much of the answers has not been read. */
const unreadBytesMax = 256 << 10;
/** Lines that are taken before others have their turn. */
const turnLines = 128;
/** Until the peer closes, after the last word: what it still sends would otherwise make its system throw away what it has not read. */
const lingerMs = 2_000;

const idle: ConsoleSession = {
  ready: false,
  lineBytesMax: 0,
  line: () => {},
  overlong: () => {},
  hungUp: () => {},
  inputEnded: () => {},
  closed: () => {},
};

type ConnectionOptions = {
  readonly pool: ConsolePool;
  readonly open: (output: ConsoleOutput) => ConsoleSession;
  /** Why it had to be ended. */
  readonly dropped: (why: string) => void;
};

/** One console connection: bytes between a socket and a session, neither of which is let ahead of the other without bound. */
export class Connection implements PoolMember {
  readonly #socket: ConsoleSocket;
  readonly #pool: ConsolePool;
  readonly #dropped: (why: string) => void;
  readonly #input = new LineReader();
  readonly #unsent = new ByteQueue();
  #session = idle;
  #state: "open" | "ending" | "lingering" | "closed" = "open";
  #flushing = false;
  #taking = false;
  #resting = false;
  #paused = false;
  #hungUp = false;
  #told = false;
  #heldBefore = 0;
  #shrunkAt = performance.now();

  constructor(socket: ConsoleSocket, { pool, open, dropped }: ConnectionOptions) {
    this.#socket = socket;
    this.#pool = pool;
    this.#dropped = dropped;
    pool.enter(this);
    this.#session = open({
      write: (text) => this.#write(text),
      hold: (bytes) => pool.hold(bytes),
      next: () => this.#take(),
      end: () => this.#end(),
    });
  }

  get heldBytes(): number {
    return this.#input.length + this.#unsent.length;
  }

  get shrunkAt(): number {
    return this.#shrunkAt;
  }

  drop(why: string): void {
    if (this.#state === "closed") return;
    this.#dropped(why);
    this.#socket.terminate();
    this.closed();
  }

  received(chunk: Buffer): void {
    if (this.#state !== "open") return;
    this.#input.push(chunk);
    this.#take();
  }

  /** The peer sends no more. */
  ended(): void {
    if (this.#state === "lingering") this.#socket.end();
    if (this.#hungUp) return;
    this.#hungUp = true;
    if (this.#state !== "open") return;
    this.#session.hungUp();
    this.#take();
  }

  /** The socket is gone. */
  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#input.clear();
    this.#unsent.clear();
    this.#pool.leave(this);
    this.#session.closed();
  }

  /** Sends what waits, as far as the system takes it. */
  flush(): void {
    while (this.#unsent.length > 0 && this.#state !== "closed") {
      const batch = this.#unsent.peek();
      const sent = Math.max(0, this.#socket.write(batch));
      this.#unsent.drop(sent);
      if (sent < batch.length) break;
    }
    if (this.#state === "closed") return;
    this.#account();
    if (this.#unsent.length === 0 && this.#state === "ending") this.#linger();
    this.#take();
  }

  #write(text: string | Buffer): void {
    if (this.#state !== "open" || text.length === 0) return;
    this.#unsent.push(typeof text === "string" ? Buffer.from(text, "latin1") : text);
    this.#account();
    if (this.#flushing) return;
    // One system call for all that is said in one turn; what the kernel does not take then waits for `drain`.
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** Gives the session its lines, as long as it takes them and the client reads what they bring. */
  #take(): void {
    if (this.#taking || this.#resting) return;
    this.#taking = true;
    let taken = 0;
    let emptied = false;
    while (this.#takes() && taken < turnLines && !emptied) {
      const line = this.#input.next(this.#session.lineBytesMax);
      if (line === undefined) emptied = true;
      else if (line.kind === "line") this.#session.line(line.text);
      else this.#session.overlong();
      taken++;
    }
    this.#taking = false;
    if (taken === turnLines) this.#rest();
    if (emptied && this.#hungUp && !this.#told && this.#state === "open") {
      this.#told = true;
      this.#session.inputEnded();
    }
    this.#account();
    this.#throttle();
  }

  #takes(): boolean {
    return this.#state === "open" && this.#session.ready && this.#unsent.length <= unreadBytesMax;
  }

  #rest(): void {
    this.#resting = true;
    setImmediate(() => {
      this.#resting = false;
      this.#take();
    });
  }

  #throttle(): void {
    const full = this.#input.length > inputBytesMax;
    if (this.#state === "closed" || full === this.#paused) return;
    this.#paused = full;
    if (full) this.#socket.pause();
    else this.#socket.resume();
  }

  #account(): void {
    if (this.#state === "closed") return;
    const held = this.heldBytes;
    if (held < this.#heldBefore || this.#heldBefore === 0) this.#shrunkAt = performance.now();
    if (held === this.#heldBefore) return;
    this.#heldBefore = held;
    this.#pool.changed(this);
  }

  #end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#input.clear();
    this.#throttle();
    this.flush();
  }

  #linger(): void {
    if (this.#hungUp) {
      this.#socket.end();
      return;
    }
    this.#state = "lingering";
    this.#socket.shutdown();
    setTimeout(() => {
      if (this.#state === "lingering") this.#socket.end();
    }, lingerMs);
  }
}
