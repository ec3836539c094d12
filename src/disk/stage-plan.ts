import { isSubset } from "../wire/bitmap.ts";
import { FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import { decodePlan } from "../wire/plan.ts";
import { isStaged } from "./builder.ts";
import { Mark } from "./marks.ts";
import { memoryFailure, protocolFailure, type StagePush } from "./stage-push.ts";
import { Errno, errnoOf, failed, type Sys } from "./sys.ts";

/** Bytes that are kept of each entry of a section that has files in the content stream (Budget). */
const SIZE_BYTES = 8;

/** Takes the plan blocks of a push on a receiver (PROTOCOL §10.2). */
export class PlanIntake {
  readonly #sys: Sys;
  readonly #push: StagePush;
  #lastSection = -1;

  constructor(sys: Sys, push: StagePush) {
    this.#sys = sys;
    this.#push = push;
  }

  /** Takes the next block, expanded. */
  take(raw: Uint8Array): DiskFailure | undefined {
    const { sections, budget, rules } = this.#push;
    const records = decodePlan(raw);
    if (typeof records === "string") return protocolFailure();
    if (records.length > 0 && rules.terms.mode !== "send") return protocolFailure();
    for (const { section, entries, content } of records) {
      const known = section > this.#lastSection && section < sections.count;
      if (!known || entries !== sections.length(section)) return protocolFailure();
      if (!budget.take(content.length + entries * SIZE_BYTES)) return memoryFailure();
      sections.setPlan(section, content);
      this.#lastSection = section;
    }
    return undefined;
  }

  /** The last block has been taken: fails if the plan cannot be right, or what it brings has no room here. */
  finish(): DiskFailure | undefined {
    return this.#checkContent() ?? this.#checkSpace();
  }

  /** Everything that is needed here must be in the plan, and nothing in it that is not a file. */
  #checkContent(): DiskFailure | undefined {
    const { sections, marks } = this.#push;
    for (let section = 0; section < sections.count; section++) {
      const plan = sections.plan(section);
      const needed = marks.bitmap(section, Mark.content);
      if (needed !== undefined && (plan === undefined || !isSubset(needed, plan))) return protocolFailure();
      for (let index = 0; plan !== undefined && index < sections.length(section); index++) {
        const set = ((plan[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0;
        if (set && sections.size(section, index) < 0)
          return protocolFailure(sections.firstEntry(section) + index);
      }
    }
    return undefined;
  }

  /** Fails before the content comes if there is surely no room for it. */
  #checkSpace(): DiskFailure | undefined {
    const { sections, marks } = this.#push;
    let bytes = 0;
    let inodes = 0;
    for (let section = 0; section < sections.count; section++) {
      marks.of(section)?.forEach((mark, index) => {
        if (isStaged(mark)) inodes++;
        if ((mark & Mark.content) !== 0) bytes += Math.max(0, sections.size(section, index));
      });
    }
    const space = this.#sys.space(this.#push.base);
    if (failed(space)) return { errno: errnoOf(space), step: FailStep.stage, entry: undefined };
    if (bytes <= space.bytes && inodes <= space.inodes) return undefined;
    return { errno: Errno.ENOSPC, step: FailStep.stage, entry: undefined };
  }
}
