import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Arena } from "../../src/disk/arena.ts";
import type { Limits } from "../../src/disk/budget.ts";
import type { Digest } from "../../src/disk/digest.ts";
import type { SourceLine } from "../../src/disk/lines.ts";
import { createSource } from "../../src/disk/source.ts";
import { createStage } from "../../src/disk/stage.ts";
import type { Latin1, Sys } from "../../src/disk/sys.ts";
import { createZstd, type Zstd } from "../../src/disk/zstd.ts";
import { createDigest } from "../../src/io/digest.ts";
import { shimColumnReader } from "../../src/io/entry-columns.ts";
import { allocate } from "../../src/io/ffi.ts";
import { createSys } from "../../src/io/sys.ts";
import { assert, type BlockIndex, type NodeId, type PushId, type Slot } from "../../src/wire/brand.ts";
import type {
  PushKey,
  Selection,
  SourceReply,
  SourceRequest,
  StageReply,
  StageRequest,
  Task,
} from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import type { ReadColumns } from "../../src/wire/entry-columns.ts";
import { singly } from "./singly.ts";
import { type Block, type Outcome, Target, unite } from "./target.ts";

/** A small capacity, so that small trees have many blocks. */
export const CAPACITY = 20_000;
const SLOT_BYTES = 32_768;
const memory = allocate(4 * SLOT_BYTES);
const arena: Arena = { bytes: new Uint8Array(memory.buffer), slotBytes: SLOT_BYTES };
export const tools: {
  sys: Sys;
  arena: Arena;
  digest: Digest;
  zstd: Zstd;
  readColumns: ReadColumns;
  freeMemory: () => void;
  shownBase: Latin1;
  ownerMatch: boolean;
  devices: boolean;
  fsync: boolean;
  clock: () => number;
} = {
  sys: createSys(memory),
  arena,
  digest: createDigest(memory),
  zstd: createZstd(),
  readColumns: shimColumnReader(),
  freeMemory: () => {},
  shownBase: "/shown/base",
  ownerMatch: false,
  devices: true,
  fsync: true,
  clock: () => performance.now() * 1000,
};
const SLOT = 1 as Slot;

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

/** A receiver with the base directory `base`; its tools may be others than the usual ones. `heard` is told of each reply as it is given. */
export function receiver(
  base: string,
  options: Partial<typeof tools> & { limits?: Limits; heard?: (reply: StageReply) => void } = {},
): Receiver {
  const { heard = () => {}, ...with_ } = options;
  const replies: StageReply[] = [];
  const log: string[] = [];
  const stage = createStage({
    ...tools,
    ...with_,
    base,
    emit: (reply) => {
      replies.push(reply);
      heard(reply);
    },
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
  /** What differs from a plain push. */
  readonly task?: Partial<Task>;
  /** Whether the names that are removed are wanted. */
  readonly names?: boolean;
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

/** A Sys whose calls are announced first; a number is their answer in place of the real one. Those for many files are so many single ones. */
export function interpose(
  sys: Sys,
  announce: (call: keyof Sys, args: readonly unknown[]) => number | undefined,
): Sys {
  const single: Sys = new Proxy(sys, {
    get(target, name: keyof Sys) {
      if (name in bulk) return bulk[name as keyof typeof bulk];
      const member = target[name];
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => announce(name, args) ?? Reflect.apply(member, target, args);
    },
  });
  const bulk = singly(() => single, tools);
  return single;
}

/** A Sys some of whose calls are others. Those for many files are so many single ones. */
export function altered(calls: Partial<Sys>): Sys {
  const sys: Sys = { ...tools.sys, ...singly(() => sys, tools), ...calls };
  return sys;
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
  const task = { ...SEND_TASK, ...options.task };
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
    task,
    dryRun,
    names: options.names ?? false,
    capacity,
  });
  const check = task.mode === "check";
  const outcomes = options.to.map((to) => new Target(to, { key, dryRun, check, capacity }));
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
    for (const target of outcomes) {
      // A receiver may use the memory until it answers.
      bytes.set(good);
      target.take(reply);
    }
    if (reply.blockKind === 0 && reply.lastOfKind) {
      if (dryRun || check) break;
      unite(outcomes).forEach((content, section) => {
        source.handle({ kind: "union", key, section, content });
      });
    }
    if (reply.final) break;
  }

  if (message === undefined && !dryRun && !check && options.abort !== true) {
    for (const target of outcomes) target.prepare();
    before("commit");
    for (const target of outcomes) target.commit();
  }
  for (const target of outcomes) target.abort();
  for (const [i, outcome] of outcomes.entries())
    for (const request of questions(outcome, { key, host: `host${i}` })) source.handle(request);
  source.handle({ kind: "close", key });
  assert(replies.shift()?.kind === "closed", "close is answered");
  return { key, message, lines, blocks, outcomes };
}

/** What is asked of the source, so that users are told by name. */
function questions({ needs, failure }: Outcome, to: { key: PushKey; host: string }): SourceRequest[] {
  const names = needs.map(({ section, update }) => ({ kind: "names", ...to, section, update }) as const);
  return failure === undefined ? names : [...names, { kind: "explain", ...to, failure }];
}
