import type { ConsoleOutput, ConsoleSession } from "../io/console.ts";
import type { ConsoleDaemon } from "../io/console-daemon.ts";
import { Excludes } from "./excludes.ts";
import { JsonSession } from "./json-session.ts";
import { PasswordSession } from "./password-session.ts";
import { TextSession } from "./text-session.ts";

/** One console's conversation: the password, if there is one, then the text protocol, then JSON, if the client switches to it. */
export function openConsoleSession(daemon: ConsoleDaemon, output: ConsoleOutput): ConsoleSession {
  return new Conversation(daemon, output);
}

class Conversation implements ConsoleSession {
  readonly #daemon: ConsoleDaemon;
  readonly #output: ConsoleOutput;
  readonly #excludes = new Excludes();
  #part: ConsoleSession;
  #hungUp = false;

  constructor(daemon: ConsoleDaemon, output: ConsoleOutput) {
    this.#daemon = daemon;
    this.#output = output;
    const { password } = daemon;
    this.#part =
      password === undefined
        ? this.#openText()
        : new PasswordSession(password, output, () => this.#goOn(this.#openText()));
  }

  get ready(): boolean {
    return this.#part.ready;
  }

  get lineBytesMax(): number {
    return this.#part.lineBytesMax;
  }

  line(text: string): void {
    this.#part.line(text);
  }

  overlong(): void {
    this.#part.overlong();
  }

  hungUp(): void {
    this.#hungUp = true;
    this.#part.hungUp();
  }

  inputEnded(): void {
    this.#part.inputEnded();
  }

  closed(): void {
    this.#part.closed();
  }

  #openText(): ConsoleSession {
    const toJson = () => this.#goOn(new JsonSession(this.#daemon, this.#output, this.#excludes.list));
    return new TextSession({
      daemon: this.#daemon,
      output: this.#output,
      excludes: this.#excludes,
      toJson,
    });
  }

  #goOn(part: ConsoleSession): void {
    this.#part = part;
    if (this.#hungUp) part.hungUp();
  }
}
