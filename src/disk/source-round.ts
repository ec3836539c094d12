import type { Entry } from "../wire/manifest.ts";
import type { Verdict } from "../wire/verdict.ts";
import type { FileReader } from "./file-reader.ts";
import { toLatin1 } from "./names.ts";
import { pauseMs, quietInNs } from "./quiet.ts";
import { look } from "./scan.ts";
import { type Maker, type SourcePush, type SourceTools, tellProblem } from "./source-push.ts";
import { Errno, failed } from "./sys.ts";
import type { VerdictLog } from "./verdict-log.ts";

/** How the source makes sure of files that changed a moment ago. */

/** A file of one round of the stream: the first round's are the plan's, each further one's an amendment's. */
export type RoundFile = { readonly number: number; readonly size: number; readonly entry: Entry };
/** Its files in stream order; a fresh walk for each call. */
export type Round = {
  readonly index: number;
  readonly files: () => Iterable<RoundFile>;
  readonly bytes: number;
};

/** Files that were read well, though their times cannot prove it: when they were last changed, by their place in the round. */
export type Doubts = Map<number, bigint>;

/** How often files that changed are looked at once more, before they are taken to be written all the time. */
const SETTLE_TURNS = 3;
/** Other pushes have their turn after so much that is read and not sent. */
export const TURN_BYTES = 16 << 20;

/**
 * Reads the doubtful files of a round once more, now that they have been left alone for a while. Their verdicts stay good if they have not been
 * changed since, and have the same content again. The memory at the push's target is free for this.
 */
export function* confirm(
  tools: SourceTools,
  push: SourcePush,
  options: { round: Round; reader: FileReader; verdicts: VerdictLog; doubts: Doubts },
): Maker {
  const { round, reader, verdicts, doubts } = options;
  if (doubts.size === 0) return;
  let waitNs = 0n;
  const now = tools.sys.nowNs();
  for (const { file, changedNs } of doubtful(round, doubts)) {
    const { seconds, nanoseconds } = file.entry;
    const ns = quietInNs({ changedNs, seconds, nanoseconds }, now);
    if (ns > waitNs) waitNs = ns;
  }
  // What has changed under our eyes was perhaps read while its writer was held up in the middle: some time goes by before the second look.
  const atLeastQuiet = round.index > 0;
  if (waitNs > 0n || atLeastQuiet) yield { kind: "pause", ms: pauseMs(waitNs, { atLeastQuiet }) };
  for (const { file, at, from, changedNs } of doubtful(round, doubts)) {
    const first = verdicts.at(at, file.number);
    const second = yield* readAgain(push, { file, from, reader, changedNs });
    const verdict = isEqual(first, second) ? first : without(second);
    verdicts.set(at, verdict);
    if (verdict.status === "unreadable") tellUnreadable(tools, push, file.entry, verdict.errno);
  }
}

/**
 * Waits, not for long, until files that changed have been left alone for a while; returns those that never were. One that is gone, or no file
 * any more, is left alone.
 */
export function* settle(
  { sys }: SourceTools,
  { directories }: SourcePush,
  files: readonly RoundFile[],
): Maker<ReadonlySet<RoundFile>> {
  let restless = new Map<RoundFile, bigint | undefined>(files.map((file) => [file, undefined]));
  for (let turn = 0; ; turn++) {
    const now = sys.nowNs();
    const still = new Map<RoundFile, bigint>();
    let waitNs = 0n;
    for (const [file, seenNs] of restless) {
      const { stat } = look(sys, directories, toLatin1(file.entry.path));
      // Whoever has not changed since the last look was left alone for as long as it takes, whatever his clock says.
      if (failed(stat) || stat.kind !== "file" || stat.changedNs === seenNs) continue;
      const ns = quietInNs(stat, now);
      if (ns === 0n) continue;
      still.set(file, stat.changedNs);
      if (ns > waitNs) waitNs = ns;
    }
    if (still.size === 0 || turn === SETTLE_TURNS) return new Set(still.keys());
    restless = still;
    yield { kind: "pause", ms: pauseMs(waitNs) };
  }
}

/** Tells the user of a file that could not be read. */
export function tellUnreadable(tools: SourceTools, push: SourcePush, entry: Entry, errno: number): void {
  const problem = errno === Errno.ENOENT ? "vanished" : "unreadable";
  tellProblem(tools, push, { path: toLatin1(entry.path), problem, errno });
}

/** `from`: where it begins in the round's stream. */
type Doubtful = {
  readonly file: RoundFile;
  readonly at: number;
  readonly from: number;
  readonly changedNs: bigint;
};

function* doubtful(round: Round, doubts: Doubts): Generator<Doubtful, void, undefined> {
  let at = 0;
  let from = 0;
  for (const file of round.files()) {
    const changedNs = doubts.get(at);
    if (changedNs !== undefined) yield { file, at, from, changedNs };
    at++;
    from += file.size;
  }
}

/** One more reading of a file that was last changed at `changedNs`, part by part, as for the stream. */
function* readAgain(
  push: SourcePush,
  { file, from, reader, changedNs }: Omit<Doubtful, "at"> & { reader: FileReader },
): Maker<Verdict> {
  const { capacity, target } = push;
  const end = from + file.size;
  reader.open(file.entry, { from, changedNs });
  let turn = 0;
  while (reader.good && reader.left > 0) {
    const bytes = Math.min(reader.left, capacity - ((end - reader.left) % capacity));
    reader.read({ at: target, bytes });
    turn += bytes;
    if (turn < TURN_BYTES) continue;
    turn = 0;
    yield { kind: "pause", ms: 0 };
  }
  return reader.finish(file.number).verdict;
}

function isEqual(first: Verdict, second: Verdict): boolean {
  return (
    first.status === "good" && second.status === "good" && Buffer.compare(first.digest, second.digest) === 0
  );
}

/** What is to be said of a file whose second reading was not as the first. */
function without(second: Verdict): Verdict {
  return second.status === "good" ? { entry: second.entry, status: "changed" } : second;
}
