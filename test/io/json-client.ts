import { isIPv4 } from "node:net";
import Ajv2020 from "ajv/dist/2020";
import schema from "../../share/console.schema.json";
import type { JsonEvent, JsonRequest } from "../../src/cli/json-protocol.ts";
import { openClient } from "./console-fixture.ts";

const ajv = new Ajv2020({ strict: false });
ajv.addFormat("ipv4", (text: string) => isIPv4(text));
ajv.addSchema(schema, "console");
const isEvent = ajv.compile({ $ref: "console#/$defs/event" });
const isRequest = ajv.compile({ $ref: "console#/$defs/request" });

/** Whether the schema file, by an independent judge, takes this for a request. */
export function isJsonRequest(value: unknown): boolean {
  return isRequest(value);
}

/** Whether the schema file, by an independent judge, takes this for an event. */
export function isJsonEvent(value: unknown): boolean {
  return isEvent(value);
}

/** A client of the machine's console, after its `hello`. Every event, and every request, is held against the schema file. */
export async function openJsonClient(port: number, before = "") {
  const client = await openClient(port);
  const events: JsonEvent[] = [];
  let partial = "";
  const collect = (chunk: Buffer) => {
    const lines = (partial + chunk.toString("latin1")).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) {
      const event: unknown = JSON.parse(Buffer.from(line, "latin1").toString("utf8"));
      if (!isEvent(event)) throw new Error(`no event of the schema: ${line}`);
      events.push(event as JsonEvent);
    }
  };
  client.send(`${before}json\n`);
  const prompts = "> ".repeat(before.split("\n").length);
  await client.expect(prompts);
  const more = Buffer.from(client.pending(), "latin1");
  client.socket.on("data", collect);
  collect(more);
  const next = async (): Promise<JsonEvent> => {
    for (let tries = 0; tries < 600 && events.length === 0; tries++) await Bun.sleep(5);
    const event = events.shift();
    if (event === undefined) throw new Error("no event came");
    return event;
  };
  const hello = await next();
  return {
    hello,
    next,
    socket: client.socket,
    sendRaw: (text: string) => client.send(text),
    send(...requests: readonly JsonRequest[]): void {
      for (const request of requests)
        if (!isRequest(request)) throw new Error(`no request of the schema: ${JSON.stringify(request)}`);
      client.send(
        requests
          .map((request) => Buffer.from(`${JSON.stringify(request)}\n`, "utf8").toString("latin1"))
          .join(""),
      );
    },
    /** What has come and was not asked for yet. */
    pending: () => [...events],
    /** Waits for the other side to close; returns what came before. */
    async rest(): Promise<JsonEvent[]> {
      await client.rest();
      return events;
    },
  };
}
