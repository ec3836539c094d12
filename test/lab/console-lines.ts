/** A client's end of a console connection, read answer by answer or line by line. */
import type { Socket } from "node:net";

/** A connection that is read piece by piece. Every wait ends, with an error if the connection does. */
export class Lines {
  readonly #socket: Socket;
  #text = "";
  #ended = false;
  #wake = () => {};

  constructor(way: Socket) {
    this.#socket = way;
    way.setEncoding("utf8");
    way.on("data", (text: string) => this.#more(text));
    way.on("error", () => this.#end());
    way.on("close", () => this.#end());
    // It may have ended before anybody listened.
    this.#ended = way.destroyed;
    way.resume();
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** What comes up to the next console prompt, in lines, without it. */
  async answer(): Promise<string[]> {
    const text = await this.#until(/(?:^|\n)> /);
    return text.slice(0, -2).split("\n").filter(Boolean);
  }

  async line(): Promise<string> {
    return (await this.#until(/\n/)).slice(0, -1);
  }

  /** Whether nothing has come that was not asked for. */
  get empty(): boolean {
    return this.#text === "";
  }

  async #until(mark: RegExp): Promise<string> {
    for (;;) {
      const found = mark.exec(this.#text);
      if (found !== null) {
        const length = found.index + found[0].length;
        const text = this.#text.slice(0, length);
        this.#text = this.#text.slice(length);
        return text;
      }
      if (this.#ended)
        throw new Error(`the console was closed after ${JSON.stringify(this.#text.slice(-200))}`);
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  #more(text: string): void {
    this.#text += text;
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }
}
