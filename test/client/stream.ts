/**
 * Splits what a console sends into its pieces. Written from the description of the protocol alone: a prompt is `> ` where a line could
 * start, the question for a password comes at most once and first, and all else is lines that end in LF.
 */

/** What can be seen in the stream. A `prompt` means that the command before it, if any, has finished. */
export type Piece =
  | { readonly kind: "question" }
  | { readonly kind: "prompt" }
  | { readonly kind: "line"; readonly text: string };

/** The question for the console's password, as bytes of Latin-1. */
export const PASSWORD_QUESTION = "password: \x1bE";

const PROMPT = "> ";

/** Takes the stream in chunks of any size. */
export class StreamSplitter {
  #rest = "";
  #first = true;

  /** The pieces that are complete with this chunk. */
  push(chunk: Uint8Array): Piece[] {
    this.#rest += Buffer.from(chunk).toString("latin1");
    const pieces: Piece[] = [];
    for (let piece = this.#take(); piece !== undefined; piece = this.#take()) pieces.push(piece);
    return pieces;
  }

  /** What has come since the last piece: a line without its end. */
  get rest(): string {
    return fromLatin1(this.#rest);
  }

  #take(): Piece | undefined {
    const text = this.#rest;
    if (this.#first && PASSWORD_QUESTION.startsWith(text.slice(0, PASSWORD_QUESTION.length))) {
      if (text.length < PASSWORD_QUESTION.length) return undefined;
      this.#drop(PASSWORD_QUESTION.length);
      return { kind: "question" };
    }
    if (text.startsWith(PROMPT)) {
      this.#drop(PROMPT.length);
      return { kind: "prompt" };
    }
    const end = text.indexOf("\n");
    if (end < 0) return undefined;
    this.#drop(end + 1);
    return { kind: "line", text: fromLatin1(text.slice(0, end)) };
  }

  #drop(length: number): void {
    this.#rest = this.#rest.slice(length);
    this.#first = false;
  }
}

function fromLatin1(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}
