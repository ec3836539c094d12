import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Arena } from "../../src/disk/arena.ts";
import type { Digest } from "../../src/disk/digest.ts";
import type { SourceLine } from "../../src/disk/lines.ts";
import { createSource } from "../../src/disk/source.ts";
import { createStage } from "../../src/disk/stage.ts";
import type { Sys } from "../../src/disk/sys.ts";
import { createZstd, type Zstd } from "../../src/disk/zstd.ts";
import { createDigest } from "../../src/io/digest.ts";
import { allocate } from "../../src/io/ffi.ts";
import { createSys } from "../../src/io/sys.ts";
import { orInto } from "../../src/wire/bitmap.ts";
import { assert, type BlockIndex, type NodeId, type PushId, type Slot } from "../../src/wire/brand.ts";
import type {
  DiskFailure,
  NeedAnswer,
  PushKey,
  Selection,
  SourceReply,
  StageReply,
  StageRequest,
} from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";

/** A small capacity, so that small trees have many blocks. */
export const CAPACITY = 20_000;
const SLOT_BYTES = 32_768;
const memory = allocate(4 * SLOT_BYTES);
const arena: Arena = { bytes: new Uint8Array(memory.buffer), slotBytes: SLOT_BYTES };
export const tools: { sys: Sys; arena: Arena; digest: Digest; zstd: Zstd } = {
  sys: createSys(memory),
  arena,
  digest: createDigest(memory),
  zstd: createZstd(),
};
const SLOT = 1 as Slot;

type Block = Extract<SourceReply, { kind: "block" }>;
type Used = Extract<StageReply, { kind: "used" }>;

let pushes = 0;
/** A key that no other push of this process has. */
export function freshKey(): PushKey {
  return { owner: 0x1234n as NodeId, push: ++pushes as PushId };
}

/** In memory unless TMPDIR says otherwise: some disks make a thousand files a second, and this is not what is tested here. */
const TEMPORARY = process.env.TMPDIR ?? (existsSync("/dev/shm") ? "/dev/shm" : tmpdir());

