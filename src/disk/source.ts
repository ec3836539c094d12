import { getBit } from "../wire/bitmap.ts";
import { assert } from "../wire/brand.ts";
import { DIGEST_BYTES } from "../wire/constants.ts";
import type { PushKey, SourceReply, SourceRequest } from "../wire/disk-port.ts";
import { slotAt } from "./arena.ts";
import { Directories } from "./directories.ts";
import { errorText } from "./errno.ts";
import { display } from "./names.ts";
import { keyText } from "./push-key.ts";
import { Sections } from "./sections.ts";
import { makeContent } from "./source-content.ts";
import { makeManifest } from "./source-manifest.ts";
import { makePlan } from "./source-plan.ts";
import { filesOnly, type Made, type Maker, type SourcePush, type SourceTools } from "./source-push.ts";
import { errnoOf, type Failed, failed, type Latin1 } from "./sys.ts";

export type SourceDeps = SourceTools & {
  /** Path of the base directory. It is opened anew for each push. */
  readonly base: Latin1;
  readonly emit: (reply: SourceReply) => void;
  /** Takes what an operator should read of mistakes of our own. */
  readonly log: (text: string) => void;
  /** Calls `resume` after that time; requests may be handled meanwhile. */
  readonly later: (ms: number, resume: () => void) => void;
};

type Request<Kind extends SourceRequest["kind"]> = Extract<SourceRequest, { kind: Kind }>;
type MadeBlock = Extract<Made, { kind: "block" }>;
/** A push whose base could be opened, or why not. */
type Open = Opened | Failed;
type Opened = {
  readonly push: SourcePush;
  readonly maker: Maker;
  /** Blocks that are asked for while an earlier one has to wait. */
  readonly asked: Request<"next">[];
  /** over: the final block, or a failure, has been told, and nothing follows. */
  state: "ready" | "waiting" | "over";
};

/**
 * The owner's disk side (wire/disk-port.ts): scans, reads, and puts blocks into slots. Several pushes at once; each request is done when `handle`
 * returns, but for a `next` that has to wait for files to come to rest, or that lets other pushes have their turn. A `next` makes one block, and
 * reads no further than that block needs. Nothing below the base is ever changed but the group of what is sent, where that is asked for.
 */
export function createSource(deps: SourceDeps): { handle(request: SourceRequest): void } {
  const source = new Source(deps);
  return { handle: (request) => source.handle(request) };
}

class Source {
  readonly #deps: SourceDeps;
  readonly #pushes = new Map<string, Open>();
  /** How long requests have taken in all. */
  #busyUs = 0;

  constructor(deps: SourceDeps) {
    this.#deps = deps;
  }

  handle(request: SourceRequest): void {
    this.#work(() => this.#serve(request));
  }

