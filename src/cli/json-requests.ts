import * as v from "valibot";
import { COMPRESS_LEVEL_MAX } from "../wire/disk-port.ts";
import { EXCLUDES_MAX } from "../wire/terms.ts";
import { HOSTS_MAX, PATHS_MAX, REMOVES_MAX_LIMIT } from "./console-command.ts";
import type { JsonRequest } from "./json-protocol.ts";

/**
 * The form of requests, which share/console.schema.json is made of, too. What a form cannot say is checked by whoever does the request. Members that
 * are not known are refused: a misspelt `dryRun` must not become a push.
 */

const id = v.pipe(
  v.number(),
  v.safeInteger(),
  v.minValue(0),
  v.description("The client's choice; no two requests that run at the same time have the same."),
);

/** As a pattern, it is part of the schema, which only calls what it knows as base64 by its name. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A name of the file system. */
export const jsonNameSchema = v.union([
  v.string(),
  v.strictObject({ base64: v.pipe(v.string(), v.regex(BASE64, "no base64")) }),
]);

const pushSchema = v.strictObject({
  request: v.literal("push"),
  id,
  paths: v.pipe(
    v.array(jsonNameSchema),
    v.maxLength(PATHS_MAX, atMost),
    v.description("Relative to the base; none with `recursive` is the whole base."),
  ),
  recursive: v.boolean(),
  mode: v.exactOptional(
    v.pipe(
      v.picklist(["send", "check", "prune"]),
      v.description(
        "send, the default: what differs is sent; check: contents are compared; prune: names are only removed.",
      ),
    ),
  ),
  removes: v.exactOptional(
    v.pipe(
      v.picklist(["nothing", "missing", "extra"]),
      v.description(
        "nothing, the default; missing: given paths that do not exist here; extra: also every name below a recursive path that does not exist here.",
      ),
    ),
  ),
  removesMax: v.exactOptional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(REMOVES_MAX_LIMIT),
      v.description("A host that would remove more names changes nothing and fails."),
    ),
  ),
  fsync: v.exactOptional(
    v.pipe(
      v.boolean(),
      v.description(
        "true, the default: a host has flushed to its disk what it says that it has; false: it need not, and a power failure may undo it.",
      ),
    ),
  ),
  compressLevel: v.exactOptional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(COMPRESS_LEVEL_MAX),
      v.description(
        "Contents are compressed at most at this level of Zstandard where that is faster; 0: they are not; absent: as the daemon was told.",
      ),
    ),
  ),
  dryRun: v.exactOptional(v.boolean()),
  hosts: v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.string(), v.minLength(1))),
      v.minLength(1),
      v.maxLength(HOSTS_MAX, atMost),
      v.description("Names or addresses of members; absent: all."),
    ),
  ),
  excludes: v.exactOptional(
    v.pipe(
      v.array(jsonNameSchema),
      v.maxLength(EXCLUDES_MAX, atMost),
      v.description("Patterns of fnmatch(3)."),
    ),
  ),
  group: v.exactOptional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.description("The sent files get this group first, here: name or number."),
    ),
  ),
  files: v.exactOptional(v.pipe(v.boolean(), v.description("Whether `files` events are wanted."))),
  progress: v.exactOptional(v.pipe(v.boolean(), v.description("Whether `progress` events are wanted."))),
});

/** What msync's users read when they name too many. */
function atMost({
  requirement,
  received,
}: {
  readonly requirement: number;
  readonly received: string;
}): string {
  return `${received} are too many, at most ${requirement} are possible`;
}

/** Every request, as it comes. */
export const requestSchema = v.variant("request", [
  pushSchema,
  v.strictObject({ request: v.literal("cancel"), id }),
  v.strictObject({ request: v.literal("members"), id }),
  v.strictObject({ request: v.literal("status"), id }),
  v.strictObject({ request: v.literal("quit") }),
]);

/** A fault quotes what is wrong; nobody needs megabytes of it. */
const faultCharactersMax = 200;

/** Reads a line of the JSON console, which is UTF-8. `id`: of the request that is wrong, as far as it has one. */
export function parseRequest(
  line: string,
): { readonly request: JsonRequest } | { readonly fault: string; readonly id: number | undefined } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { fault: "the line is not JSON", id: undefined };
  }
  const parsed = v.safeParse(requestSchema, value, { abortEarly: true });
  if (parsed.success) return { request: parsed.output };
  const [issue] = parsed.issues;
  const where = v.getDotPath(issue);
  const fault = `${where === null ? "" : `${where}: `}${issue.message}`;
  const found = v.safeParse(v.object({ id }), value);
  return {
    fault: fault.slice(0, faultCharactersMax).toWellFormed(),
    id: found.success ? found.output.id : undefined,
  };
}
