/** What a console's bytes mean to a client. */
export type ConsoleListener = {
  /** A line without its end; bytes, one character each. */
  line(line: string): void;
  /** The console has finished what it was told, and waits. No command may be sent before that. */
  prompt(): void;
  /** It wants its password, before its first prompt. */
  password(): void;
};

/** More than this without a line end is no prompt. */
const promptBytesMax = 64;

/**
 * The client's side of the console's text protocol, without its sockets: takes bytes (one character each), hands out lines, and
 * tells when the prompt stands alone at the start of a line. Lines may have any length.
 */
export class ConsoleReader {
  readonly #on: ConsoleListener;
  #partial: string[] = [];
  #partialBytes = 0;
  #greeted = false;

  constructor(on: ConsoleListener) {
    this.#on = on;
  }

  receive(bytes: string): void {
    const end = bytes.lastIndexOf("\n");
    if (end >= 0) {
      const lines = (this.#partial.join("") + bytes.slice(0, end)).split("\n");
      this.#forget();
      for (const line of lines) this.#on.line(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
    const rest = bytes.slice(end + 1);
    this.#partial.push(rest);
    this.#partialBytes += rest.length;
    if (this.#partialBytes <= promptBytesMax) this.#lookForPrompt(this.#partial.join(""));
  }

  #lookForPrompt(partial: string): void {
    if (partial === "> " || (!this.#greeted && withoutEscapes(partial) === "> ")) {
      this.#greeted = true;
      this.#forget();
      this.#on.prompt();
    } else if (!this.#greeted && withoutEscapes(partial) === "password: ") {
      this.#forget();
      this.#on.password();
    }
  }

  #forget(): void {
    this.#partial = [];
    this.#partialBytes = 0;
  }
}

/** The words of a greeting: the password's prompt has two bytes for the terminal, ESC and a letter, which may come in two parts. */
export function withoutEscapes(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
  return text.replace(/\x1b[@-~]?/g, "");
}
