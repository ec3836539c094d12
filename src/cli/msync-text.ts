import type { Conversation, ConversationListener } from "./conversation.ts";
import { isGoodbye, isJson, judgeLine } from "./msync-script.ts";
import type { MsyncWorld } from "./msync-world.ts";

/** Console commands over the text protocol, one after the other; what they print is printed. Fails if any line says that something failed. */
export class TextRun implements ConversationListener {
  readonly #world: MsyncWorld;
  readonly #conversation: Conversation;
  readonly #done: (status: number) => void;
  readonly #commands: AsyncIterator<string> | Iterator<string>;
  #failed = false;
  #left = false;

  constructor(
    conversation: Conversation,
    commands: AsyncIterable<string> | Iterable<string>,
    { world, done }: { readonly world: MsyncWorld; done(status: number): void },
  ) {
    this.#conversation = conversation;
    this.#commands =
      Symbol.asyncIterator in commands ? commands[Symbol.asyncIterator]() : commands[Symbol.iterator]();
    this.#world = world;
    this.#done = done;
  }

  prompt(): void {
    void this.#next();
  }

  line(line: string): void {
    const { to, failure } = judgeLine(line);
    this.#failed ||= failure;
    this.#world.print(to === "stderr" ? 2 : 1, [line]);
  }

  ended({ text, closed }: { readonly text: string; readonly closed: boolean }): void {
    if (this.#left && closed) {
      this.#done(this.#failed ? 1 : 0);
      return;
    }
    this.#world.print(2, [`error: ${text}`]);
    this.#done(1);
  }

  async #next(): Promise<void> {
    const { done, value: command } = await this.#commands.next();
    if (done === true) {
      this.#done(this.#failed ? 1 : 0);
      return;
    }
    if (isJson(command)) {
      this.#world.print(2, ["error: json: a script is of lines of text; there is --json"]);
      this.#done(1);
      return;
    }
    this.#left = isGoodbye(command);
    this.#conversation.send(command);
  }
}
