import { latin1ToJsonName } from "./json-name.ts";
import type { JsonPush } from "./json-protocol.ts";
import type { MsyncPush } from "./msync-options.ts";

/** The request of the machine's console that does what the command line asks. */
export function pushRequest(
  push: MsyncPush,
  wants: { readonly id: number; readonly files: boolean; readonly progress: boolean },
): JsonPush {
  return {
    request: "push",
    id: wants.id,
    paths: push.paths.map(latin1ToJsonName),
    recursive: push.recursive,
    mode: push.mode,
    removes: push.removes,
    ...(push.removesMax === undefined ? {} : { removesMax: push.removesMax }),
    ...(push.fsync ? {} : { fsync: false }),
    ...(push.compressLevel === undefined ? {} : { compressLevel: push.compressLevel }),
    dryRun: push.dryRun,
    ...(push.hosts === undefined ? {} : { hosts: push.hosts }),
    excludes: push.excludes.map(latin1ToJsonName),
    ...(push.group === undefined ? {} : { group: push.group }),
    files: wants.files,
    progress: wants.progress,
  };
}
