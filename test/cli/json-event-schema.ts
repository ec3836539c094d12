import { toJsonSchemaDefs } from "@valibot/to-json-schema";
import * as v from "valibot";
import { jsonNameSchema as name, requestSchema as request } from "../../src/cli/json-requests.ts";

/**
 * The form of the machine's console's events, and of the whole protocol as the file share/console.schema.json. Run as a program, this writes
 * the file; a test checks that it is up to date and that it says the same as the types.
 */

const id = v.pipe(
  v.number(),
  v.safeInteger(),
  v.minValue(0),
  v.description("Of the request that it belongs to."),
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const seconds = v.pipe(v.number(), v.minValue(0), v.description("Since the request, in seconds."));
const texts = v.array(v.string());
const counters = v.record(v.string(), v.number());

const progressHost = v.object({
  host: v.string(),
  state: v.picklist(["offered", "live", "silent", "prepared", "ended"]),
  doneBytes: v.pipe(count, v.description("Bytes of files that it has, or does not need.")),
  bytesPerSecond: count,
});

const member = v.object({
  name: v.string(),
  address: v.pipe(v.string(), v.ipv4()),
  version: v.string(),
  noReceive: v.boolean(),
  noSend: v.boolean(),
});

const status = v.object({
  process: count,
  version: v.string(),
  base: name,
  chroot: v.boolean(),
  receiveBuffer: count,
  sendBuffer: count,
  rate: v.pipe(count, v.description("Bytes a second, in the last second.")),
  rateLimit: v.exactOptional(count),
  commands: texts,
  sending: v.array(
    v.object({
      push: count,
      phase: v.string(),
      hosts: count,
      blocks: count,
      rate: v.pipe(count, v.description("Bytes a second that this push sends.")),
      windowPackets: v.pipe(count, v.description("Packets that may be under way.")),
      windowBytes: count,
      roundTripUs: v.pipe(count, v.description("Of the slowest host that paces the flow.")),
      chanceLoss: v.pipe(
        v.number(),
        v.minValue(0),
        v.maxValue(1),
        v.description("Share of the packets lost that is taken for chance, not for congestion."),
      ),
      limitedBy: v.pipe(
        v.picklist(["source", "receivers", "buffers", "rate limit", "start", "network"]),
        v.description(
          "What holds it back: the disk here, receivers without room, their socket buffers, -T, a window that still grows, the network.",
        ),
      ),
    }),
  ),
  receiving: v.array(v.object({ owner: v.string(), push: count, state: v.string(), blocks: count })),
  counters,
});

/** Every event. Members that a later version adds are to be ignored. */
const event = v.variant("event", [
  v.object({
    event: v.literal("hello"),
    protocol: v.pipe(count, v.description("1: this file's version of the protocol.")),
    version: v.string(),
    name: v.string(),
    group: v.pipe(v.string(), v.description("ADDRESS:PORT")),
  }),
  v.object({
    event: v.literal("error"),
    id: v.exactOptional(id),
    text: v.pipe(
      v.string(),
      v.description("Why the request was not carried out. Nothing else follows for it."),
    ),
  }),
  v.object({
    event: v.literal("started"),
    id,
    hosts: texts,
    readOnly: v.pipe(texts, v.description("Members that never receive, and are no targets.")),
  }),
  v.object({ event: v.literal("need"), id, host: v.string(), updates: count, removals: count }),
  v.object({
    event: v.literal("files"),
    id,
    host: v.string(),
    action: v.picklist(["update", "skip", "remove", "readOnly", "same", "differ"]),
    paths: v.array(name),
  }),
  v.object({
    event: v.literal("problem"),
    id,
    severity: v.picklist(["error", "notice"]),
    text: v.string(),
    path: name,
  }),
  v.object({
    event: v.literal("failure"),
    id,
    host: v.string(),
    text: v.string(),
    path: v.exactOptional(name),
  }),
  v.object({
    event: v.literal("progress"),
    id,
    phase: v.picklist(["offer", "manifest", "need", "content", "prepare", "commit"]),
    seconds,
    sentBytes: count,
    contentBytes: v.pipe(count, v.description("In all; 0 while that is not known.")),
    bytesPerSecond: count,
    hosts: v.array(progressHost),
  }),
  v.object({
    event: v.literal("outcome"),
    id,
    host: v.string(),
    address: v.pipe(v.string(), v.ipv4()),
    outcome: v.picklist(["complete", "refused", "failed", "lost"]),
    text: v.exactOptional(v.string()),
    updates: v.exactOptional(count),
  }),
  v.object({
    event: v.literal("finished"),
    id,
    ok: v.boolean(),
    seconds,
    rejected: v.exactOptional(v.string()),
  }),
  v.object({ event: v.literal("members"), id, members: v.array(member) }),
  v.object({ event: v.literal("status"), id, status }),
]);

/** What the schema says of an event, as a type. */
export type EventBySchema = v.InferOutput<typeof event>;
/** What the schema says of a request, as a type. */
export type RequestBySchema = v.InferOutput<typeof request>;

/** The file's text. */
export function consoleSchemaText(): string {
  const $defs = toJsonSchemaDefs({ request, event, name }, { target: "draft-2020-12" });
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "The machine's console of makuosan",
    description:
      "After the line `json`, a connection to the console speaks JSON, one object a line in both directions: the client sends requests, the daemon events.",
    oneOf: [{ $ref: "#/$defs/request" }, { $ref: "#/$defs/event" }],
    $defs,
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

/** Where the file is. */
export const CONSOLE_SCHEMA_PATH = new URL("../../share/console.schema.json", import.meta.url).pathname;

if (import.meta.main) await Bun.write(CONSOLE_SCHEMA_PATH, consoleSchemaText());
