/** A terminal's screen, as far as a program that draws one line needs it. Throws at what it does not know. */
export class Screen {
  #rows: string[] = [""];
  #row = 0;
  #column = 0;
  /** Every state of the screen that was left behind by a line end or a movement. */
  readonly history: string[][] = [];

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is told by them
    for (const [token] of text.matchAll(/\x1b\[[?0-9;]*[A-Za-z]|[^\x1b]|\x1b/gu)) this.#take(token);
  }

  /** What can be read, without blank rows at the end. */
  get rows(): readonly string[] {
    const last = this.#rows.findLastIndex((row) => row !== "");
    return this.#rows.slice(0, last + 1);
  }

  #take(token: string): void {
    if (token === "\r") this.#column = 0;
    else if (token === "\n") {
      this.#row += 1;
      if (this.#row === this.#rows.length) this.#rows.push("");
    } else if (token === "\x1b[2K") this.#rows[this.#row] = "";
    else if (token === "\x1b[1A") this.#row = Math.max(0, this.#row - 1);
    else if (token === "\x1b[G") this.#column = 0;
    // Synchronized output: what stands between is shown at once.
    else if (token === "\x1b[?2026h") return;
    else if (token === "\x1b[?2026l") this.history.push([...this.rows]);
    else if (token < " ") throw new Error(`the screen does not know ${JSON.stringify(token)}`);
    else {
      const row = this.#rows[this.#row] ?? "";
      this.#rows[this.#row] = row.padEnd(this.#column).slice(0, this.#column) + token;
      this.#column += token.length;
    }
  }
}
