import { bitmapBytes } from "../wire/bitmap.ts";
import { assert } from "../wire/brand.ts";
import { BlockKind } from "../wire/constants.ts";
import { rawBytesMax } from "../wire/manifest.ts";
import { encodePlan, type PlanRecord, planRecordBytes } from "../wire/plan.ts";
import { type Maker, madeBlock, putCompressed, type SourcePush, type SourceTools } from "./source-push.ts";

/** The plan's blocks (PROTOCOL §10.2), from the plans that the sections have got. Afterwards `contentBytes` is known. */
export function* makePlan(tools: SourceTools, push: SourcePush): Maker {
  const { sections } = push;
  let files = 0;
  for (const walk = sections.stream(); walk.next(); ) {
    push.contentBytes += walk.size;
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
