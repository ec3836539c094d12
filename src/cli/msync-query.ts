import type { Conversation, ConversationListener } from "./conversation.ts";
import { displayBytes, textToBytes } from "./display.ts";
import { JsonClient, type JsonListener } from "./json-client.ts";
import type { JsonEvent } from "./json-protocol.ts";

const QUERY_ID = 1;

type Query = {
  /** The console's address for people, as bytes. */
  readonly where: string;
  readonly about: "members" | "status";
};

export type JsonAnswer = {
  readonly status: number;
  /** Everything that the console said, as it said it; bytes. */
  readonly lines: readonly string[];
  /** Why there is no answer, if not the console said so. */
  readonly error: string | undefined;
};

/** Asks the machine's console one question. */
export function askJson(
  conversation: Conversation,
  query: Query,
  done: (answer: JsonAnswer) => void,
): ConversationListener {
  const lines: string[] = [];
  return ask(conversation, query, {
    raw: (line) => void lines.push(line),
    event: ({ event }) => {
      if (event === query.about) done({ status: 0, lines, error: undefined });
      else if (event === "error") done({ status: 1, lines, error: undefined });
    },
    failed: (error) => done({ status: 1, lines, error }),
  });
}

/** Asks for the names of the members (bytes), for a shell's completion: whatever goes wrong, there are none. */
export function askHosts(
  conversation: Conversation,
  where: string,
  done: (names: readonly string[]) => void,
): ConversationListener {
  return ask(
    conversation,
    { where, about: "members" },
    {
      raw: () => {},
      event: (event) => {
        if (event.event === "members") done(event.members.map(({ name }) => displayBytes(textToBytes(name))));
        else if (event.event === "error") done([]);
      },
      failed: () => done([]),
    },
  );
}

function ask(
  conversation: Conversation,
  query: Query,
  on: Pick<JsonListener, "raw" | "failed"> & { event(event: JsonEvent): void },
): ConversationListener {
  const client: JsonClient = new JsonClient(conversation, query.where, {
    ready: () => client.send({ request: query.about, id: QUERY_ID }),
    ...on,
  });
  return client;
}
