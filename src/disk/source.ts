import { getBit } from "../wire/bitmap.ts";
import { assert } from "../wire/brand.ts";
import { DIGEST_BYTES } from "../wire/constants.ts";
import type { SourceReply, SourceRequest } from "../wire/disk-port.ts";
import { slotAt } from "./arena.ts";
import { Directories } from "./directories.ts";
import { errorText } from "./errno.ts";
import { display } from "./names.ts";
import { keyText } from "./push-key.ts";
import { Sections } from "./sections.ts";
import { makeContent } from "./source-content.ts";
import { makeManifest, makePlan } from "./source-manifest.ts";
import { filesOnly, type Maker, type SourcePush, type SourceTools } from "./source-push.ts";
import { errnoOf, type Failed, failed, type Latin1 } from "./sys.ts";

export type SourceDeps = SourceTools & {
  /** Path of the base directory. It is opened anew for each push. */
  readonly base: Latin1;
  readonly emit: (reply: SourceReply) => void;
};

type Request<Kind extends SourceRequest["kind"]> = Extract<SourceRequest, { kind: Kind }>;
/** A push whose base could be opened, or why not. */
type Open = { readonly push: SourcePush; readonly maker: Maker } | Failed;

/**
 * The owner's disk side (wire/disk-port.ts): scans, reads, and puts blocks into slots. Several pushes at once; each request is done when `handle`
 * returns. A `next` makes one block, and reads no further than that block needs. Nothing below the base is ever changed.
 */
export function createSource(deps: SourceDeps): { handle(request: SourceRequest): void } {
  const pushes = new Map<string, Open>();

  function open({ key, selection, capacity }: Request<"open">): void {
    const name = keyText(key);
    assert(!pushes.has(name), "push opened twice");
    const base = deps.sys.openBase(deps.base);
    if (failed(base)) {
      pushes.set(name, base);
      return;
    }
    const directories = new Directories(deps.sys, base);
    const sections = new Sections(deps.zstd);
    const push: SourcePush = {
      key,
      selection,
      capacity,
      base,
      directories,
      sections,
      target: 0,
      contentBytes: 0,
    };
    pushes.set(name, { push, maker: make(deps, push) });
  }

  function next({ key, slot, block }: Request<"next">): void {
    const known = pushes.get(keyText(key));
    if (known === undefined || failed(known)) {
      const reason = known === undefined ? "the push is not open" : errorText(errnoOf(known));
      deps.emit({ kind: "failed", key, message: `base directory ${display(deps.base)}: ${reason}` });
      return;
    }
    const { push, maker } = known;
    push.target = slotAt(deps.arena, slot, push.capacity);
    const { value: made } = maker.next();
    assert(made !== undefined, "block asked for after the final one");
    if (made.kind === "failed") {
      deps.emit({ kind: "failed", key, message: made.message });
      return;
    }
    const { blockKind, lastOfKind, final, entries } = made;
    deps.arena.bytes.set(
      deps.digest.block({ at: push.target, bytes: made.bytes }, block),
      push.target + made.bytes,
    );
    const bytes = made.bytes + DIGEST_BYTES;
    const { contentBytes } = push;
    deps.emit({
      kind: "block",
      key,
      slot,
      block,
      blockKind,
      bytes,
      lastOfKind,
      final,
      entries,
      contentBytes,
    });
  }

  function union({ key, section, content }: Request<"union">): void {
    const known = pushes.get(keyText(key));
    if (known === undefined || failed(known)) return;
    const { sections } = known.push;
    sections.setPlan(section, content === undefined ? undefined : filesOnly(sections, section, content));
  }

  function names({ key, section, host, update }: Request<"names">): void {
    const known = pushes.get(keyText(key));
    if (known === undefined || failed(known)) return;
    const updated: Uint8Array[] = [];
    const skipped: Uint8Array[] = [];
    known.push.sections.read(section).forEach(({ path }, index) => {
      (update !== undefined && getBit(update, index) ? updated : skipped).push(path);
    });
    deps.tell({ kind: "names", key, host, updated, skipped });
  }

  function explain({ key, host, failure: { entry, errno, step } }: Request<"explain">): void {
    const known = pushes.get(keyText(key));
    let path: Uint8Array | undefined;
    // The number came from another host: it may be of no entry.
    if (known !== undefined && !failed(known) && entry !== undefined && entry < known.push.sections.entries) {
      const at = known.push.sections.locate(entry);
      path = known.push.sections.entry(at.section, at.index).path;
    }
    deps.tell({ kind: "failure", key, host, path, errno, step });
  }

  function close({ key }: Request<"close">): void {
    const name = keyText(key);
    const known = pushes.get(name);
    if (known !== undefined && !failed(known)) {
      known.maker.return();
      known.push.directories.release();
      deps.sys.close(known.push.base);
    }
    pushes.delete(name);
    deps.emit({ kind: "closed", key });
  }

  return {
    handle(request) {
      switch (request.kind) {
        case "open":
          return open(request);
        case "next":
          return next(request);
        case "union":
          return union(request);
        case "names":
          return names(request);
        case "explain":
          return explain(request);
        case "close":
          return close(request);
      }
    },
  };
}

/** All blocks of a push, in order (PROTOCOL §5.5). */
function* make(tools: SourceTools, push: SourcePush): Maker {
  if (!(yield* makeManifest(tools, push))) return;
  yield* makePlan(tools, push);
  if (push.sections.stream().next().done !== true) yield* makeContent(tools, push);
}
