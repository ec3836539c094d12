import { createHash, timingSafeEqual } from "node:crypto";
import type { ConsoleOutput, ConsoleSession } from "../io/console.ts";

/** Asks for the password. The two bytes behind it are part of the protocol: clients wait for them. */
export const PASSWORD_PROMPT = "password: \x1bE";
/** The answer to a wrong password, after a while; then the connection is closed. */
export const PASSWORD_REFUSAL = "sorry.\n";
/** A longer line is no password. */
const passwordBytesMax = 4_096;
/** So long a wrong guess takes. */
const refusalMs = 1_000;
/** Whoever does not know the password does not keep others from connecting for longer. */
const patienceMs = 60_000;

/** Lets nothing pass but the right password, for which there is one chance; then calls `admit`. */
export class PasswordSession implements ConsoleSession {
  readonly lineBytesMax = passwordBytesMax;
  readonly #digest: Buffer;
  readonly #output: ConsoleOutput;
  readonly #admit: () => void;
  #timer: ReturnType<typeof setTimeout>;
  #ready = true;

  constructor(password: Uint8Array, output: ConsoleOutput, admit: () => void) {
    this.#digest = digestOf(password);
    this.#output = output;
    this.#admit = admit;
    this.#timer = setTimeout(() => this.#refuse(), patienceMs);
    output.write(PASSWORD_PROMPT);
  }

  get ready(): boolean {
    return this.#ready;
  }

  line(text: string): void {
    clearTimeout(this.#timer);
    this.#ready = false;
    // Digests are equally long, so that the time of the comparison tells nothing.
    if (timingSafeEqual(digestOf(Buffer.from(text, "latin1")), this.#digest)) this.#admit();
    else this.#timer = setTimeout(() => this.#refuse(), refusalMs);
  }

  overlong(): void {
    this.line("");
  }

  hungUp(): void {}

  inputEnded(): void {
    clearTimeout(this.#timer);
    this.#output.end();
  }

  closed(): void {
    clearTimeout(this.#timer);
  }

  #refuse(): void {
    this.#output.write(PASSWORD_REFUSAL);
    this.#output.end();
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
