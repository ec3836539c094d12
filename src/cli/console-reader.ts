/**
 * The client's side of the console's text protocol, without its sockets: takes bytes (one character each), hands out lines, and
 * tells when the prompt stands alone at the start of a line, which means that the command is finished. No command may be sent before that.
 */
export class ConsoleReader {
  readonly #on: { line(line: string): void; prompt(): void };
  #partial = "";

  constructor(on: { line(line: string): void; prompt(): void }) {
    this.#on = on;
  }

  receive(bytes: string): void {
    const lines = (this.#partial + bytes).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#on.line(line);
    if (this.#partial !== "> ") return;
    this.#partial = "";
    this.#on.prompt();
  }
}
