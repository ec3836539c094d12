import type { Conversation, ConversationListener } from "./conversation.ts";
import { bytesToText, displayText, textToBytes } from "./display.ts";
import { decodeEvent } from "./json-events.ts";
import { JSON_PROTOCOL, type JsonEvent, type JsonRequest } from "./json-protocol.ts";

export type JsonListener = {
  /** The console speaks JSON and waits for a request. */
  ready(): void;
  /** Each line as it came, before what it means; bytes. */
  raw(line: string): void;
  event(event: JsonEvent): void;
  /** Nothing can follow. `text`: why, for people, as bytes. Once. */
  failed(text: string): void;
};

/** The client's side of the machine's console, without its sockets: from the first prompt on. */
export class JsonClient implements ConversationListener {
  readonly #conversation: Conversation;
  readonly #where: string;
  readonly #on: JsonListener;
  #stage: "prompt" | "hello" | "open" | "over" = "prompt";

  /** `where`: the console's address for people, as bytes. */
  constructor(conversation: Conversation, where: string, on: JsonListener) {
    this.#conversation = conversation;
    this.#where = where;
    this.#on = on;
  }

  /** Only from `ready` on. */
  send(request: JsonRequest): void {
    this.#conversation.send(textToBytes(JSON.stringify(request)));
  }

  prompt(): void {
    if (this.#stage !== "prompt") return;
    this.#stage = "hello";
    this.#conversation.send("json");
  }

  line(line: string): void {
    if (this.#stage === "over") return;
    const event = decodeEvent(bytesToText(line));
    if (event === undefined || (this.#stage === "hello" && event !== "unknown" && event.event !== "hello")) {
      this.#fail(`${this.#where} does not speak as a makuosan of this version does`);
      return;
    }
    this.#on.raw(line);
    if (event === "unknown") return;
    if (this.#stage === "open") {
      this.#on.event(event);
    } else if (event.event === "hello" && event.protocol !== JSON_PROTOCOL) {
      this.#fail(
        `${this.#where} is makuosan ${textToBytes(displayText(event.version))}, which wants another msync`,
      );
    } else if (event.event === "hello") {
      this.#stage = "open";
      this.#on.ready();
    }
  }

  ended({ text }: { readonly text: string }): void {
    this.#fail(text);
  }

  #fail(text: string): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    this.#on.failed(text);
  }
}
