import { bitmapBytes } from "../wire/bitmap.ts";
import { assert } from "../wire/brand.ts";
import { BlockKind } from "../wire/constants.ts";
import { type Entry, mayFollow, rawBytesMax, SECTION_FIXED_BYTES, SectionWriter } from "../wire/manifest.ts";
import { encodePlan, type PlanRecord, planRecordBytes } from "../wire/plan.ts";
import { toLatin1 } from "./names.ts";
import { scan } from "./scan.ts";
import { resolveSelection } from "./selection.ts";
import {
  type Made,
  type Maker,
  madeBlock,
  putCompressed,
  type SourcePush,
  type SourceTools,
  tellProblem,
} from "./source-push.ts";

/** The manifest's blocks, made as the scan goes on (PROTOCOL §10.1). Returns whether the push can go on. */
export function* makeManifest(tools: SourceTools, push: SourcePush): Maker<boolean> {
  const chosen = resolveSelection(tools.sys, push.base, push.selection);
  if ("message" in chosen) {
    yield { kind: "failed", message: chosen.message };
    return false;
  }
  const limit = rawBytesMax(push.capacity);
  assert(limit >= SECTION_FIXED_BYTES, "block too small for any section");
  const writer = new SectionWriter(limit);
  let entries: Entry[] = [];
  let previous: Entry | undefined;

  const section = (lastOfKind: boolean): Made => {
    const bytes = putCompressed(tools, push, writer.take());
    push.sections.add(tools.arena.bytes.subarray(push.target, push.target + bytes), entries);
    const made = madeBlock(BlockKind.manifest, bytes, { lastOfKind, entries: entries.length });
    entries = [];
    return made;
  };

  const options = { roots: chosen.roots, recursive: push.selection.recursive };
  for (const found of scan(tools.sys, push.base, options)) {
    if (found.kind === "problem") {
      tellProblem(tools, push, found);
      continue;
    }
    const path = toLatin1(found.entry.path);
    // Looked at one after the other, a path may have been a file, and the next be inside of it all the same; or a directory names one thing twice.
    if (previous !== undefined && !mayFollow(previous, found.entry)) {
      tellProblem(tools, push, { kind: "problem", path, problem: "changed", errno: 0 });
      continue;
    }
    let added = writer.add(found.entry);
    if (added === "full") {
      yield section(false);
      added = writer.add(found.entry);
    }
    if (added === "added") {
      entries.push(found.entry);
      previous = found.entry;
    } else {
      tellProblem(tools, push, { kind: "problem", path, problem: "long", errno: 0 });
    }
  }
  yield section(true);
  return true;
}

/** The plan's blocks (PROTOCOL §10.2), from the plans that the sections have got. Afterwards `contentBytes` is known. */
export function* makePlan(tools: SourceTools, push: SourcePush): Maker {
  const { sections } = push;
  let files = 0;
  for (const { size } of sections.stream()) {
    push.contentBytes += size;
    files++;
  }
  const limit = rawBytesMax(push.capacity);
  let records: PlanRecord[] = [];
  let bytes = 0;
  for (let section = 0; section < sections.count; section++) {
    const content = sections.plan(section);
    if (content === undefined) continue;
    const entries = sections.length(section);
    assert(content.length === bitmapBytes(entries), "plan of a wrong length");
    if (bytes + planRecordBytes(entries) > limit) {
      yield madeBlock(BlockKind.plan, putCompressed(tools, push, encodePlan(records)));
      records = [];
      bytes = 0;
    }
    records.push({ section, entries, content });
    bytes += planRecordBytes(entries);
  }
  const last = putCompressed(tools, push, encodePlan(records));
  yield madeBlock(BlockKind.plan, last, { lastOfKind: true, final: files === 0 });
}