  /** Does something, and counts the time. */
  #work(act: () => void): void {
    const { clock } = this.#deps;
    const began = clock();
    act();
    this.#busyUs += clock() - began;
  }

  #serve(request: SourceRequest): void {
    switch (request.kind) {
      case "open":
        return this.#open(request);
      case "next":
        return this.#next(request);
      case "union":
        return this.#union(request);
      case "names":
        return this.#names(request);
      case "explain":
        return this.#explain(request);
      case "close":
        return this.#close(request);
    }
  }

  #open({ key, selection, task, dryRun, names, capacity }: Request<"open">): void {
    const name = keyText(key);
    assert(!this.#pushes.has(name), "push opened twice");
    const { sys } = this.#deps;
    const base = sys.openBase(this.#deps.base);
    if (failed(base)) {
      this.#pushes.set(name, base);
      return;
    }
    const directories = new Directories(sys, base);
    const sections = new Sections(this.#deps);
    const asked = { key, selection, task, dryRun, names, capacity };
    const first = { slot: 0, atUs: 0, busyUs: 0, waiting: false };
    const now = { target: 0, block: 0, asked: first, contentBytes: 0 };
    const push = { ...asked, base, directories, sections, ...now };
    this.#pushes.set(name, { push, maker: make(this.#deps, push), asked: [], state: "ready" });
  }

  #next(request: Request<"next">): void {
    const { key } = request;
    const known = this.#pushes.get(keyText(key));
    if (known === undefined || failed(known)) {
      const reason = known === undefined ? "the push is not open" : errorText(errnoOf(known));
      const message = `base directory ${display(this.#deps.base)}: ${reason}`;
      this.#deps.emit({ kind: "failed", key, message });
      return;
    }
    known.asked.push(request);
    this.#go(known);
  }

  /** Makes the blocks that are asked for, until one has to wait. */
  #go(known: Opened): void {
    while (known.state === "ready") {
      const request = known.asked.shift();
      if (request === undefined) return;
      this.#make(known, request);
    }
  }

  #make(known: Opened, request: Request<"next">): void {
    const { arena, emit, clock } = this.#deps;
    const { key, slot, block, waiting = false } = request;
    const { push, maker } = known;
    push.target = slotAt(arena, slot, push.capacity);
    push.block = block;
    push.asked = { slot, atUs: clock(), busyUs: this.#busyUs, waiting };
    const made = this.#step(maker);
    assert(made !== undefined, "the final block has been made");
    if (made.kind === "pause") return this.#pause(known, request, made.ms);
    if (made.kind === "failed") {
      known.state = "over";
      emit({ kind: "failed", key, message: made.message });
      return;
    }
    if (made.final) known.state = "over";
    this.#deliver(push, made, { slot, block });
  }

  #pause(known: Opened, request: Request<"next">, ms: number): void {
    known.state = "waiting";
    known.asked.unshift(request);
    this.#deps.later(ms, () => {
      // It may have been closed meanwhile, and even another be open under its name.
      if (this.#pushes.get(keyText(request.key)) !== known) return;
      known.state = "ready";
      this.#work(() => this.#go(known));
    });
  }

  /** Completes a block that lies at the push's target, and hands it over. */
  #deliver(
    push: SourcePush,
    made: MadeBlock,
    { slot, block }: Pick<Request<"next">, "slot" | "block">,
  ): void {
    const { arena, digest, emit } = this.#deps;
    const { key } = push;
    const { blockKind, lastOfKind, final, entries } = made;
    const own = made.digest ?? digest.block({ at: push.target, bytes: made.bytes }, block);
    arena.bytes.set(own, push.target + made.bytes);
    const bytes = made.bytes + DIGEST_BYTES;
    const { contentBytes } = push;
    emit({ kind: "block", key, slot, block, blockKind, bytes, lastOfKind, final, entries, contentBytes });
  }

  /**
   * Goes on with a push. What is on the disk must never end this thread, and with it all pushes: an exception that nobody has foreseen ends the
   * push that met it. Whether the slot is one at all has been asserted outside of this.
   */
  #step(maker: Maker): Made | undefined {
    try {
      return maker.next().value ?? undefined;
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      this.#deps.log(`source: ${stack ?? message}`);
      return { kind: "failed", message: `fault while reading the base directory: ${message}` };
    }
  }

  #union({ key, section, content }: Request<"union">): void {
    const push = this.#get(key);
    if (push === undefined) return;
    const { sections, task } = push;
    // Only a push that sends has content, whatever receivers claim to need.
    const wanted = task.mode === "send" ? content : undefined;
    sections.setPlan(section, wanted === undefined ? undefined : filesOnly(sections, section, wanted));
  }

  #names({ key, section, host, update }: Request<"names">): void {
    const push = this.#get(key);
    if (push === undefined) return;
    const updated: Uint8Array[] = [];
    const skipped: Uint8Array[] = [];
    const entries = push.sections.read(section).entries();
    entries.forEach(({ path, type }, index) => {
      if (type === "other") return;
      (update !== undefined && getBit(update, index) ? updated : skipped).push(path);
    });
    this.#deps.tell({ kind: "names", key, host, updated, skipped });
  }

  #explain({ key, host, failure }: Request<"explain">): void {
    const { entry, errno, step } = failure;
    const sections = this.#get(key)?.sections;
    let path = failure.path;
    // The number came from another host: it may be of no entry.
    if (path === undefined && sections !== undefined && entry !== undefined && entry < sections.entries) {
      const at = sections.locate(entry);
      path = sections.entry(at.section, at.index).path;
    }
    this.#deps.tell({ kind: "failure", key, host, path, errno, step });
  }

  #close({ key }: Request<"close">): void {
    const known = this.#pushes.get(keyText(key));
    if (known !== undefined && !failed(known)) {
      known.maker.return();
      known.push.directories.release();
      this.#deps.sys.close(known.push.base);
    }
    this.#pushes.delete(keyText(key));
    this.#deps.emit({ kind: "closed", key });
  }

  #get(key: PushKey): SourcePush | undefined {
    const known = this.#pushes.get(keyText(key));
    return known === undefined || failed(known) ? undefined : known.push;
  }
}

/** All blocks of a push, in order (PROTOCOL §5.5). */
function* make(tools: SourceTools, push: SourcePush): Maker {
  if (!(yield* makeManifest(tools, push))) return;
  yield* makePlan(tools, push);
  if (push.sections.stream().next()) yield* makeContent(tools, push);
}