/** Temporary directories that are removed by `dispose`, which `using` calls. */
export function workspace(): { path(name: string): string; root: string } & Disposable {
  const root = mkdtempSync(join(TEMPORARY, "makuosan-disk-"));
  return {
    root,
    path: (name) => join(root, name),
    [Symbol.dispose]() {
      run("chmod", ["-R", "u+rwX", root]);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Runs a program and returns what it printed; throws if it fails. */
export function run(command: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error ?? stderr}`);
  return stdout;
}

/** What rsync would change below `b` to make it equal to `a`; the base directories' own metadata is not looked at. */
export function differences(a: string, b: string): string {
  const lines = run("rsync", ["-aHn", "--checksum", "--delete", "--itemize-changes", `${a}/`, `${b}/`]).split(
    "\n",
  );
  return lines.filter((line) => line !== "" && !/^\.d.{9} \.\/$/.test(line)).join("\n");
}

/** Tells the tools who runs them, after that has changed. */
export function renewSys(): void {
  tools.sys = createSys(memory);
}

/** One receiver of a loop without a network. */
export type Receiver = {
  readonly base: string;
  /** What its operator has been told. */
  readonly log: readonly string[];
  readonly handle: (request: StageRequest) => StageReply;
  readonly cleanAtStart: () => number;
};

/** A receiver with the base directory `base`; its tools may be others than the usual ones. */
export function receiver(base: string, with_: Partial<typeof tools> = {}): Receiver {
  const replies: StageReply[] = [];
  const log: string[] = [];
  const stage = createStage({
    ...tools,
    ...with_,
    base,
    emit: (reply) => replies.push(reply),
    log: (text) => log.push(text),
  });
  return {
    base,
    log,
    handle(request) {
      stage.handle(request);
      const reply = replies.shift();
      assert(reply !== undefined && replies.length === 0, "a request has one reply");
      return reply;
    },
    cleanAtStart: () => stage.cleanAtStart(),
  };
}

export type PushOptions = {
  readonly from: string;
  readonly to: readonly Receiver[];
  readonly selection?: Selection;
  readonly dryRun?: boolean;
  readonly capacity?: number;
  readonly source?: Partial<typeof tools>;
  /** Called before each block is made, with its number, and before the commit, with "commit"; may change the world. */
  readonly before?: (moment: number | "commit") => void;
  /** Called when a block has been made, with its bytes, digest included. True: it may have changed them, and the receivers get it as it is first. */
  readonly spoil?: (block: Block, bytes: Uint8Array) => boolean;
  /** Ends the push in place of the commit. */
  readonly abort?: boolean;
};

export type PushResult = {
  readonly key: PushKey;
  /** The source gave up. */
  readonly message: string | undefined;
  readonly lines: readonly SourceLine[];
  readonly blocks: readonly Block[];
  /** By receiver. */
  readonly outcomes: readonly Outcome[];
};
export type Outcome = {
  refused: string | undefined;
  failure: DiskFailure | undefined;
  committed: boolean;
  readonly needs: NeedAnswer[];
  readonly used: Used[];
  /** Blocks that were passed to it. */
  readonly taken: number[];
};

export const everything: Selection = { paths: [], recursive: true };

/** Pauses as a source asks for them, here with nothing else to do meanwhile. */
export function sleepThenResume(ms: number, resume: () => void): void {
  Bun.sleepSync(ms);
  resume();
}

/** For what a source must never have to say. */
export function unexpected(text: string): never {
  throw new Error(text);
}

/** The clock of file times has moved on since any file was made. */
export function settle(): void {
  for (let tick = 0, last = tools.sys.nowNs(); tick < 2; Bun.sleepSync(1)) {
    const now = tools.sys.nowNs();
    if (now !== last) tick++;
    last = now;
  }
}

/** A Sys whose calls are announced first; a number is their answer in place of the real one. */
export function interpose(
  sys: Sys,
  announce: (call: keyof Sys, args: readonly unknown[]) => number | undefined,
): Sys {
  return new Proxy(sys, {
    get(target, name: keyof Sys) {
      const member = target[name];
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => announce(name, args) ?? Reflect.apply(member, target, args);
    },
  });
}

/** What there is below a base, by path: type, metadata and content; the base's own metadata is left out. */
export function snapshot(base: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (path: string) => {
    for (const name of readdirSync(Buffer.from(base + path, "latin1"), { encoding: "latin1" }).sort()) {
      const below = `${path}/${name}`;
      const bytes = Buffer.from(base + below, "latin1");
      const stat = lstatSync(bytes, { bigint: true });
      const content = stat.isFile()
        ? readFileSync(bytes).toString("latin1")
        : stat.isSymbolicLink()
          ? readlinkSync(bytes)
          : "";
      found.set(below, [stat.mode.toString(8), stat.uid, stat.gid, stat.mtimeNs, content].join(" "));
      if (stat.isDirectory()) walk(below);
    }
  };
  walk("");
  return found;
}

/** Plays the engine: one push from a tree to some others. */
export function push(options: PushOptions): PushResult {
  settle();
  const key = freshKey();
  const { capacity = CAPACITY, dryRun = false, before = () => {} } = options;
  const replies: SourceReply[] = [];
  const lines: SourceLine[] = [];
  const source = createSource({
    ...tools,
    ...options.source,
    base: options.from,
    emit: (reply) => replies.push(reply),
    later: sleepThenResume,
    log: unexpected,
    tell: (line) => lines.push(line),
  });
  source.handle({
    kind: "open",
    key,
    selection: options.selection ?? everything,
    task: SEND_TASK,
    dryRun: false,
    names: false,
    capacity,
  });
  const outcomes = options.to.map((to) => new Target(to, { key, dryRun, capacity }));
  const blocks: Block[] = [];
  let message: string | undefined;

  for (let block = 0; ; block++) {
    before(block);
    source.handle({ kind: "next", key, slot: SLOT, block: block as BlockIndex });
    const reply = replies.shift();
    assert(reply !== undefined && replies.length === 0, "a next has one reply");
    if (reply.kind !== "block") {
      message = reply.kind === "failed" ? reply.message : "closed";
      break;
    }
    blocks.push(reply);
    const bytes = arena.bytes.subarray(SLOT * SLOT_BYTES, SLOT * SLOT_BYTES + reply.bytes);
    const good = bytes.slice();
    if (options.spoil?.(reply, bytes) === true) for (const target of outcomes) target.take(reply);
    bytes.set(good);
    for (const target of outcomes) target.take(reply);
    if (reply.blockKind === 0 && reply.lastOfKind) {
      if (dryRun) break;
      unite(outcomes).forEach((content, section) => {
        source.handle({ kind: "union", key, section, content });
      });
    }
    if (reply.final) break;
  }

  if (message === undefined && !dryRun && options.abort !== true) {
    for (const target of outcomes) target.prepare();
    before("commit");
    for (const target of outcomes) target.commit();
  }
  for (const target of outcomes) target.abort();
  for (const [i, { needs, failure }] of outcomes.entries()) {
    for (const { section, update } of needs)
      source.handle({ kind: "names", key, section, host: `host${i}`, update });
    if (failure !== undefined) source.handle({ kind: "explain", key, host: `host${i}`, failure });
  }
  source.handle({ kind: "close", key });
  assert(replies.shift()?.kind === "closed", "close is answered");
  return { key, message, lines, blocks, outcomes };
}

/** The union of what the receivers need, by section (PROTOCOL §10.2). */
function unite(targets: readonly Target[]): (Uint8Array | undefined)[] {
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

class Target implements Outcome {
  refused: string | undefined;
  failure: DiskFailure | undefined;
  committed = false;
  readonly needs: NeedAnswer[] = [];
  readonly used: Used[] = [];
  readonly taken: number[] = [];
  readonly #to: Receiver;
  readonly #key: PushKey;
  #wanted: { first: number; bits: Uint8Array } | undefined;

  constructor(to: Receiver, { key, dryRun, capacity }: { key: PushKey; dryRun: boolean; capacity: number }) {
    this.#to = to;
    this.#key = key;
    const opened = to.handle({ kind: "open", key, dryRun, check: false, capacity });
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
