/** msync and a console that does not greet, or does not answer. */
import { describe, expect, test } from "bun:test";
import { connectConsole } from "../../src/cli/console-socket.ts";
import { openConversation } from "../../src/cli/conversation.ts";
import { closing } from "./closing.ts";
import { openJsonDaemon } from "./json-daemon.ts";

const { opened } = closing();

describe("patience", () => {
  const ended = (greeting: string, patienceFor: "prompt" | "everything") => {
    const daemon = opened(openJsonDaemon({ greeting }));
    const { promise, resolve } = Promise.withResolvers<string>();
    openConversation(
      {
        target: { kind: "tcp", host: "127.0.0.1", port: daemon.port },
        password: undefined,
        connect: connectConsole,
        patienceMs: 50,
        patienceFor,
      },
      (conversation) => ({
        line: () => {},
        // Somebody else ends what may take any time.
        prompt: () => {
          if (patienceFor === "prompt") setTimeout(() => conversation.end("enough"), 150);
        },
        ended: ({ text }) => resolve(text.replace(`tcp:127.0.0.1:${daemon.port}`, "it")),
      }),
    );
    return promise;
  };

  test("ends for whoever does not greet, or does not answer", async () => {
    const silent = "no answer from it: is a makuosan listening there?";
    expect(await ended("", "prompt")).toBe(silent);
    expect(await ended(">", "everything")).toBe(silent);
    expect(await ended("> ", "everything")).toBe("it does not answer");
    expect(await ended("> ", "prompt")).toBe("enough");
  });
});
