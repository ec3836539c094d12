import type { SourceLine } from "../../src/disk/lines.ts";
import { createSource } from "../../src/disk/source.ts";
import { assert, type BlockIndex, type Slot } from "../../src/wire/brand.ts";
import { BlockKind, DIGEST_BYTES } from "../../src/wire/constants.ts";
import type { PushKey, Selection, SourceReply, Task } from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { decodeSection, type Entry } from "../../src/wire/manifest.ts";
import type { Terms } from "../../src/wire/terms.ts";
import { CAPACITY, everything, freshKey, tools, unexpected } from "./support.ts";

/** A source by itself, asked for blocks by a test. */

/** The slot that its blocks go through. */
const SLOT = 3 as Slot;

export type Asked = {
  readonly from: string;
  readonly selection?: Selection;
  readonly task?: Partial<Task>;
  readonly dryRun?: boolean;
  readonly names?: boolean;
  readonly capacity?: number;
  readonly tools?: Partial<typeof tools>;
  /** Called in each pause. */
  readonly paused?: () => void;
};

export type Manifest = {
  readonly key: PushKey;
  /** The source gave up. */
  readonly message: string | undefined;
  /** Undefined if it gave up before the first section. */
  readonly terms: Terms | undefined;
  readonly entries: readonly Entry[];
  /** Number of entries, by section. */
  readonly sections: readonly number[];
  readonly lines: SourceLine[];
  readonly pauses: readonly number[];
  /** The source, whose push is still open. */
  readonly source: ReturnType<typeof createSource>;
  readonly close: () => void;
};

/** A selection of these paths. */
export function select(paths: readonly string[], recursive = false): Selection {
  return { paths: paths.map((path) => Buffer.from(path, "latin1")), recursive };
}

/** The manifest of a push, up to its last section, as a receiver would read it. */
export function manifestOf(asked: Asked): Manifest {
  const { capacity = CAPACITY, paused = () => {} } = asked;
  const key = freshKey();
  const replies: SourceReply[] = [];
  const lines: SourceLine[] = [];
  const pauses: number[] = [];
  const source = createSource({
    ...tools,
    ...asked.tools,
    base: asked.from,
    emit: (reply) => replies.push(reply),
    tell: (line) => lines.push(line),
    log: unexpected,
    later: (ms, resume) => {
      pauses.push(ms);
      paused();
      resume();
    },
  });
  const { selection = everything, dryRun = false, names = false } = asked;
  const task = { ...SEND_TASK, ...asked.task };
  source.handle({ kind: "open", key, selection, task, dryRun, names, capacity });
  const entries: Entry[] = [];
  const sections: number[] = [];
  let terms: Terms | undefined;
  let message: string | undefined;
  for (let block = 0, last = false; !last; block++) {
    source.handle({ kind: "next", key, slot: SLOT, block: block as BlockIndex });
    const reply = replies.shift();
    assert(reply !== undefined && replies.length === 0, "a next has one reply");
    if (reply.kind !== "block") {
      message = reply.kind === "failed" ? reply.message : "closed";
      break;
    }
    assert(reply.blockKind === BlockKind.manifest, "the manifest comes first");
    const section = sectionAt(reply.bytes - DIGEST_BYTES, terms);
    assert(
      section.firstEntry === (section.entries.length === 0 ? 0 : entries.length),
      "a section is missing",
    );
    terms = section.terms;
    entries.push(...section.entries);
    sections.push(section.entries.length);
    assert(reply.entries === section.entries.length, "wrong number of entries");
    last = reply.lastOfKind;
  }
  const close = () => source.handle({ kind: "close", key });
  return { key, message, terms, entries, sections, lines, pauses, source, close };
}

function sectionAt(bytes: number, terms: Terms | undefined) {
  const at = SLOT * tools.arena.slotBytes;
  const raw = tools.zstd.expand(tools.arena.bytes.subarray(at, at + bytes));
  assert(raw !== undefined, "no frame");
  const section = decodeSection(raw, terms);
  assert(typeof section !== "string", "no section");
  return section;
}

/** Entries as text: type, path, and marks; `d+` is a directory that is listed, `=` a digest. */
export function outline({ entries }: Pick<Manifest, "entries">): string[] {
  return entries.map(({ type, path, listed, digest }) => {
    const letter = type === "directory" ? "d" : type === "file" ? "f" : type;
    const marks = `${listed === true ? "+" : ""}${digest === undefined ? "" : "="}`;
    return `${letter}${marks} ${Buffer.from(path).toString("latin1")}`;
  });
}

/** Problems that the source has told. */
export function told({ lines }: Pick<Manifest, "lines">): string[] {
  return lines.flatMap((line) =>
    line.kind === "problem"
      ? [`${line.problem} ${line.errno} ${Buffer.from(line.path).toString("latin1")}`]
      : [],
  );
}
