import type { Sys } from "../../src/disk/sys.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { NO_TERMS, type Terms } from "../../src/wire/terms.ts";
import { removalsOf } from "./removal-model.ts";
import { entry, Sender } from "./sender.ts";
import { receiver, snapshot, tools } from "./support.ts";

/** Pushes that only remove, by a sender that a test plays. */

/** Bytes of a text, one a character. */
export const bytes = (text: string) => Buffer.from(text, "latin1");
/** Several of them. */
export const paths = (...texts: string[]) => texts.map(bytes);
/** An entry of a directory, all of whose names are in the manifest. */
export const directory = (path: string, more: Partial<Entry> = {}) =>
  entry(path, { type: "directory", size: 0, mode: 0o755, listed: true, ...more });
/** An entry of a FIFO. */
export const fifo = (path: string) => entry(path, { type: "fifo", size: 0 });
/** Everything that is no entry goes, and is named. */
export const all: Terms = { ...NO_TERMS, mode: "prune", removes: true, baseListed: true, namesWanted: true };
/** Terms of these patterns. */
export const excluding = (...patterns: string[]) => ({ base: bytes("/base"), excludes: paths(...patterns) });

/** Pushes a manifest and nothing else into `base`: what was told, and what came of it. */
export function prune(base: string, terms: Partial<Terms>, entries: readonly Entry[], sys: Sys = tools.sys) {
  const to = receiver(base, { sys });
  const sender = new Sender(to);
  const used = sender.under({ ...all, ...terms }, entries);
  if (used.failure !== undefined)
    return { failure: used.failure, told: removalsOf({ used: [used] }), log: to.log };
  const { kind, ...rest } = sender.commit();
  return {
    kind,
    ...("failure" in rest ? { failure: rest.failure } : {}),
    told: removalsOf({ used: [used] }),
    log: to.log,
  };
}

/** Paths below a directory, sorted, a directory before what is in it. */
export const left = (base: string) => [...snapshot(base).keys()].map((path) => path.slice(1));
