import { orInto } from "../../src/wire/bitmap.ts";
import { assert } from "../../src/wire/brand.ts";
import type {
  DiskFailure,
  NeedAnswer,
  PushKey,
  SourceReply,
  StageReply,
  StageRequest,
} from "../../src/wire/disk-port.ts";
import type { Receiver } from "./support.ts";

/** One receiver of a push, as its owner sees it. */

export type Block = Extract<SourceReply, { kind: "block" }>;
type Used = Extract<StageReply, { kind: "used" }>;

/** What became of a push at one receiver. */
export type Outcome = {
  refused: string | undefined;
  failure: DiskFailure | undefined;
  committed: boolean;
  readonly needs: NeedAnswer[];
  readonly used: Used[];
  /** Blocks that were passed to it. */
  readonly taken: number[];
};

/** The union of what the receivers need, by section (PROTOCOL §10.2). */
export function unite(targets: readonly Target[]): (Uint8Array | undefined)[] {
  const union: (Uint8Array | undefined)[] = [];
  for (const { needs } of targets) {
    for (const { section, content } of needs) {
      const known = union[section];
      if (known !== undefined && content !== undefined) orInto(known, content);
      else union[section] = known ?? content?.slice();
    }
  }
  return union;
}

/** Opens a push at a receiver and passes it what it wants of it. */
export class Target implements Outcome {
  refused: string | undefined;
  failure: DiskFailure | undefined;
  committed = false;
  readonly needs: NeedAnswer[] = [];
  readonly used: Used[] = [];
  readonly taken: number[] = [];
  readonly #to: Receiver;
  readonly #key: PushKey;
  #wanted: { first: number; bits: Uint8Array } | undefined;

  constructor(to: Receiver, open: Omit<Extract<StageRequest, { kind: "open" }>, "kind">) {
    this.#to = to;
    this.#key = open.key;
    const opened = to.handle({ kind: "open", ...open });
    if (opened.kind === "refused") this.refused = opened.text;
    else assert(opened.kind === "opened", "open is answered");
  }

  get #alive(): boolean {
    return this.refused === undefined && this.failure === undefined;
  }

  take(made: Block): void {
    if (!this.#alive || !this.#wants(made.block)) return;
    const { key, slot, block, blockKind, bytes, lastOfKind, final } = made;
    const used = this.#to.handle({ kind: "block", key, slot, block, blockKind, bytes, lastOfKind, final });
    assert(used.kind === "used" && used.block === block && used.slot === slot, "a block is answered");
    this.taken.push(block);
    this.used.push(used);
    if (used.need !== undefined) this.needs.push(used.need);
    if (used.wanted !== undefined) this.#wanted = used.wanted;
    this.failure = used.failure;
  }

  #wants(block: number): boolean {
    if (this.#wanted === undefined) return true;
    const bit = block - this.#wanted.first;
    const byte = this.#wanted.bits[bit >>> 3];
    return bit < 0 || byte === undefined || (byte & (1 << (bit & 7))) !== 0;
  }

  prepare(): void {
    if (!this.#alive) return;
    const reply = this.#to.handle({ kind: "prepare", key: this.#key });
    if (reply.kind === "failed") this.failure = reply.failure;
    else assert(reply.kind === "prepared", "prepare is answered");
  }

  commit(): void {
    if (!this.#alive) return;
    const reply = this.#to.handle({ kind: "commit", key: this.#key });
    if (reply.kind === "failed") this.failure = reply.failure;
    this.committed = reply.kind === "committed";
  }

  abort(): void {
    assert(this.#to.handle({ kind: "abort", key: this.#key }).kind === "closed", "abort is answered");
  }
}
