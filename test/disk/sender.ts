import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { BlockIndex, Slot } from "../../src/wire/brand.ts";
import { BlockKind, DIGEST_BYTES, FailStep } from "../../src/wire/constants.ts";
import type { StageReply } from "../../src/wire/disk-port.ts";
import { type Entry, encodeSection } from "../../src/wire/manifest.ts";
import { encodePlan } from "../../src/wire/plan.ts";
import { NO_TERMS, type Terms } from "../../src/wire/terms.ts";
import { CAPACITY, freshKey, type Receiver, receiver, snapshot, tools, workspace } from "./support.ts";

/** A sender that is played by a test. */

/** The slot that its blocks go through. */
export const SLOT = 2 as Slot;
const EPROTO = 71;
/** A failure for breaking the protocol. */
export const protocol = { errno: EPROTO, step: FailStep.manifest };

/** An entry of a file of 5 bytes, or another one. */
export function entry(path: string, more: Partial<Entry> = {}): Entry {
  const common = { mode: 0o644, uid: 0, gid: 0, seconds: 1n, nanoseconds: 0 };
  return { type: "file", path: Buffer.from(path, "latin1"), size: 5, ...common, ...more };
}

/** One push into `to`, block by block, as good or bad as the test wants it. */
export class Sender {
  readonly #to: Receiver;
  readonly key = freshKey();
  #block = 0;

  constructor(to: Receiver, { dryRun = false, check = false } = {}) {
    this.#to = to;
    expect(to.handle({ kind: "open", key: this.key, dryRun, check, capacity: CAPACITY }).kind).toBe("opened");
  }

  /** Sends a block as it is. */
  raw(blockKind: BlockKind, content: Uint8Array, flags: { last?: boolean; final?: boolean } = {}) {
    const block = this.#block++ as BlockIndex;
    const at = SLOT * tools.arena.slotBytes;
    tools.arena.bytes.set(content, at);
    const digest = tools.digest.block({ at, bytes: content.length }, block);
    tools.arena.bytes.set(digest, at + content.length);
    return this.used(blockKind, content.length + DIGEST_BYTES, { block, ...flags });
  }

  used(blockKind: BlockKind, bytes: number, flags: { block: BlockIndex; last?: boolean; final?: boolean }) {
    const { block, last = false, final = false } = flags;
    const reply = this.#to.handle({
      kind: "block",
      key: this.key,
      slot: SLOT,
      block,
      blockKind,
      bytes,
      lastOfKind: last,
      final,
    });
    if (reply.kind !== "used") throw new Error("a block was not answered by used");
    return reply;
  }

  /** Sends a compressed block. */
  send(blockKind: BlockKind, raw: Uint8Array, flags: { last?: boolean; final?: boolean } = {}) {
    const frame = new Uint8Array(raw.length + 1000);
    return this.raw(blockKind, frame.subarray(0, tools.zstd.compress(raw, frame)), flags);
  }

  manifest(entries: readonly Entry[], firstEntry = 0, last = true) {
    return this.send(BlockKind.manifest, encodeSection(firstEntry, entries), { last });
  }

  /** Sends a manifest in one section, with terms that differ from those that say nothing. */
  under(terms: Partial<Terms>, entries: readonly Entry[]) {
    return this.section({ ...NO_TERMS, ...terms }, entries, { firstEntry: 0, last: true });
  }

  /** Sends a section of a push with these terms. */
  section(
    terms: Terms,
    entries: readonly Entry[],
    { firstEntry, last }: { firstEntry: number; last: boolean },
  ) {
    return this.send(BlockKind.manifest, encodeSection(firstEntry, entries, terms), { last });
  }

  /** Ends a push that needs no content, and commits. */
  commit(): StageReply {
    expect(this.plan([], true).failure).toBeUndefined();
    expect(this.ask("prepare")).toMatchObject({ kind: "prepared" });
    return this.ask("commit");
  }

  plan(content: number[], final = false) {
    const records =
      content.length === 0
        ? []
        : [
            {
              section: 0,
              entries: content.length,
              content: Uint8Array.of(content.reduce((byte, bit, i) => byte | (bit << i), 0)),
            },
          ];
    return this.send(BlockKind.plan, encodePlan(records), { last: true, final });
  }

  ask(kind: "prepare" | "commit" | "abort"): StageReply {
    return this.#to.handle({ kind, key: this.key });
  }
}

/** The digest that a good verdict has for a file with this content, which lies in one block (PROTOCOL §10.4). */
export function digestOf(content: string | Uint8Array): Uint8Array {
  const at = SLOT * tools.arena.slotBytes;
  tools.arena.bytes.set(typeof content === "string" ? Buffer.from(content) : content, at);
  const digest = tools.digest.open();
  digest.update({ at, bytes: content.length });
  const result = digest.finish();
  digest.close();
  return result;
}

/** As `digestOf`, for a file that begins at byte `from` of a stream whose first block is number `first`, and lies in several blocks. */
export function digestOfParts(
  content: Uint8Array,
  { from, first }: { from: number; first: number },
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let done = 0, at = from; done < content.length; ) {
    const bytes = Math.min(content.length - done, CAPACITY - (at % CAPACITY));
    tools.arena.bytes.set(content.subarray(done, done + bytes));
    parts.push(tools.digest.block({ at: 0, bytes }, first + Math.floor(at / CAPACITY)));
    done += bytes;
    at += bytes;
  }
  tools.arena.bytes.set(Buffer.concat(parts));
  return tools.digest.block({ at: 0, bytes: parts.length * DIGEST_BYTES }, 0);
}

/** Runs `act` on a receiver with a file, which must stay alone and as it is. */
export function unchanged(act: (to: Receiver) => void): void {
  using space = workspace();
  const base = space.path("b");
  mkdirSync(base);
  writeFileSync(`${base}/mine`, "mine");
  const before = snapshot(base);
  act(receiver(base));
  expect(snapshot(base)).toEqual(before);
}
