import { type Amendment, amendmentBytes, encodeAmendments } from "../wire/amendment.ts";
import { AMENDMENTS_MAX, BlockKind } from "../wire/constants.ts";
import { type Entry, rawBytesMax } from "../wire/manifest.ts";
import { encodeVerdicts, VERDICT_BYTES, type Verdict } from "../wire/verdict.ts";
import { ContentPacker } from "./content-packer.ts";
import { FileReader, type Reading } from "./file-reader.ts";
import { toLatin1 } from "./names.ts";
import { describe, look } from "./scan.ts";
import type { Sections } from "./sections.ts";
import { SmallReader } from "./small-reader.ts";
import {
  type Maker,
  madeBlock,
  ownerOf,
  putCompressed,
  recordsPerBlock,
  type SourcePush,
  type SourceTools,
  tellProblem,
} from "./source-push.ts";
import { confirm, type Doubts, type Round, type RoundFile, settle, tellUnreadable } from "./source-round.ts";
import { StreamDigest } from "./stream-digest.ts";
import type { StreamWalk } from "./stream-walk.ts";
import { Errno } from "./sys.ts";
import { VerdictLog } from "./verdict-log.ts";

/** Content, verdicts and amendments, to the end of the push (PROTOCOL §10.3..5). Nothing if the plan is empty. */
export function* makeContent(tools: SourceTools, push: SourcePush): Maker {
  let round: Round | undefined = { index: 0, files: () => planned(push), bytes: push.contentBytes };
  while (round !== undefined) round = yield* play(tools, push, round);
}

/** One round: its content, its verdicts, and the amendment that makes the next one. */
function* play(tools: SourceTools, push: SourcePush, round: Round): Maker<Round | undefined> {
  const verdicts = new VerdictLog();
  const { sys, arena } = tools;
  const { capacity, directories } = push;
  const digest = new StreamDigest(tools.digest, { capacity, firstBlock: push.block });
  const reader = new FileReader({ sys, memory: arena.bytes, directories, digest });
  try {
    const doubts = yield* stream(tools, push, { round, reader, digest, verdicts });
    yield* confirm(tools, push, { round, reader, verdicts, doubts });
  } finally {
    reader.close();
    digest.close();
  }
  const amended = yield* judge(tools, push, { round, verdicts });
  if (amended.round === undefined) return undefined;
  yield* amend(tools, push, amended.amendments);
  push.contentBytes += amended.round.bytes;
  return amended.round;
}

function* planned({ sections }: SourcePush): Generator<RoundFile, void, undefined> {
  for (const walk = sections.stream(); walk.next(); ) yield new PlannedFile(sections, walk);
}

/** Its entry is made when it is asked for: in the walk that only counts verdicts nobody does. */
class PlannedFile implements RoundFile {
  readonly number: number;
  readonly size: number;
  readonly #sections: Sections;
  #entry: Entry | undefined;

  constructor(sections: Sections, { number, size }: StreamWalk) {
    this.#sections = sections;
    this.number = number;
    this.size = size;
  }

