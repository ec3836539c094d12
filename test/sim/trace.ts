/**
 * A running hash over everything that happens, so that two runs of one seed can be compared, and, when asked for, one line of
 * text for each event. Two FNV-1a lanes over 32-bit words.
 */
export class Trace {
  #low = 0x811c_9dc5;
  #high = 0xcbf2_9ce4;
  #events = 0;
  readonly #print: ((line: string) => void) | undefined;

  /** @param print takes the lines of a readable trace; undefined: only the hash is wanted. */
  constructor(print: ((line: string) => void) | undefined) {
    this.#print = print;
  }

  get events(): number {
    return this.#events;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** An event: when, at which host (-1: none in particular), and what, as integers; `text` is called only for a readable trace. */
  note(now: number, host: number, words: readonly number[], text: () => string): void {
    this.#events++;
    this.#word(now >>> 0);
    this.#word(host);
    for (const word of words) this.#word(word);
    if (this.#print === undefined) return;
    this.#print(
      `${(now / 1000).toFixed(3).padStart(11)} ms ${host < 0 ? "    " : `host${host}`.padEnd(6)} ${text()}`,
    );
  }

  #word(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x0100_0193);
    this.#high = Math.imul(this.#high ^ (word + this.#low), 0x0100_0193);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
