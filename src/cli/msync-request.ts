import { latin1ToJsonName } from "./json-name.ts";
import type { JsonName, JsonPush } from "./json-protocol.ts";
import type { MsyncPush } from "./msync-options.ts";

/** Number of the one request of a connection of msync's. */
export const PUSH_ID = 1;

/** The request of the machine's console that does what the command line asks. */
export function pushRequest(
  push: MsyncPush,
  wants: { readonly files: boolean; readonly progress: boolean },
): JsonPush {
  return {
    request: "push",
    id: PUSH_ID,
    paths: names(push.paths),
    recursive: push.recursive,
    mode: push.mode,
    removes: push.removes,
    ...(push.removesMax === undefined ? {} : { removesMax: push.removesMax }),
    ...(push.fsync ? {} : { fsync: false }),
    ...(push.compressLevel === undefined ? {} : { compressLevel: push.compressLevel }),
    dryRun: push.dryRun,
    ...(push.hosts === undefined ? {} : { hosts: push.hosts }),
    excludes: names(push.excludes),
    ...(push.group === undefined ? {} : { group: push.group }),
    files: wants.files,
    progress: wants.progress,
  };
}

/** A loop, as in raw-arguments.ts. */
function names(bytes: readonly string[]): JsonName[] {
  const list: JsonName[] = [];
  for (const one of bytes) list.push(latin1ToJsonName(one));
  return list;
}