  get entry(): Entry {
    if (this.#entry !== undefined) return this.#entry;
    const { section, index } = this.#sections.locate(this.number);
    this.#entry = this.#sections.entry(section, index);
    return this.#entry;
  }
}

/** The content blocks of a round; returns of which files to make sure. Files that are empty have no bytes, but a verdict all the same. */
function* stream(
  tools: SourceTools,
  push: SourcePush,
  options: { round: Round; reader: FileReader; digest: StreamDigest; verdicts: VerdictLog },
): Maker<Doubts> {
  const { round, reader, digest, verdicts } = options;
  const doubts: Doubts = new Map();
  // One that changed in the last round is likelier than others to be written by somebody who is just held up.
  const judge = ({ verdict, changedNs, sure }: Reading, { entry, size }: RoundFile) => {
    const doubtful = !sure || round.index > 0;
    if (verdict.status === "good" && size > 0 && doubtful) doubts.set(verdicts.count, changedNs);
    verdicts.add(verdict);
    if (verdict.status === "unreadable") tellUnreadable(tools, push, entry, verdict.errno);
  };
  const good = (digests: Uint8Array, at: number) => verdicts.addGood(digests, at);
  const small = new SmallReader(tools.sys, push, { good, other: judge });
  const packer = new ContentPacker(tools, push);
  let filled = 0;
  let from = 0;
  for (const file of round.files()) {
    const start = from;
    from += file.size;
    // Those of later rounds are no longer what the manifest says.
    const planned = round.index === 0;
    if (planned && file.size <= push.capacity - filled && small.add(file, push.target + filled)) {
      filled += file.size;
      if (filled < push.capacity) continue;
      small.flush();
      yield packer.block(filled);
      filled = 0;
      continue;
    }
    small.flush();
    reader.open(file.entry, { from: start });
    while (reader.left > 0) {
      const bytes = Math.min(reader.left, push.capacity - filled);
      reader.read({ at: push.target + filled, bytes });
      filled += bytes;
      if (filled < push.capacity) continue;
      yield packer.block(filled, digest.takeWhole());
      filled = 0;
    }
    judge(reader.finish(file.number), file);
  }
  small.flush();
  if (filled > 0) yield packer.block(filled);
  return doubts;
}

type Amended = { readonly amendments: readonly Amendment[]; readonly round: Round | undefined };

/** The verdict blocks of a round; returns the round that is to follow, if any file changed and there may be one more. */
function* judge(
  tools: SourceTools,
  push: SourcePush,
  { round, verdicts }: { round: Round; verdicts: VerdictLog },
): Maker<Amended> {
  const perBlock = recordsPerBlock(push, VERDICT_BYTES);
  let records: Verdict[] = [];
  let at = 0;
  const changed: RoundFile[] = [];
  for (const file of round.files()) {
    if (records.length === perBlock) {
      yield madeBlock(BlockKind.verdict, putCompressed(tools, push, encodeVerdicts(records)));
      records = [];
    }
    const verdict = verdicts.at(at++, file.number);
    if (verdict.status === "changed") changed.push(file);
    records.push(verdict);
  }
  // Whether this is the final block is decided here: a changed file that is there again makes one more round.
  const amended =
    round.index < AMENDMENTS_MAX
      ? yield* lookAgain(tools, push, { round, changed })
      : giveUp(tools, push, changed);
  const final = amended.round === undefined;
  yield madeBlock(BlockKind.verdict, putCompressed(tools, push, encodeVerdicts(records)), { final });
  return amended;
}

function giveUp(tools: SourceTools, push: SourcePush, changed: readonly RoundFile[]): Amended {
  for (const { entry } of changed)
    tellProblem(tools, push, { path: toLatin1(entry.path), problem: "changed", errno: 0 });
  return { amendments: [], round: undefined };
}

/** What the changed files are, once they have come to rest. One that never does is not read again: nobody could tell what that would give. */
function* lookAgain(
  tools: SourceTools,
  push: SourcePush,
  { round, changed }: { round: Round; changed: readonly RoundFile[] },
): Maker<Amended> {
  const restless = yield* settle(tools, push, changed);
  const amendments: Amendment[] = [];
  const files: RoundFile[] = [];
  let bytes = 0;
  giveUp(tools, push, [...restless]);
  for (const file of changed) {
    if (restless.has(file)) continue;
    const { number, entry } = file;
    const path = toLatin1(entry.path);
    const found = describe(path, look(tools.sys, push.directories, path), ownerOf(tools));
    if (found?.kind !== "entry") {
      tellProblem(tools, push, found ?? { path, problem: "vanished", errno: Errno.ENOENT });
    } else if (found.entry.type !== "file") {
      tellProblem(tools, push, { path, problem: "changed", errno: 0 });
    } else {
      amendments.push({ entry: number, to: found.entry });
      files.push({ number, size: found.entry.size, entry: found.entry });
      bytes += found.entry.size;
    }
  }
  if (files.length === 0) return { amendments, round: undefined };
  return { amendments, round: { index: round.index + 1, files: () => files, bytes } };
}

/** The amendment blocks (PROTOCOL §10.5). */
function* amend(tools: SourceTools, push: SourcePush, amendments: readonly Amendment[]): Maker {
  const limit = rawBytesMax(push.capacity);
  let records: Amendment[] = [];
  let bytes = 0;
  for (const amendment of amendments) {
    if (records.length > 0 && bytes + amendmentBytes(amendment) > limit) {
      yield madeBlock(BlockKind.amendment, putCompressed(tools, push, encodeAmendments(records)));
      records = [];
      bytes = 0;
    }
    records.push(amendment);
    bytes += amendmentBytes(amendment);
  }
  yield madeBlock(BlockKind.amendment, putCompressed(tools, push, encodeAmendments(records)));
}
